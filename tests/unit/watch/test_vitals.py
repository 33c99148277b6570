"""Six numbers are judged from one reading; what is wrong says since when, why, and what helps."""

from typing import Any

import pytest

from telemetry.domain.contract.moment import format_timestamp
from telemetry.domain.store.latency import BOUNDS_S
from telemetry.domain.transport.lease import Depth
from telemetry.domain.watch import vitals
from telemetry.domain.watch.lately import Lately, Tallies
from telemetry.domain.watch.overdue import Overdue
from telemetry.domain.watch.vitals import Aims, Reading, Vital
from tests.builders import HOUR, NOW

EMPTY = Depth(0, 0, 0)


def lately(role: Any, since: dict[str, Any] | None = None, **counted: Any) -> Lately:
    """Make a process that counted these within the last ten seconds."""
    return Lately(role, Tallies(NOW, **counted), Tallies(NOW - 10_000), **(since or {}))


def over_5_s(*stages: str) -> dict[str, list[int]]:
    """Count ten latencies of each stage that are too long, the first stages being the slowest."""
    slow = BOUNDS_S.index(3600)
    return {stage: [0] * (slow - place) + [10] + [0] * place + [0] for place, stage in enumerate(stages)}


WELL = [
    lately("receiver", accepted=500, posts=500),
    lately("consumer", stored=500),
    lately("aggregator", looked_ms=NOW),
]


def judged(name: str, **of: Any) -> Vital:
    """Judge a reading of a pipeline that is well but for what is given, and return one number."""
    reading = {"lately": WELL, "depth": EMPTY, "quarantined": 0, "overdue": (), **of}
    found = vitals.judge(Reading(**reading), NOW)
    return next(each for each in found.vitals if each.name == name)


def test_a_pipeline_that_is_well_has_no_number_that_is_wrong():
    found = vitals.judge(Reading(lately=WELL, depth=EMPTY, quarantined=0, overdue=()), NOW)
    assert found.is_well
    assert found.roles == {"receiver": 1, "consumer": 1, "aggregator": 1}
    assert [each.value for each in found.vitals] == [50.0, None, None, 0.0, 0.0, 0.0]
    assert {each.second for each in found.vitals} == {format_timestamp(NOW)}


def test_what_is_not_known_has_no_value_and_is_not_wrong():
    found = vitals.judge(Reading(), NOW)
    assert found.is_well
    assert [each.value for each in found.vitals] == [None] * 6
    assert judged("dead_letters", depth=None, quarantined=0).value == 0


def test_numbers_that_were_read_earlier_say_so():
    assert judged("hours_overdue", store_ms=NOW - 5000).second == format_timestamp(NOW - 5000)
    assert judged("stored", store_ms=NOW - 5000).second == format_timestamp(NOW)


def test_without_a_consumer_nothing_is_stored_and_one_has_to_be_started():
    found = judged("stored", lately=WELL[:1], missing={"consumer"}, oldest_ms=NOW - 4000)
    assert (found.value, found.wrong, found.help) == (0.0, True, "telemetry consumer")
    assert found.since == format_timestamp(NOW - 4000)
    assert judged("stored", lately=WELL[:1]).value is None  # it may run elsewhere


@pytest.mark.parametrize(("age_s", "is_wrong"), [(5.0, False), (5.1, True)])
def test_a_message_may_wait_for_its_batch_and_not_much_longer(age_s: float, is_wrong: Any):
    idle = [lately("consumer")]
    found = judged("stored", lately=idle, oldest_ms=NOW - round(age_s * 1000))
    assert found.wrong is is_wrong
    assert not judged("stored", oldest_ms=NOW - 50_000).wrong  # since others are stored
    patient = judged("stored", lately=idle, oldest_ms=NOW - 50_000, aims=Aims(batch_timeout_s=60))
    assert not patient.wrong


@pytest.mark.parametrize(
    ("stages", "help_"),
    [
        (("queue", "ingest", "processing"), "telemetry consumer"),
        (("ingest", "queue", "processing"), "telemetry skewed list"),
        (("processing", "ingest", "queue"), "telemetry health consumer"),
    ],
)
def test_late_records_are_blamed_on_the_slowest_stage(stages: tuple[str, ...], help_: str):
    slow = over_5_s(*stages) | {"end_to_end": over_5_s("x")["x"]}
    found = judged("p95", lately=[lately("consumer", {"late_since_ms": NOW - 7000}, stored=1, stages=slow)])
    assert (found.wrong, found.help) == (True, help_)
    assert stages[0] in found.why
    assert found.since == format_timestamp(NOW - 7000)


def test_records_that_are_quick_are_not_late():
    quick = [10] + [0] * len(BOUNDS_S)
    found = judged("p95", lately=[lately("consumer", stages={"end_to_end": quick})])
    assert found.value == pytest.approx(0.0095)
    assert not found.wrong


def test_the_oldest_message_is_wrong_since_it_was_a_minute_old():
    assert judged("oldest", oldest_ms=NOW - 60_000).wrong is False
    found = judged("oldest", oldest_ms=NOW - 75_000)
    assert (found.value, found.wrong, found.since) == (75.0, True, format_timestamp(NOW - 15_000))
    assert judged("oldest", oldest_ms=NOW - 75_000, missing={"consumer"}).why == "no consumer runs"
    assert judged("oldest", oldest_ms=NOW + 5).value == 0  # by the clock of another machine


@pytest.mark.parametrize(
    ("role", "counted", "share", "help_"),
    [
        (
            "receiver",
            {"accepted": 90, "rejected": 10},
            10,
            "curl -s http://r/metrics | grep rejected_records",
        ),
        ("receiver", {"posts": 10, "failed_posts": 5}, 50, "curl -s http://r/health/ready"),
        ("consumer", {"stored": 10, "skewed": 2}, 20, "telemetry skewed list"),
    ],
)
def test_what_is_not_taken_as_it_was_sent_says_where_to_look(role, counted, share, help_):
    since = {"refused_since_ms": NOW - 1, "url": "http://r"}
    found = judged("rejected", lately=[lately(role, since, **counted)])
    assert found.value == pytest.approx(share)
    assert (found.wrong, found.help) == (True, help_)
    assert found.since == format_timestamp(NOW - 1)


def test_one_record_of_a_hundred_may_be_rejected():
    assert not judged("rejected", lately=[lately("receiver", accepted=99, rejected=1)]).wrong


def test_a_receiver_that_is_gone_is_said():
    found = judged("rejected", missing={"receiver"})
    assert (found.value, found.wrong, found.why) == (None, True, "no receiver runs")
    assert found.help == "telemetry receiver"


def test_dead_letters_and_objects_in_quarantine_are_counted_together():
    found = judged("dead_letters", depth=Depth(0, 0, 2), quarantined=1)
    assert (found.value, found.wrong) == (3, True)
    steps = found.help.split("; ")
    assert steps == [f"telemetry dead-letters {step}" for step in ("list", "replay", "dismiss")]
    assert "dismiss" not in judged("dead_letters", depth=Depth(0, 0, 2), quarantined=0).help
    assert judged("dead_letters", depth=None, quarantined=1).value == 1
    assert judged("dead_letters", depth=EMPTY, quarantined=None).value == 0


def test_an_hour_that_waits_says_since_when_and_how_to_see_why():
    late = Overdue(HOUR, NOW - 60_000, is_unseen=False)
    found = judged("hours_overdue", overdue=[late])
    assert (found.value, found.wrong, found.since) == (1, True, format_timestamp(NOW - 60_000))
    assert found.help == "telemetry hours show 2025-10-19T14"


def test_an_aggregator_that_does_not_look_has_to_be_started():
    unseen = Overdue(HOUR, NOW - 60_000, is_unseen=True)
    assert judged("hours_overdue", overdue=[unseen]).help == "telemetry aggregator"
    late = Overdue(HOUR, NOW - 60_000, is_unseen=False)
    assert judged("hours_overdue", overdue=[late], missing={"aggregator"}).help == "telemetry aggregator"
    gone = judged("hours_overdue", missing={"aggregator"})
    assert (gone.value, gone.wrong, gone.why) == (0, True, "no aggregator runs")
    unknown = judged("hours_overdue", overdue=None, missing={"aggregator"})
    assert (unknown.value, unknown.wrong) == (None, True)


@pytest.mark.parametrize(
    ("error", "help_"),
    [
        ("raw/x cannot be written: Permission denied", "chmod -R u+rwX /srv/data"),
        ("raw/x: Read-only file system", "mount -o remount,rw $(findmnt -no TARGET -T /srv/data)"),
        ("raw/x: No space left on device", "df -h /srv/data"),
        ("S3 did not answer", "telemetry settings"),
    ],
)
def test_a_store_that_refuses_says_why_and_what_gives_it_back(error: str, help_: str):
    failing = [lately("consumer", stored=5, failing=error)]
    aims = Aims(data_dir="/srv/data")
    found = judged("stored", lately=failing, oldest_ms=NOW - 6000, aims=aims)
    assert (found.value, found.why, found.help) == (0.5, error, help_)
    assert not judged("stored", lately=failing, oldest_ms=NOW - 4000, aims=aims).wrong


def test_posts_that_fail_while_nobody_empties_the_queue_need_a_consumer():
    failing = [lately("receiver", posts=10, failed_posts=5)]
    assert judged("rejected", lately=failing, missing={"consumer"}).help == "telemetry consumer"
