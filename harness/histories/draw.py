"""Draw a history from a seed: its settings, what is sent, and what goes wrong meanwhile."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

import msgspec

from harness.histories.faults import STORE_VERBS
from harness.histories.options import HOUR_MS, Event, History, Mode, Options
from harness.histories.records import Records
from harness.histories.world import CONSUMERS, OPERATOR

_HOUR: Final = 489_132  # 2025-10-19T12, counted from 1970


class _Size(NamedTuple):
    """How large a history is: how many POSTs and others it has, and how many records a POST has at most."""

    posts: tuple[int, int]
    others: tuple[int, int]
    records: int


_SMALL: Final = _Size((1, 2), (1, 5), 3)
_LARGE: Final = _Size((2, 6), (2, 10), 10)
_LARGE_SHARE: Final = 0.08
_WAITING: Final = 0.5  # share of sleeps in which a message waits
_WEIGHTS: Final[Mapping[str, float]] = {
    "foreign": 2, "poison": 1, "fault": 9, "away": 2, "kill": 5, "stop": 1, "freeze": 1.5, "sleep": 2,
    "evict": 0.7, "replay": 0.7, "refile": 1.5, "set aside": 1, "doom": 0.8, "jump": 6,
}  # fmt: skip
_POISON: Final = ("garbage", "{", '{"timestamp": "never"}', "TLE1", '{"vehicle_id": "a"}')
_VERBS: Final[Mapping[str, Sequence[str]]] = {
    "receiver": ("send", "post"),
    "consumer": ("receive", "delete", "extend", "acquit", "put", "put"),
    "aggregator": (*STORE_VERBS, "outlook"),
    "compactor": ("put", "put", "put", "get", "list", "remove", "folders"),
    "operator": ("put", "put", "remove", "send", "list", "dead", "redrive"),
}
_MODES: Final[Mapping[str, Sequence[Mode]]] = {
    "send": ("refuse", "lose", "delay", "part", "double", "reorder"),
    "receive": ("refuse", "lose", "delay", "part", "reorder"),
    "delete": ("refuse", "lose", "delay", "part"),
    "extend": ("refuse", "lose", "delay", "part"),
    "redrive": ("refuse", "lose", "delay", "part"),
    "post": ("refuse", "lose", "delay", "double"),
}
_ANY_MODE: Final[Sequence[Mode]] = ("refuse", "lose", "delay")
_JUMPS_S: Final = (90, 600, 2400, 3 * 3600, 30 * 3600, 9 * 86400, 365 * 86400)
_COMPACTING: Final = 0.08  # share of histories whose hours are compacted
_FROZEN_S: Final = 3.0  # in which the message waits, and more if time is skipped
_JUMPING: Final = 0.35  # share of histories whose clocks jump


def draw(seed: int) -> History:
    """Draw the history of a seed."""
    random = Random(f"history {seed}")
    options = _options(random)
    if (lake := Random(f"lake {seed}")).random() < _COMPACTING:
        options = _compacting(lake, options)
    size = _LARGE if random.random() < _LARGE_SHARE else _SMALL
    drawing = _Drawing(random, options, size.records)
    kinds = ["post"] * random.randint(*size.posts)
    weights = {**_WEIGHTS, "jump": _WEIGHTS["jump"] if random.random() < _JUMPING else 0}
    if options.compactors:  # in which late records come to hours that are compacted
        weights["sleep"] *= 3
    kinds += random.choices(list(weights), list(weights.values()), k=random.randint(*size.others))
    random.shuffle(kinds)
    return History(seed, options, [event for kind in kinds for event in drawing.events(kind)])


def _options(random: Random) -> Options:
    return Options(
        start_ms=_HOUR * HOUR_MS + random.choice((600_000, 1_800_000, 1_800_000, 3_597_000)),
        receivers=random.choice((1, 1, 1, 2)),
        latency_s=random.choice((0.0, 0.0, 0.01, 0.05, 0.2)),
        lingers_s=random.choice((0.0, 0.0, 0.02)),
        max_waiting=random.choice((1_000_000, 1_000_000, 3_000)),
        max_body=random.choice((1_048_576, 1_048_576, 1_500)),
        visibility_s=random.choice((4.0, 4.0, 6.0)),
        max_receives=random.choice((3, 4, 10)),
        batch_count=random.choice((3, 10, 30)),
        batch_age_s=random.choice((0.3, 1.0, 2.0)),
        buckets=random.choice((1, 1, 1, 1, 1, 1, 1, 3)),
        raw_format=random.choice(("jsonl", "jsonl", "jsonl", "jsonl.zst")),
        aggregate_s=random.choice((4.0, 8.0, 16.0)),
        at_once=random.choice((0, 0, 0, 0, 0, 4)),
        fold_records=random.choice((*[750_000] * 7, 6)),
    )


def _compacting(random: Random, options: Options) -> Options:
    """Let hours be compacted."""
    return msgspec.structs.replace(
        options,
        compactors=random.choice((1, 1, 2)),
        compact_s=random.choice((1.0, 5.0, 20.0)),
        compact_records=random.choice((750_000, 750_000, 4)),
        grace_s=random.choice((30.0, 3600.0)),
        raw_kept_s=random.choice((None, 0.0, 0.0, 60.0)),
    )


class _Drawing:
    """The events of one history."""

    def __init__(self, random: Random, options: Options, records: int) -> None:
        self._random = random
        self._records = Records(random, options.start_ms, late=bool(options.compactors))
        self._arrival_s = 0.03 + 2 * options.latency_s  # from a POST to its message
        receivers = [f"receiver-{number}" for number in range(options.receivers)]
        self._roles = [*receivers, *CONSUMERS, "aggregator", *options.compactor_names]
        self._clocks = [
            *receivers,
            *CONSUMERS,
            "aggregator",
            OPERATOR,
            "queue",
            *([] if options.compactors else ["store"]),
        ]
        self._kinds: Mapping[str, Callable[[float], Event]] = {
            "post": lambda after_s: Event("post", after_s, records=self._records.some(records, 0.04)),
            "foreign": lambda after_s: Event("foreign", after_s, records=self._records.some(2)),
            "poison": lambda after_s: Event("poison", after_s, body=random.choice(_POISON)),
            "fault": self._fault,
            "away": self._away,
            "kill": self._kill,
            "stop": lambda after_s: Event("stop", after_s, random.choice(self._roles)),
            "freeze": self._freeze,
            "sleep": self._sleep,
            "jump": self._jump,
            "evict": lambda after_s: Event("evict", after_s),
            "replay": lambda after_s: Event("replay", after_s),
            "refile": self._refile,
            "set aside": lambda after_s: Event("set aside", after_s),
            "doom": lambda after_s: Event("doom", after_s),
        }

    def events(self, kind: str) -> list[Event]:
        """Draw an event, and what goes with it."""
        if kind in {"set aside", "doom"} or (kind == "sleep" and self._random.random() < _WAITING):
            return self._with_a_message(kind)
        before: list[Event] = []
        after: list[Event] = []
        if kind in {"refile", "sleep"} and self._random.random() < 0.7:  # after a record was skewed
            before = [Event("post", records=self._records.some(4, odd=0.6)), Event("sleep", 2.5)]
        drawn = self._event(kind)
        if kind in {"replay", "refile"} and self._random.random() < 0.7:
            after = [self._kill_of_operator()]
        if kind == "sleep" and before:  # and its copy may be believed
            after = [Event("post", records=self._records.some(4, copied=0.8))]
        return [*before, drawn, *after]

    def _with_a_message(self, kind: str) -> list[Event]:
        """Let something happen while a message waits, often of an hour that has figures and then ends."""
        random = self._random
        before = [self._event("post"), Event("sleep", 2.5)] if random.random() < 0.5 else []
        posted = self._event("post")
        happens = msgspec.structs.replace(self._event(kind), after_s=self._arrival_s)
        frozen_s = _FROZEN_S + (happens.amount if kind == "sleep" else 0.0)
        frozen = [Event("freeze", role=role, amount=frozen_s) for role in CONSUMERS]
        after: list[Event] = []
        if kind != "sleep" and (drawn := random.random()) < 0.8:
            ends = [Event("sleep", 0.1, amount=4400.0)]
            after = ends if drawn < 0.4 else [Event("replay", 0.5), self._kill_of_operator()]
        return [*before, *frozen, posted, happens, *after]

    def _event(self, kind: str) -> Event:
        after_s = self._random.choice((0.0, 0.05, 0.5, 1.5)) * self._random.random()
        self._records.now_ms += round(after_s * 1000)
        return self._kinds[kind](after_s)

    def _fault(self, after_s: float) -> Event:
        random = self._random
        role = random.choice((*self._roles, OPERATOR))
        verb = random.choice(_VERBS[role.partition("-")[0]])
        mode = random.choice(_MODES.get(verb, _ANY_MODE))
        amount = random.choice((0.1, 1.0, 9.0)) if mode == "delay" else 0.0
        return Event("fault", after_s, role, verb, mode, amount, random.choice((1, 1, 2, 6)))

    def _away(self, after_s: float) -> Event:
        verb = self._random.choice(("send", "put", "put", "queue", "store", "delete"))
        return Event("away", after_s, verb=verb, amount=self._random.choice((0.5, 3.0, 8.0)))

    def _kill(self, after_s: float) -> Event:
        return Event("kill", after_s, self._random.choice(self._roles), count=self._random.randint(0, 60))

    def _kill_of_operator(self) -> Event:
        return Event("kill", 0.0, OPERATOR, count=self._random.randint(0, 20))

    def _freeze(self, after_s: float) -> Event:
        role = self._random.choice(self._roles)
        return Event("freeze", after_s, role, amount=self._random.choice((1.0, 5.0, 9.0)))

    def _sleep(self, after_s: float) -> Event:
        amount = self._random.choice((6.0, 60.0, 700.0, 4400.0))
        self._records.now_ms += round(amount * 1000)
        return Event("sleep", after_s, amount=amount)

    def _jump(self, after_s: float) -> Event:
        role = self._random.choice(self._clocks)
        amount = self._random.choice(_JUMPS_S) * self._random.choice((-1.0, 1.0))
        return Event("jump", after_s, role, amount=amount)

    def _refile(self, after_s: float) -> Event:
        offset_s = self._random.choice((0.0, -3600.0, 7200.0, -9 * 86400.0))
        return Event("refile", after_s, amount=offset_s)
