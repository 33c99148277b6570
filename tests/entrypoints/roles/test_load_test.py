"""`telemetry load-test` reads what rate is asked for."""

import argparse
import asyncio
import math

import pytest

from telemetry.domain.vehicle.mishap import Shares
from telemetry.entrypoints.roles import load_test
from telemetry.entrypoints.roles.load_test import LoadOptions
from telemetry.entrypoints.shared.proving import ProofOptions
from telemetry.entrypoints.shared.sending import SendOptions
from tests.entrypoints.roles.sending import container_to
from tests.fakes import FakeGateway


def test_a_rate_is_a_number_or_max():
    assert load_test.rate("50") == 50
    assert load_test.rate("0.5") == 0.5
    assert load_test.rate("max") == math.inf


@pytest.mark.parametrize("text", ["0", "-3", "nan"])
def test_a_rate_that_is_none_is_refused(text: str):
    with pytest.raises(argparse.ArgumentTypeError, match="above 0, or max"):
        load_test.rate(text)


@pytest.mark.parametrize("text", ["inf", "1e7", "1e-9"])
def test_a_rate_that_nobody_sends_at_is_refused(text: str):
    with pytest.raises(argparse.ArgumentTypeError, match="from 0.001 to 1e"):
        load_test.rate(text)


@pytest.mark.usefixtures("pauses")
async def test_the_same_seed_sends_the_same_values_and_another_one_others(capsys: pytest.CaptureFixture[str]):
    async def payloads(seed: int) -> list[dict[str, float]]:
        gateway, options = FakeGateway(), LoadOptions(messages=5, seed=seed)
        send, stopping = SendOptions(connections=1), asyncio.Event()
        made = container_to(gateway), options, ProofOptions(settle_s=0), send, Shares(), stopping
        assert await load_test.load(*made) == 1  # as nobody stores what it sends
        return [record.payload for record in gateway.records]

    first = await payloads(1)
    assert await payloads(1) == first
    assert await payloads(2) != first
    assert capsys.readouterr().out.count("sent 5 records, 5 accepted, 0 rejected\n") == 3
