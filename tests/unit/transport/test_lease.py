"""Lease handles are written and read back."""

import pytest

from telemetry.domain.transport.lease import lease_handle, parse_handle


def test_a_handle_reads_back_as_the_lease_that_it_names():
    assert parse_handle(lease_handle(12, 3)) == (12, 3)


@pytest.mark.parametrize("text", ["", "x", "1", "1:", ":1", "1:x", "1:2:3"])
def test_what_is_no_handle_raises_value_error(text):
    with pytest.raises(ValueError, match="invalid literal"):
        parse_handle(text)
