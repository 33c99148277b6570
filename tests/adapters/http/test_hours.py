"""How hours stand, as the receiver answers it."""

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.figures.report import Line, Report
from tests.adapters.http.receiver import Receiver, problem
from tests.builders import NOW, a_record, put_batch
from tests.fakes import FailingQueue
from tests.unit.figures.watching import SteppedAggregator

H = "2025-10-19T14"


@pytest.fixture
async def stepped(receiver: Receiver) -> SteppedAggregator:
    """An aggregator over the receiver's store, in which two hours are built."""
    clock = ManualClock(NOW)
    made = SteppedAggregator(receiver.storage, clock, FailingQueue(clock))
    for ms in (NOW - HOUR_MS, NOW):
        await put_batch(receiver.storage, a_record(timestamp_ms=ms, received_ms=ms))
    await made.turns()
    return made


@pytest.mark.usefixtures("stepped")
async def test_the_hours_of_the_last_day_are_listed_or_those_of_a_span(receiver):
    answer = await receiver.client.get("/hours")
    lines = msgspec.convert(answer.json()["hours"], list[Line])
    assert [line.hour[:13] for line in lines] == ["2025-10-19T13", H]
    assert answer.headers["content-type"] == "application/json"
    for query, found in (
        (f"from={H}", [H]),
        ("to=2025-10-19T13", ["2025-10-19T13"]),
        ("from=2020-01-01T00&to=2025-10-19T14", ["2025-10-19T13", H]),
        (f"from={H}&to=2025-10-19T13", []),
        ("from=2030-01-01T00", []),
    ):
        listed = (await receiver.client.get(f"/hours?{query}")).json()["hours"]
        assert [line["hour"][:13] for line in listed] == found, query


@pytest.mark.usefixtures("stepped")
async def test_of_an_hour_all_is_told(receiver):
    answer = await receiver.client.get(f"/hours/{H}")
    report = msgspec.convert(answer.json(), Report)
    assert (report.line.state, report.line.unique, report.basis) == ("open", 1, "hours")


async def test_an_answer_that_a_client_has_is_not_sent_again_until_it_changes(receiver, stepped):
    for path in ("/hours", f"/hours/{H}"):
        etag = (await receiver.client.get(path)).headers["etag"]
        for known in (etag, f"W/{etag}", f'"other", {etag}'):
            again = await receiver.client.get(path, headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        await put_batch(receiver.storage, a_record(can_id=f"0x{len(path)}"))
        await stepped.turns()
        assert (await receiver.client.get(path, headers={"If-None-Match": etag})).status_code == 200


async def test_an_hour_without_certified_figures_and_one_of_no_calendar_are_not_found(receiver):
    assert (await receiver.client.get("/hours")).json() == {"hours": []}
    answer = await receiver.client.get(f"/hours/{H}")
    assert (answer.status_code, problem(answer)) == (404, f"The hour {H} has no certified figures.")
    for path in ("/hours/2025-02-30T00", "/hours?from=2025-13-01T00"):
        answer = await receiver.client.get(path)
        assert answer.status_code == 404
        assert problem(answer).startswith("There is no hour 2025-")


async def test_an_hour_that_is_none_is_refused(receiver):
    for path in ("/hours/yesterday", "/hours?to=2025-10-19"):
        assert (await receiver.client.get(path)).status_code == 400


async def test_a_store_that_cannot_be_read_is_answered_503(receiver):
    receiver.storage.failing = {"get"}
    answer = await receiver.client.get(f"/hours/{H}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert problem(answer) == "The store cannot be read now. Ask again."


async def test_hours_are_for_clients_of_this_machine_or_with_a_key(receiver):
    headers = {"X-API-Key": "another", "X-Forwarded-For": "10.0.0.1"}
    for path in ("/hours", f"/hours/{H}"):
        answer = await receiver.client.get(path, headers=headers)
        assert (answer.status_code, problem(answer)) == (401, "The key in X-API-Key is not known.")
