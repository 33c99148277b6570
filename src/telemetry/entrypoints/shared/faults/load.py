"""The load on a pipeline while faults are injected, and the record that shows that all of it works again."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from telemetry.coordination.sending import ConcurrentSender
from telemetry.domain.contract.moment import hour_of
from telemetry.domain.contract.record import Record
from telemetry.domain.errors import TelemetryError
from telemetry.domain.proof.gateway import GatewayError
from telemetry.domain.proof.manifest import Manifest
from telemetry.domain.store import objects
from telemetry.domain.vehicle.simulate import SAMPLING_S, Simulation
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.shared import sending
from telemetry.entrypoints.shared.faults.awaiting import described
from telemetry.entrypoints.shared.sending import SendOptions

VEHICLES: Final = 20
RATE: Final = VEHICLES / SAMPLING_S  # records a second
_PATIENCE_S: Final = 300.0  # longer than any fault, so that a sender gives nothing up
_TRY_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.1


class _Named(msgspec.Struct):
    """The vehicles that an hour has figures of."""

    vehicles: Mapping[str, msgspec.Raw]


_read: Final = msgspec.json.Decoder(_Named).decode


class Load:
    """A fleet that posts to `url`; all that it sends is in `manifest`."""

    def __init__(self, container: Container, url: str) -> None:
        self.url = url
        self.manifest = Manifest()
        self._container = container
        self._clock = container.clock()
        self._prefix = f"{self._clock.wall_ms():x}"
        self._going = asyncio.Event()
        self._going.set()
        self._probes = 0
        self._complaints: list[str] = []
        self._senders: list[ConcurrentSender] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Post while the context lasts; at its end all is answered."""
        async with self.sender(8) as sender:
            driving = asyncio.create_task(self._drive(sender))
            try:
                yield
            finally:
                driving.cancel()
                (end,) = await asyncio.gather(driving, return_exceptions=True)
                if isinstance(end, Exception):
                    self._complaints.append(f"the load ended early: {described(end)}")

    @asynccontextmanager
    async def silent(self) -> AsyncIterator[None]:
        """Measure nothing while the context lasts."""
        self._going.clear()
        try:
            yield
        finally:
            self._going.set()

    def fleet(self, name: str, vehicles: int) -> Simulation:
        """Make a fleet that no other load has."""
        return self._container.simulation(vehicles, seed=1, prefix=f"{self._prefix}-{name}")

    @asynccontextmanager
    async def sender(self, connections: int) -> AsyncIterator[ConcurrentSender]:
        """Open a sender of its own, which writes to the same manifest."""
        options = SendOptions(url=self.url, connections=connections, patience_s=_PATIENCE_S)
        async with sending.sender(self._container, options, self.manifest) as sender:
            self._senders.append(sender)
            yield sender

    def objections(self) -> Sequence[str]:
        """Return why the load was not a load: it ended early, or not all of it was accepted."""
        failures = [each for sender in self._senders for each in sender.failures]
        rejected = [each.error for sender in self._senders for each in sender.rejected]
        sent, accepted = self.manifest.count()
        wrong = list(self._complaints)
        if failures:
            wrong.append(f"bodies that were not sent: {len(failures)}, the first: {failures[0]}")
        if rejected:
            wrong.append(f"good records that were rejected: {len(rejected)}, the first: {rejected[0]}")
        if sent != accepted:
            wrong.append(f"records that were sent: {sent}, and accepted: {accepted}")
        return wrong

    async def recover(self, patience_s: float) -> float:
        """Return after how many seconds a record that is sent now is in the figures of its hour.

        Raise TimeoutError if it is not in time.
        """
        self._probes += 1
        record = Record(
            self._clock.wall_ms(), f"{self._prefix}-probe-{self._probes}", "0x1F0", {"battery_soc": 50.0}
        )
        started_s = self._clock.monotonic_s()
        try:
            async with asyncio.timeout(patience_s):
                while not await self._accepts(record):  # noqa: ASYNC110  # others cannot set an event here
                    await asyncio.sleep(_LOOK_EVERY_S)
                while not await self._has_figures(record):  # noqa: ASYNC110  # as above
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            raise TimeoutError(f"no record passed all roles within {patience_s:g} s") from None
        return self._clock.monotonic_s() - started_s

    async def _drive(self, sender: ConcurrentSender) -> None:
        simulation, last_ms = self.fleet("load", VEHICLES), 0
        while True:
            await self._going.wait()
            last_ms = max(self._clock.wall_ms(), last_ms + 1)
            await sender.send(simulation.sample(last_ms))
            await asyncio.sleep(SAMPLING_S)

    async def _accepts(self, record: Record) -> bool:
        gateway = self._container.gateway(url=self.url, connections=1, patience_s=_TRY_S)
        async with opened(lambda: gateway):
            try:
                await self._container.sender(gateway=gateway, manifest=self.manifest).send([record])
            except GatewayError:
                return False
        return True

    async def _has_figures(self, record: Record) -> bool:
        try:
            key = objects.aggregated_key(hour_of(record.timestamp_ms))
            return record.vehicle_id in _read(await self._container.storage().get(key)).vehicles
        except TelemetryError:  # there are none yet
            return False
