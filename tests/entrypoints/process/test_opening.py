"""What a role opened is closed when it ends, whatever happens."""

import pytest

from telemetry.entrypoints.process.opening import opened


class Thing:
    """Something that is opened, and that may refuse to be closed."""

    def __init__(self, name: str, log: list[str], *, stuck: bool = False) -> None:
        self._name, self._log, self._stuck = name, log, stuck
        log.append(f"open {name}")

    async def close(self) -> None:
        self._log.append(f"close {self._name}")
        if self._stuck:
            raise OSError(f"{self._name} is stuck")


async def test_things_are_closed_in_the_opposite_order():
    log: list[str] = []
    async with opened(lambda: Thing("queue", log), lambda: Thing("storage", log)):
        log.append("work")
    assert log == ["open queue", "open storage", "work", "close storage", "close queue"]


async def test_one_that_cannot_be_closed_does_not_keep_the_others_open():
    log: list[str] = []
    with pytest.raises(OSError, match="storage is stuck"):
        async with opened(lambda: Thing("queue", log), lambda: Thing("storage", log, stuck=True)):
            pass
    assert log[-2:] == ["close storage", "close queue"]


async def test_one_that_cannot_be_opened_closes_those_that_were():
    log: list[str] = []

    def refuse() -> Thing:
        raise OSError("no storage")

    with pytest.raises(OSError, match="no storage"):
        async with opened(lambda: Thing("queue", log), refuse):
            pass
    assert log == ["open queue", "close queue"]
