"""Calls together: all are made, so many at once, and one that fails costs no other."""

import asyncio

import pytest

from telemetry.coordination.together import Concurrently
from telemetry.domain.errors import TelemetryError
from telemetry.domain.together import Together, one_by_one


@pytest.fixture(params=[one_by_one, Concurrently(3)], ids=["one by one", "concurrently"])
def together(request: pytest.FixtureRequest) -> Together:
    made: Together = request.param
    return made


async def test_what_calls_return_is_in_their_order_and_an_error_takes_the_place_of_a_result(together):
    error = TelemetryError("no")

    async def call(number: int) -> int:
        await asyncio.sleep(0.001 * (5 - number))
        if number == 2:
            raise error
        return number

    made = await together([lambda number=number: call(number) for number in range(5)])
    assert list(made) == [0, 1, error, 3, 4]
    assert list(await together([])) == []


async def test_a_fault_of_the_program_is_raised(together):
    async def fault() -> None:
        raise ZeroDivisionError

    with pytest.raises((ZeroDivisionError, ExceptionGroup)):
        await together([fault])


async def test_no_more_calls_are_under_way_than_is_said():
    under_way, most = 0, 0

    async def call() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1

    await Concurrently(3)([call] * 20)
    assert most == 3
