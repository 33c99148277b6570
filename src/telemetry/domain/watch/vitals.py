"""The six numbers that say how the pipeline is, judged from one reading: what is wrong, and what helps."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Literal, Protocol

import msgspec

from telemetry.domain.contract.moment import format_hour, format_timestamp
from telemetry.domain.transport.lease import Depth
from telemetry.domain.watch.lately import LATE_S, REFUSED_SHARE, Lately, Role, Sums
from telemetry.domain.watch.overdue import Overdue

Name = Literal["stored", "p95", "oldest", "rejected", "dead_letters", "hours_overdue"]

TITLES: Final[Mapping[Name, str]] = {
    "stored": "stored",
    "p95": "P95 end to end",
    "oldest": "oldest message",
    "rejected": "rejected share",
    "dead_letters": "dead letters",
    "hours_overdue": "hours overdue",
}
"""What each number is called where a person reads it."""

OLDEST_S: Final = 60.0
_STUCK_S: Final = 3.0  # that a message may wait beyond the age at which a batch is stored

_USUAL_URL: Final = "http://127.0.0.1:8000"
_ROLES: Final[Sequence[Role]] = ("receiver", "consumer", "aggregator")


class Aims(msgspec.Struct, frozen=True):
    """What a judgement needs to know of the settings."""

    batch_timeout_s: float = 2.0
    data_dir: str = "data"


class Reading(msgspec.Struct, frozen=True):
    """What could be found out at one moment; None is what could not.

    `lately` is of each process that tells, `missing` are the roles of which one should tell and none does.
    `oldest_ms` is when the oldest message was sent that is not dead, and None also if there is none.
    `store_ms` is when the store was asked, if that was before this reading.
    """

    lately: Sequence[Lately] = ()
    missing: Collection[Role] = ()
    depth: Depth | None = None
    oldest_ms: int | None = None
    quarantined: int | None = None
    overdue: Sequence[Overdue] | None = None
    store_ms: int | None = None
    aims: Aims = Aims()

    def of(self, role: Role) -> Sequence[Lately]:
        """Return what the processes of a role tell."""
        return [each for each in self.lately if each.role == role]


class Vital(msgspec.Struct, frozen=True):
    """One of the six numbers. `value` is None if it could not be found out.

    `second` is when it was read, `since` when it began to be wrong, `why` what is wrong, and `help` the
    command that helps first.
    """

    name: Name
    value: float | None
    unit: str
    second: str
    wrong: bool
    since: str | None = None
    why: str = ""
    help: str = ""


class Vitals(msgspec.Struct, frozen=True):
    """The six numbers in their order, and how many processes of each role were seen."""

    at: str
    roles: Mapping[Role, int]
    vitals: Sequence[Vital]

    @property
    def is_well(self) -> bool:
        return not any(each.wrong for each in self.vitals)


class Reader(Protocol):
    """Reads the six numbers."""

    async def read(self) -> Vitals:
        """Return the numbers as they are now; what cannot be found out has no value."""
        ...


class _Fault(msgspec.Struct, frozen=True):
    """What is wrong with a number, the command that helps, and since when it is wrong, if that is known."""

    why: str
    help: str
    since_ms: int | None = None


_Judged = tuple[float | None, _Fault | None]


class _Case(msgspec.Struct, frozen=True):
    """A reading, when it was made, and what the processes of each role did lately."""

    reading: Reading
    now_ms: int
    sums: Mapping[Role, Sums]

    @classmethod
    def of(cls, reading: Reading, now_ms: int) -> "_Case":
        return cls(reading, now_ms, {role: Sums.of(reading.of(role)) for role in _ROLES})

    @property
    def age_s(self) -> float | None:
        """How old the oldest message is; None if there is none, or it is not known."""
        oldest_ms = self.reading.oldest_ms
        return None if oldest_ms is None else max(0, self.now_ms - oldest_ms) / 1000

    @property
    def url(self) -> str:
        """Where a receiver answers."""
        return next((each.url for each in self.reading.of("receiver") if each.url), _USUAL_URL)

    def gone(self, role: Role) -> _Fault | None:
        """Return the fault that nobody plays a role, if that is one."""
        if role not in self.reading.missing:
            return None
        return _Fault(f"no {role} runs", f"telemetry {role}", self.reading.oldest_ms)


def judge(reading: Reading, now_ms: int) -> Vitals:
    """Judge a reading that was made at `now_ms`."""
    case = _Case.of(reading, now_ms)
    asked_ms = now_ms if reading.store_ms is None else reading.store_ms
    return Vitals(
        format_timestamp(now_ms),
        {role: len(reading.of(role)) for role in _ROLES},
        [
            _vital(name, unit, asked_ms if name in _OF_STORE else now_ms, judged(case))
            for name, unit, judged in _NUMBERS
        ],
    )


def _vital(name: Name, unit: str, read_ms: int, judged: _Judged) -> Vital:
    value, fault = judged
    second = format_timestamp(read_ms)
    if fault is None:
        return Vital(name, value, unit, second, wrong=False)
    since = None if fault.since_ms is None else format_timestamp(fault.since_ms)
    return Vital(name, value, unit, second, wrong=True, since=since, why=fault.why, help=fault.help)


def _stored(case: _Case) -> _Judged:
    per_s, age_s = case.sums["consumer"].stored_per_s, case.age_s or 0
    if gone := case.gone("consumer"):
        return 0.0, gone
    if not case.reading.of("consumer"):
        return None, None
    if age_s <= case.reading.aims.batch_timeout_s + _STUCK_S:
        return per_s, None
    if failing := next((each.now.failing for each in case.reading.lately if each.now.failing), ""):
        return per_s, _Fault(failing, _against(failing, case), case.reading.oldest_ms)
    if per_s == 0:
        why = "messages wait and nothing is stored"
        return per_s, _Fault(why, "telemetry health consumer", case.reading.oldest_ms)
    return per_s, None


_AGAINST_FAULT: Final = {
    "Permission denied": "chmod -R u+rwX {data_dir}",
    "Read-only file system": "mount -o remount,rw $(findmnt -no TARGET -T {data_dir})",
    "No space left on device": "df -h {data_dir}",
}
"""What helps by what an error says."""


def _against(fault: str, case: _Case) -> str:
    """Return the command that helps against a fault of the store."""
    command = next((help_ for text, help_ in _AGAINST_FAULT.items() if text in fault), "telemetry settings")
    return command.format(data_dir=case.reading.aims.data_dir)


def _p95(case: _Case) -> _Judged:
    by_stage = case.sums["consumer"].p95_s
    value = by_stage.get("end_to_end")
    if value is None or value <= LATE_S:
        return value, None
    slowest = max((stage for stage in by_stage if stage != "end_to_end"), key=lambda each: by_stage[each])
    since = [each.late_since_ms for each in case.reading.lately if each.late_since_ms is not None]
    why = f"over {LATE_S:g} s, most of it in the stage {slowest}"
    return value, _Fault(why, _AGAINST_LATE[slowest], min(since, default=None))


_AGAINST_LATE: Final = {
    "ingest": "telemetry skewed list",
    "queue": "telemetry consumer",
    "processing": "telemetry health consumer",
}
"""What helps where a stage takes most of the time: records come late or clocks are wrong; consumers lack."""


def _oldest(case: _Case) -> _Judged:
    age_s = case.age_s
    if age_s is None or age_s <= OLDEST_S:
        return age_s, None
    since_ms = case.now_ms - round((age_s - OLDEST_S) * 1000)
    gone = case.gone("consumer")
    why = gone.why if gone else "the consumers are behind, or cannot store"
    return age_s, _Fault(why, "telemetry consumer", since_ms)


def _rejected(case: _Case) -> _Judged:
    received, consumed = case.sums["receiver"].shares, case.sums["consumer"].shares
    shares = {"rejected": received["rejected"], "failed": received["failed"], "skewed": consumed["skewed"]}
    kind = max(shares, key=lambda each: shares[each])
    if gone := case.gone("receiver"):
        return None, msgspec.structs.replace(gone, since_ms=None)
    if not case.reading.lately:
        return None, None
    if shares[kind] <= REFUSED_SHARE:
        return shares[kind] * 100, None
    since = [each.refused_since_ms for each in case.reading.lately if each.refused_since_ms is not None]
    why, help_ = _REFUSALS[kind]
    if kind == "failed" and case.gone("consumer"):
        why, help_ = "POSTs are answered 5xx, and no consumer empties the queue", "telemetry consumer"
    return shares[kind] * 100, _Fault(why, help_.format(url=case.url), min(since, default=None))


_REFUSALS: Final = {
    "rejected": ("records are rejected", "curl -s {url}/metrics | grep rejected_records"),
    "failed": ("POSTs are answered 5xx", "curl -s {url}/health/ready"),
    "skewed": ("records are set aside, because of their clocks", "telemetry skewed list"),
}
"""By what is not taken as it was sent: what is wrong, and the command that helps."""


def _letters(case: _Case) -> _Judged:
    depth, quarantined = case.reading.depth, case.reading.quarantined
    if depth is None and quarantined is None:
        return None, None
    dead = depth.dead if depth else 0
    value = dead + (quarantined or 0)
    if not value:
        return 0.0, None
    why = f"{dead} dead letters, {quarantined or 0} objects in quarantine"
    steps = ["list", *(["replay"] if dead else []), *(["dismiss"] if quarantined else [])]
    return float(value), _Fault(why, "; ".join(f"telemetry dead-letters {step}" for step in steps))


def _hours(case: _Case) -> _Judged:
    overdue = case.reading.overdue
    gone = case.gone("aggregator")
    if overdue is None:
        return None, gone
    if not overdue:
        return 0.0, msgspec.structs.replace(gone, since_ms=None) if gone else None
    first = overdue[0]
    if gone or first.is_unseen:
        why, help_ = "no aggregator looks at what is stored", "telemetry aggregator"
    else:
        why, help_ = "they should be complete", f"telemetry hours show {format_hour(first.hour)}"
    return float(len(overdue)), _Fault(why, help_, first.since_ms)


_OF_STORE: Final = {"dead_letters", "hours_overdue"}

_NUMBERS: Final[Sequence[tuple[Name, str, Callable[[_Case], _Judged]]]] = (
    ("stored", "records/s", _stored),
    ("p95", "s", _p95),
    ("oldest", "s", _oldest),
    ("rejected", "%", _rejected),
    ("dead_letters", "", _letters),
    ("hours_overdue", "", _hours),
)
