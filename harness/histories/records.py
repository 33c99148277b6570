"""Draw what vehicles measure: mostly just now, often twice, sometimes by a clock that nobody can believe."""

from random import Random

from harness.histories.options import DAY_MS, HOUR_MS, Sent

_RECENT_MS = 20_000
_ODD_MS = 299_000  # away from now
_COPIED = 0.3  # share of records that are sent again


class Records:
    """The records of one history; `now_ms` is moved on by its caller. If `late`, some are hours old."""

    def __init__(self, random: Random, now_ms: int, *, late: bool) -> None:
        self._random = random
        self.now_ms = now_ms
        self._vehicles = [f"veh-{number}" for number in range(random.randint(2, 5))]
        count = random.choice((1, 1, 2) if late else (0, 0, 0, 1, 1, 2))
        self._ages_ms = [random.choice((HOUR_MS, 2 * HOUR_MS, 3 * DAY_MS)) for _ in range(count)]
        self._odd_share = 0.0
        self._sent: list[Sent] = []
        self._odd: list[Sent] = []  # those that are of another time than the most

    def some(self, most: int, invalid: float = 0.0, odd: float = 0.08, copied: float = _COPIED) -> list[Sent]:
        """Draw up to `most` records: shares are invalid, of times that are not believed, and sent before."""
        self._odd_share = odd
        return [self._record(invalid, copied) for _ in range(self._random.randint(1, most))]

    def _record(self, invalid: float, copied: float) -> Sent:
        made = self._copy() if self._sent and self._random.random() < copied else self._new()
        if self._random.random() < invalid:
            return Sent(made.timestamp_ms, made.vehicle_id, made.can_id, {"battery_soc": 250.0})
        self._sent.append(made)
        if abs(made.timestamp_ms - self.now_ms) > _ODD_MS:
            self._odd.append(made)
        return made

    def _copy(self) -> Sent:
        """Send a record again: the same, or one of the same moment that says something else."""
        random = self._random
        copied = random.choice(self._odd if self._odd and random.random() < 0.4 else self._sent)
        if random.random() < 0.5:
            return copied
        return Sent(copied.timestamp_ms, copied.vehicle_id, copied.can_id, self._payload())

    def _new(self) -> Sent:
        can_id = self._random.choice(("0x1F0", "0x1F0", "0x2"))
        return Sent(self._moment(), self._random.choice(self._vehicles), can_id, self._payload())

    def _moment(self) -> int:
        random, drawn = self._random, self._random.random()
        believed = 1 - self._odd_share
        if drawn < 0.8 * believed or (drawn < believed and not self._ages_ms):
            return self.now_ms - random.randrange(_RECENT_MS)
        if drawn < believed:
            return self.now_ms - random.choice(self._ages_ms) - random.randrange(10) * 1000
        edge_ms = random.choice((-7 * DAY_MS, 300_000, 360_000)) + random.choice((-500, 0, 500))
        return random.choice(
            (
                self.now_ms + edge_ms,
                self.now_ms + edge_ms,
                self.now_ms - 9 * DAY_MS,
                self.now_ms + 2 * HOUR_MS,
                10**12,
            )
        )

    def _payload(self) -> dict[str, float]:
        random = self._random
        payload = {"battery_soc": random.random() * 100}
        if random.random() < 0.6:
            payload["battery_current"] = random.uniform(-400, 400)
        if random.random() < 0.3:
            payload["x"] = random.random() * 10.0 ** random.randint(-6, 12)
        return payload
