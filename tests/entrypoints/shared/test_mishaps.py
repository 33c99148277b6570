"""The options that let things go wrong on purpose."""

import argparse

import pytest

from telemetry.domain.vehicle.mishap import Shares
from telemetry.entrypoints.shared import mishaps


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    mishaps.add_arguments(parser)
    return parser


@pytest.mark.parametrize(
    ("arguments", "shares"),
    [
        ([], Shares()),
        (
            ["--offline", "--clock-skew", "--duplicates", "--reorder", "--corrupt"],
            Shares(0.2, 0.1, 0.05, 0.2, 0.01),
        ),
        (["--duplicates", "0.5", "--offline"], Shares(offline=0.2, duplicates=0.5)),
    ],
)
def test_nothing_goes_wrong_but_what_is_asked_for(parser, arguments, shares):
    assert mishaps.of(parser.parse_args(arguments), seed=1)._shares == shares


@pytest.mark.parametrize("text", ["-0.1", "1.1", "nan"])
def test_a_share_that_is_none_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="from 0 to 1"):
        mishaps.share(text)
