"""The options that make things go wrong on purpose."""

import pytest

from telemetry.domain.vehicle.mishap import Shares
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.shared import mishaps


def chosen(*arguments: str) -> Shares:
    parser = Parser.of("simulator", None)
    mishaps.add_options(parser)
    return parser.read(arguments).to(Shares)


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
def test_nothing_goes_wrong_but_what_is_asked_for(arguments, shares):
    assert chosen(*arguments) == shares


@pytest.mark.parametrize(("text", "why"), [("-0.1", ">= 0"), ("1.1", "<= 1"), ("nan", ">= 0")])
def test_a_share_that_is_none_is_refused(capsys, text, why):
    with pytest.raises(SystemExit) as ended:
        chosen("--clock-skew", text)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"telemetry simulator: argument --clock-skew: {text}: ")
    assert why in said
