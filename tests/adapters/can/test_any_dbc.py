"""Whatever a DBC file says, its frames decode to what is in their bits, and to what cantools says."""

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import cantools
from cantools.database.can import Message
from cantools.database.errors import UnsupportedDatabaseFormatError
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from telemetry.adapters.can.catalogue import read
from tests.adapters.can import bitwise
from tests.adapters.can.bitwise import Drawn
from tests.can_outcomes import Decoded, Outcome, read_each

EXAMPLES = 200
FRAMES = 100  # of each example: 20,000 in all

SIZES = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 12, 16, 20, 24, 32, 48, 64])
NAMES = st.from_regex(r"[A-Za-z0-9_]{1,12}", fullmatch=True) | st.sampled_from(
    ["_4WD", "2017_5", "Soc", "soc", "VAL_", "SG_", "FILTER", "x" * 70, "battery"]
)
SCALES = st.sampled_from(
    ["1", "0.1", ".25", "-0.5", "1E-3", "0.015625", "3", "+2", "0.0001220703125", "1000"]
)
OFFSETS = st.sampled_from(["0", "-40", "-819.2", ".5", "-.5", "1E3", "100000"])


@st.composite
def fields(draw: st.DrawFn, size: int, longest: int = 64) -> tuple[int, int, bool]:
    """Draw where a field lies: start, length, and whether it is big-endian."""
    length = draw(st.integers(1, min(longest, 8 * size)))
    first = draw(st.integers(0, 8 * size - length))
    is_big = draw(st.booleans())
    return 8 * (first // 8) + 7 - first % 8 if is_big else first, length, is_big


@st.composite
def plain(draw: st.DrawFn, size: int) -> Drawn:
    start, length, is_big = draw(fields(size))
    kind = draw(st.sampled_from(["unsigned", "signed"] + ["float"] * (length in {32, 64})))
    return Drawn(draw(NAMES), start, length, is_big, kind, draw(SCALES), draw(OFFSETS), draw(st.booleans()))


@st.composite
def messages(draw: st.DrawFn) -> tuple[int, Sequence[Drawn]]:
    """Draw a message: its size, and its signals, which may overlap and be multiplexed in two levels."""
    size = draw(SIZES)
    signals = draw(st.lists(plain(size), min_size=1, max_size=8, unique_by=lambda each: each.name))
    levels = draw(st.integers(0, 2))
    if levels == 0 or len(signals) < 4:
        return size, signals
    pages = st.lists(st.integers(0, 3), min_size=1, max_size=3 if levels == 2 else 1, unique=True).map(sorted)
    for place in range(levels):
        start, length, is_big = draw(fields(size, longest=2))
        signals[place] = signals[place]._replace(
            start=start, length=length, is_big=is_big, kind="unsigned", marker="M"
        )
    for place in range(1, len(signals) - 1):  # the last signal is plain
        some = draw(pages)
        parent = draw(st.sampled_from([0, 1])) if levels == 2 and place > 1 else 0
        marker = f"m{some[0]}M" if place < levels else f"m{some[0]}"
        signals[place] = signals[place]._replace(marker=marker, parent=parent, pages=some)
    return size, signals


def loaded_by_cantools(text: str) -> Message | None:
    try:
        database = cantools.database.load_string(text, database_format="dbc", strict=False)
    except UnsupportedDatabaseFormatError:
        return None
    assert isinstance(database, cantools.database.Database)
    return database.messages[0]


def as_cantools_says(message: Message, frame: bytes) -> dict[str, float] | None:
    """Return the raw values that cantools finds; by values that are scaled it would choose other pages."""
    try:
        return dict(message.decode_simple(frame, decode_choices=False, scaling=False))  # type: ignore[arg-type]
    except cantools.database.DecodeError:
        return None


def is_absent(signal: Drawn, raw: float) -> bool:
    """Return whether a raw value is left out: all ones of a byte or more without a range, or no number."""
    if signal.kind == "float":
        return not math.isfinite(bitwise.scaled(signal, raw))
    return (
        signal.kind == "unsigned"
        and not signal.has_range
        and signal.length >= 8
        and raw == 2**signal.length - 1
    )


class Compared:
    """Decodes messages, and counts the frames that were compared, by what they were compared with."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "any.dbc"
        self.frames: Counter[str] = Counter()

    def compare(self, size: int, signals: Sequence[Drawn], rng: random.Random) -> None:
        self._path.write_text(bitwise.text(size, signals))
        note(self._path.read_text())
        (definition,) = read(self._path).definitions
        names = definition.layout.names
        assert len(set(names)) == len(signals)
        frames = [rng.choice([rng.randbytes(size), b"\xff" * size, bytes(size)]) for _ in range(FRAMES)]
        # cantools takes neither odd names nor numbers like .25.
        ordinary = [
            each._replace(name=f"s{place}", scale=repr(float(each.scale)), offset=repr(float(each.offset)))
            for place, each in enumerate(signals)
        ]
        peer = loaded_by_cantools(bitwise.text(size, ordinary))
        for frame, outcome in zip(frames, read_each(definition.layout, frames), strict=True):
            self._with_bits(signals, names, frame, outcome)
            # Of signals that share bits, cantools decodes some, and not all of these right.
            if peer and bitwise.are_apart(signals, frame) and (said := as_cantools_says(peer, frame)):
                self._with_cantools(signals, names, said, outcome)

    def _with_bits(
        self, signals: Sequence[Drawn], names: Sequence[str], frame: bytes, outcome: Outcome
    ) -> None:
        self.frames["bits"] += 1
        found = bitwise.read(signals, frame)
        if not found:
            assert str(outcome) == f"{len(frame)} bytes hold none of its signals whole"
            return
        assert isinstance(outcome, Decoded)
        assert {*outcome.signals, *outcome.unavailable} == {names[place] for place in found}
        for place, raw in found.items():
            if is_absent(signals[place], raw):
                assert names[place] in outcome.unavailable
            else:
                assert outcome.signals[names[place]] == bitwise.scaled(signals[place], raw)

    def _with_cantools(
        self, signals: Sequence[Drawn], names: Sequence[str], said: Mapping[str, float], outcome: Outcome
    ) -> None:
        self.frames["cantools"] += 1
        assert isinstance(outcome, Decoded)
        raws = {int(name.removeprefix("s")): raw for name, raw in said.items()}
        assert {names[place] for place in raws} == {*outcome.signals, *outcome.unavailable}
        for place, raw in raws.items():
            if names[place] in outcome.signals:
                assert outcome.signals[names[place]] == bitwise.scaled(signals[place], raw)


def test_any_message_decodes_to_what_is_in_its_bits_and_to_what_cantools_says(tmp_path):
    compared = Compared(tmp_path)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(messages(), st.integers(0, 2**32))
    def compare(drawn: tuple[int, Sequence[Drawn]], seed: int) -> None:
        compared.compare(*drawn, random.Random(seed))

    compare()
    assert compared.frames["bits"] >= EXAMPLES * FRAMES
    assert compared.frames["cantools"] >= EXAMPLES * FRAMES / 10
