"""What is said in the log of hours: their figures, and once what is wrong with them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from telemetry.domain.clock import Clock
from telemetry.domain.contract.moment import Hour, format_hour
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures.hour import Built, Kept
from telemetry.domain.figures.watch import Look
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.throttle import Throttle
from telemetry.entrypoints.process.log import Log

_PERIOD_S: Final = 60.0  # in which a store that is away is named once
_MOST: Final = 1000  # hours whose damage is remembered


class Troubles:
    """Says what is wrong when it begins, and again if it changes or came back after it had ended."""

    def __init__(self, logger: Log, clock: Clock) -> None:
        self._logger = logger
        self._clock = clock
        self._throttle = Throttle(_PERIOD_S)
        self._unlisted: Mapping[str, str] = {}
        self._unbuilt: dict[Hour, str] = {}
        self._damage: dict[Hour, frozenset[tuple[str, str]]] = {}

    def of_listings(self, look: Look) -> None:
        """Say what could not be listed, and what can be again."""
        if look.is_away:
            error = str(next(iter(look.failed.values())))
            if self._throttle.admit("away", self._clock.monotonic_s()):
                self._logger.error("The store could not be listed, trying again", error=error)
            return
        unlisted = {name: str(error) for name, error in look.failed.items()}
        for name in unlisted.keys() | self._unlisted.keys():
            error_now = unlisted.get(name)
            if error_now is None:
                self._logger.info("It can be listed again", name=name)
            elif error_now != self._unlisted.get(name):
                self._logger.error("It could not be listed, the rest goes on", name=name, error=error_now)
        self._unlisted = unlisted

    def of_hour(self, hour: Hour, error: TelemetryError | None) -> None:
        """Say that an hour could not be built, or that this is over."""
        why = None if error is None else str(error)
        if why is None and self._unbuilt.pop(hour, ""):
            self._logger.info("The hour can be built again", hour=format_hour(hour))
        elif why is not None and self._unbuilt.get(hour) != why:
            self._unbuilt[hour] = why
            self._logger.error("An hour could not be built, trying again", hour=format_hour(hour), error=why)

    def of_objects(self, built: Built) -> None:
        """Say which objects of an hour are damaged."""
        said = self._damage.pop(built.hour, frozenset())
        damaged(self._logger, (error for error in built.damage if (error.key, error.why) not in said))
        if built.damage:
            self._damage[built.hour] = frozenset((error.key, error.why) for error in built.damage)
        if len(self._damage) > _MOST:
            del self._damage[next(iter(self._damage))]


def damaged(logger: Log, errors: Iterable[DamagedObjectError]) -> None:
    """Log what is damaged in an hour."""
    for error in errors:
        logger.error("An object is damaged, the rest of its hour is built", key=error.key, error=error.why)


def figures(logger: Log, built: Built) -> None:
    """Log the canonical line of an hour's figures, or why they were kept."""
    if built.kept:
        kept(logger, [built])
        return
    of_hour = built.aggregated
    if of_hour.inputs_missing:
        logger.warning(
            "The figures were gone, and were built from what is left",
            hour=format_hour(built.hour),
            inputs_missing=of_hour.inputs_missing,
        )
    logger.info(
        "Hour aggregated",
        hour=format_hour(built.hour),
        vehicles=len(of_hour.vehicles),
        records=of_hour.records,
        unique=of_hour.unique,
        duplicates=of_hour.duplicates,
        refused=of_hour.refused,
        skewed=of_hour.skewed,
        objects=of_hour.objects,
        key=built.key,
    )


def certificate(logger: Log, built: Built) -> None:
    """Log that an hour is complete now, or for what it waits."""
    made = built.aggregated.certificate
    if made and made.state == "complete":
        logger.info(
            "Hour complete",
            hour=format_hour(built.hour),
            revision=made.revision,
            records=made.current.counts.records,
            late=made.late,
            gaps=made.wholeness.gaps,
        )
    elif made:
        logger.info("Hour not complete", hour=format_hour(built.hour), reason=made.reason)


def kept(logger: Log, builts: Sequence[Built]) -> None:
    """Log once that the figures of some hours were kept: many are, if the raw store is not where it was."""
    hours = {each.hour: each.kept for each in builts if each.kept}
    if len(hours) == 1:
        _kept(logger, *hours.popitem())
    elif hours:
        first, last = format_hour(min(hours)), format_hour(max(hours))
        logger.warning(
            "The figures of several hours are kept: they were built from more than is there now",
            hours=len(hours),
            first=first,
            last=last,
            objects_before=sum(each.objects_before for each in hours.values()),
            objects_now=sum(each.objects_now for each in hours.values()),
            remedy="if raw/ should be there, mount it; if objects were removed on purpose, "
            f"telemetry aggregator --from {first} --to {last} --force builds from what is left",
        )


def _kept(logger: Log, hour: Hour, kept: Kept) -> None:
    known = {"records_now": kept.records_now, "missing": kept.missing}
    logger.warning(
        "The figures are kept: they were built from more than is there now",
        hour=format_hour(hour),
        objects_before=kept.objects_before,
        objects_now=kept.objects_now,
        records_before=kept.records_before,
        **{name: value for name, value in known.items() if value is not None},
        remedy=f"telemetry aggregator --hour {format_hour(hour)} --force builds them from what is left",
    )
