"""An export has all that is stored of a vehicle, and nothing of any other."""

import msgspec

from telemetry.domain.privacy.export import Export
from telemetry.domain.privacy.holdings import Holdings
from telemetry.domain.privacy.theirs import Vehicle
from telemetry.domain.transport.lease import Delivery
from tests.builders import NOW, POLICY, a_record, an_envelope
from tests.unit.privacy.store import OTHERS, THEIRS, made, read


async def test_it_has_the_lines_of_every_tree_and_the_figures():
    storage = await made()
    found = [each async for each in Export(Holdings(storage, read), Vehicle(THEIRS, POLICY)).lines()]
    trees = [each.found_in.partition("/")[0] for each in found]
    assert {name: trees.count(name) for name in trees} == {
        "raw": 2 * 5 + 3,
        "skewed": 1,
        "compacted": 5,
        "quarantine": 3,
        "aggregated": 3,
    }
    encoded = b"".join(msgspec.json.encode(each) for each in found)
    assert not any(f'"{other}"'.encode() in encoded for other in OTHERS)
    assert [each.text for each in found if each.text] == ["torn veh-1"]


async def test_of_a_message_it_has_the_lines_of_the_vehicle():
    storage = await made()
    body = an_envelope(*(a_record(vehicle_id=each) for each in (THEIRS, *OTHERS)))
    (found,) = Export(Holdings(storage, read), Vehicle(THEIRS, POLICY)).of_letter(
        Delivery("7.1", body, NOW, 1)
    )
    assert found.found_in == "queue/7.1"
    assert msgspec.json.decode(found.record)["vehicle_id"] == THEIRS
