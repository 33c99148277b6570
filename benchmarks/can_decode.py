"""How many CAN frames are decoded in a second, by the domain's layouts and by cantools.

Run by `make bench-can`. Both decode the same batches of 1,000 frames. A batch has frames of one message of
the package's DBC, with random values of its signals, and with its protection. Both start from the bytes of
the frames, and both return every signal scaled: ours as a column a signal, cantools as a dictionary a frame.
The figure is the best of several rounds.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from timeit import repeat
from typing import Final

import cantools
import numpy as np
from cantools.database.can import Message

from telemetry.adapters.can.catalogue import BMW_I3, read
from telemetry.domain.can import bits
from telemetry.domain.can.bits import Block
from telemetry.domain.can.layout import Layout

_BATCH: Final = 1000
_ROUNDS: Final = 7
_PER_ROUND: Final = 10


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    chosen = parser.parse_args()
    database = cantools.database.Database()
    database.add_dbc_file(str(BMW_I3))
    rng = np.random.default_rng(1)
    figures = {
        f"0x{cyclic.can_id:X}": _rates(
            cyclic.layout, database.get_message_by_frame_id(cyclic.can_id), _frames(cyclic.layout, rng)
        )
        for cyclic in read().cyclic
    }
    if chosen.json:
        print(json.dumps(figures))
        return 0
    for can_id, (ours, theirs) in figures.items():
        print(f"{can_id:<6} ours {ours:>12,.0f} frames/s   cantools {theirs:>9,.0f} frames/s")
    # The mean over all messages, each with the same number of frames.
    ours, theirs = (len(figures) / sum(1 / rates[who] for rates in figures.values()) for who in (0, 1))
    print(
        f"bench: name=can_decode ratio={ours / theirs:.1f} frames_per_s={ours:.0f} cantools_frames_per_s={theirs:.0f}"
    )
    return 0


def _frames(layout: Layout, rng: np.random.Generator) -> Sequence[bytes]:
    """Make a batch of frames with random bits in their signals, and protected if the message is."""
    columns = layout.decode(Block.of([rng.bytes(layout.size) for _ in range(_BATCH)]))
    return bits.frames(layout.encode(columns), layout.size)


def _rates(layout: Layout, message: Message, frames: Sequence[bytes]) -> tuple[float, float]:
    """Return the frames a second, ours first. Raise AssertionError if the two decode different values."""

    def ours() -> object:
        return layout.decode(Block.of(frames))

    def theirs() -> object:
        return [message.decode_simple(frame, decode_choices=False) for frame in frames]

    peer = [message.decode_simple(frame, decode_choices=False) for frame in frames]
    for name, column in layout.decode(Block.of(frames)).items():
        values = np.array([each[name] for each in peer], np.float64)
        np.testing.assert_allclose(column, np.where(np.isnan(column), np.nan, values), atol=1e-9)
    return _rate(ours), _rate(theirs)


def _rate(decode: Callable[[], object]) -> float:
    return _BATCH * _PER_ROUND / min(repeat(decode, number=_PER_ROUND, repeat=_ROUNDS))


if __name__ == "__main__":
    sys.exit(main())
