"""What `telemetry up` runs, in which order, and what it refuses before anything starts."""

import pytest

from telemetry.entrypoints.roles import up
from telemetry.entrypoints.roles.up import UpOptions
from telemetry.entrypoints.shared.supervising import Part, Supervised, Watching


def test_the_receiver_is_stopped_first_and_the_aggregator_last():
    groups = list(up.parts(UpOptions(consumers=2, workers=3, port=8123)))
    assert [[part.name for part in group] for group in groups] == [
        ["receiver"],
        ["consumer-1", "consumer-2"],
        ["aggregator"],
    ]
    assert groups[0][0].arguments == ["receiver", "--host", "127.0.0.1", "--port", "8123", "--workers", "3"]


def test_the_status_says_what_runs_and_how_often_it_was_started_again():
    watching = Watching(lambda *_: None, lambda *_: None)
    every = [Supervised(Part(name, []), {}, watching, 1) for name in ("receiver", "consumer-1")]
    assert up.status_line(every) == "receiver starting, consumer-1 starting; 0 restarts"
    every[0].state, every[0].starts = "ready", 2
    assert up.status_line(every) == "receiver ready, consumer-1 starting; 1 restart"


@pytest.mark.parametrize("name", ["QUEUE_BACKEND", "STORAGE_BACKEND"])
def test_what_only_one_process_has_is_refused(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, "memory")
    with pytest.raises(Exception, match="memory cannot be shared by processes"):
        up.main([])
