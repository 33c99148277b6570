"""What frames of any id decode to by the definitions of one file."""

from collections.abc import Sequence

from telemetry.domain.can.definitions import Catalogue
from telemetry.domain.can.frame import Frame
from tests.can_outcomes import Outcome, read_each


def decode(catalogue: Catalogue, *frames: Frame) -> Sequence[Outcome | None]:
    """Decode frames; the outcome of one without a definition is None."""
    return [decode_one(catalogue, frame) for frame in frames]


def decode_one(catalogue: Catalogue, frame: Frame) -> Outcome | None:
    if not (found := catalogue.find(frame.can_id, is_extended=frame.is_extended)):
        return None
    (outcome,) = read_each(found.layout, [frame.data])
    return outcome
