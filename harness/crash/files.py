"""A file on a disk that loses power: what was written to it and not synced, and what may be found of that.

- Nothing of it, all of it, the first half of it or the last without the first, or as many bytes, all zero.
- Drawn states: some of the operations from the first on, of the last maybe a part, and of these each block in
  a state of its own. It has none of its writes, some from the first on, all of them, or zeros in their place.
  A cut is there or not. Writes that are not there may make the file longer all the same. Blocks have 4,096
  bytes or, since a disk may write less at once, 512.

Bytes beside those that were written stay as they were, in the same block too. SQLite assumes that of a disk,
as "powersafe overwrite"; it holds wherever a block is written whole or not at all.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from harness.crash.trace import END, Operation

_BLOCKS: Final = (4096, 512)
_TORN: Final = 1  # drawn states of a file, beside those that are always made
_LANDING: Final = ("none", "some", "all", "zeros")


class File:
    """The content that is durable, the content as programs see it, and the operations between the two."""

    def __init__(self) -> None:
        self.durable = b""
        self.now = b""
        self.pending: list[Operation] = []

    def change(self, operation: Operation) -> None:
        """Write or cut; a cut to the size that the file has is nothing."""
        if operation.offset == END:
            operation = operation._replace(offset=len(self.now))
        if operation.kind == "cut" and operation.offset == len(self.now):
            return
        self.pending.append(operation)
        self.now = _applied(self.now, [operation])

    def sync(self) -> None:
        """Make durable what is pending."""
        self.durable = self.now
        self.pending.clear()

    def contents(self, random: Random) -> Iterator[bytes]:
        """Yield what may be found after a power cut: first what is always made, then what is drawn."""
        yield self.durable
        yield self.now
        half = len(self.pending) // 2
        cut = [each._replace(data=each.data[: len(each.data) // 2]) for each in self.pending[half : half + 1]]
        yield _applied(self.durable, [*self.pending[:half], *cut])
        yield _applied(self.durable, self.pending[half:])
        yield (self.durable + bytes(max(0, len(self.now) - len(self.durable))))[: len(self.now)]
        for _ in range(_TORN if self.pending else 0):
            yield self.torn(random)

    def torn(self, random: Random) -> bytes:
        """Draw what may be found if blocks are written in any order."""
        count = random.choice((len(self.pending), random.randint(0, len(self.pending))))
        operations = self.pending[:count]
        if operations and operations[-1].kind == "write" and random.random() < 1 / 2:
            last = operations.pop()
            operations.append(last._replace(data=last.data[: random.randint(0, len(last.data))]))
        return _landed(self.durable, operations, random)


def _applied(content: bytes, operations: Sequence[Operation]) -> bytes:
    made = bytearray(content)
    for each in operations:
        if each.kind == "cut":
            _cut(made, each.offset)
        else:
            _put(made, each.offset, each.data)
    return bytes(made)


def _cut(made: bytearray, size: int) -> None:
    del made[size:]
    made += bytes(size - len(made))


def _put(made: bytearray, offset: int, data: bytes) -> None:
    made += bytes(max(0, offset + len(data) - len(made)))
    made[offset : offset + len(data)] = data


def _landed(content: bytes, operations: Sequence[Operation], random: Random) -> bytes:
    """Return the content after operations, of whose writes each block has drawn what it has."""
    made, size = bytearray(content), random.choice(_BLOCKS)
    landing: dict[int, str] = {}
    for each in operations:
        if each.kind == "cut":
            if random.random() < 3 / 4:
                _cut(made, each.offset)
            landing = {block: fate for block, fate in landing.items() if block * size < each.offset}
            continue
        for offset, data in _pieces(each, size):
            fate = landing.setdefault(offset // size, random.choice(_LANDING))
            if fate == "some" and random.random() < 1 / 2:  # this write and later ones have not come
                fate = landing[offset // size] = "none"
            if fate == "none" and random.random() < 1 / 2:  # only the size is there
                made += bytes(max(0, offset + len(data) - len(made)))
            elif fate != "none":
                _put(made, offset, bytes(len(data)) if fate == "zeros" else data)
    return bytes(made)


def _pieces(write: Operation, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield the parts of a write that lie in one block each."""
    start = write.offset
    while data := write.data[start - write.offset :][: size - start % size]:
        yield start, data
        start += len(data)
