"""A queue that is no part of the package is named by its module; what is wrong there is said in one line."""

from pathlib import Path

import pytest

from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.entrypoints.process import cli, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.kinds import SettingsError

URL = "there://user:hush-hush@here"
MODULE = '''
from telemetry.adapters.queue.memory import MemoryQueue

NUMBER = 1

def create(url, clock, terms):
    made = MemoryQueue(clock, terms)
    made.given = (url, terms)
    return made

def alone():
    """Make a queue of nothing."""

def half(url, clock, terms):
    return object()

def picky(url, clock, terms):
    raise ValueError(f"{url}: it has no port")
'''


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outside_queue.py").write_text(MODULE)
    (tmp_path / "broken_queue.py").write_text("import no_such_client")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)


def test_what_is_named_is_called_with_address_clock_and_terms():
    given = {"QUEUE_BACKEND": "outside_queue:create", "QUEUE_URL": URL, "QUEUE_MAX_RECEIVES": "7"}
    container = Container(settings=settings.load(given))
    made = container.queue()
    assert isinstance(made, MemoryQueue)
    assert made.given == (URL, container.settings().lease_terms)  # type: ignore[attr-defined]
    assert container.queue() is made


def test_without_an_address_nothing_starts():
    wanted = "^QUEUE_URL: not set; QUEUE_BACKEND=outside_queue:create needs it$"
    with pytest.raises(SettingsError, match=wanted):
        settings.load({"QUEUE_BACKEND": "outside_queue:create"})


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ("no_such:create", "No module named 'no_such'; install it, or name its folder in PYTHONPATH"),
        (
            "broken_queue:create",
            "No module named 'no_such_client'; install it, or name its folder in PYTHONPATH",
        ),
        ("outside_queue:none", "outside_queue has no function and no class none"),
        ("outside_queue:NUMBER", "outside_queue has no function and no class NUMBER"),
        ("outside_queue:alone", "it does not take (url, clock, terms)"),
        (
            "outside_queue:half",
            (
                "what it makes is no queue: it lacks acquit, close, dead, delete, depth, extend, max_body,"
                " oldest_ms, outlook, receive, redrive, send"
            ),
        ),
    ],
)
@pytest.mark.parametrize("role", ["receiver", "consumer"])
def test_what_is_no_queue_stops_a_role_at_its_start(role, backend, said, monkeypatch, capsys):
    for name, value in {"API_KEY": "k", "QUEUE_BACKEND": backend, "QUEUE_URL": URL}.items():
        monkeypatch.setenv(name, value)
    assert cli.main([role]) == 1
    assert capsys.readouterr().err.splitlines() == [f"telemetry {role}: QUEUE_BACKEND: {backend}: {said}"]


def test_an_address_that_is_refused_is_not_shown(monkeypatch, capsys):
    for name, value in {"QUEUE_BACKEND": "outside_queue:picky", "QUEUE_URL": URL}.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["consumer"]) == 1
    assert capsys.readouterr().err == "telemetry consumer: QUEUE_URL: ***: it has no port\n"
    assert cli.main(["settings"]) == 0
    assert "hush" not in capsys.readouterr().out
