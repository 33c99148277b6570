"""`telemetry load-test` reads what rate is asked for."""

import argparse
import math

import pytest

from telemetry.entrypoints.roles import load_test


def test_a_rate_is_a_number_or_max():
    assert load_test.rate("50") == 50
    assert load_test.rate("0.5") == 0.5
    assert load_test.rate("max") == math.inf


@pytest.mark.parametrize("text", ["0", "-3", "nan"])
def test_a_rate_that_is_none_is_refused(text: str):
    with pytest.raises(argparse.ArgumentTypeError, match="above 0, or max"):
        load_test.rate(text)
