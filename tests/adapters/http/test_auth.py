"""Who may send, for whom, and how much."""

import hmac

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.http.auth import Caller, Grant, Keyring


def test_every_known_key_is_compared_whatever_is_presented(monkeypatch: pytest.MonkeyPatch):
    keyring = Keyring([Grant("one"), Grant("two"), Grant("three")], ManualClock())
    compared: list[bytes] = []

    def compare(known: bytes, presented: bytes) -> bool:
        compared.append(known)
        return real(known, presented)

    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", compare)
    for presented in ("one", "three", "none of them", ""):
        compared.clear()
        keyring.find(presented)
        assert len(compared) == len({len(known) for known in compared}) * 3


def test_a_key_finds_its_own_caller():
    keyring = Keyring([Grant("one", vehicles=["a"]), Grant("two", vehicles=["b"])], ManualClock())
    first, second = keyring.find("one"), keyring.find("two")
    assert first
    assert second
    assert first.permits
    assert second.permits
    assert (first.permits("a"), first.permits("b")) == (True, False)
    assert (second.permits("a"), second.permits("b")) == (False, True)
    assert keyring.find("three") is None


@pytest.mark.parametrize(
    ("patterns", "vehicle_id", "permitted"),
    [
        (["*"], "anything", True),
        (["depot-7-*"], "depot-7-12", True),
        (["depot-7-*"], "depot-8-12", False),
        (["depot-7-*"], "DEPOT-7-12", False),
        (["veh-0000?"], "veh-00001", True),
        (["veh-0000?"], "veh-00010", False),
        (["a", "b"], "b", True),
        ([], "a", False),
    ],
)
def test_vehicles_are_permitted_by_pattern(patterns: list[str], vehicle_id: str, *, permitted: bool):
    permits = Caller(Grant("k", vehicles=patterns), 0).permits
    assert (permits is None or permits(vehicle_id)) is permitted


def test_without_a_rate_nobody_waits():
    caller = Caller(Grant("k"), 0)
    caller.spend(10**9)
    assert caller.wait_s(0) == 0


def test_over_its_rate_a_caller_waits_until_its_average_is_within_the_rate_again():
    caller = Caller(Grant("k", rate=100), now_s=10)
    assert caller.wait_s(10) == 0
    caller.spend(300)
    assert caller.wait_s(10) == pytest.approx(2)
    assert caller.wait_s(11) == pytest.approx(1)
    assert caller.wait_s(12) == 0


def test_what_is_not_sent_is_allowed_later_for_one_second_only():
    caller = Caller(Grant("k", rate=100), now_s=0)
    assert caller.wait_s(3600) == 0
    caller.spend(150)
    assert caller.wait_s(3600) == pytest.approx(0.5)


def test_a_grant_does_not_show_its_key():
    assert "hush" not in repr(Grant("hush", vehicles=["a"], rate=5))


@pytest.mark.parametrize(
    "text", ['{"key": ""}', '{"key": "k", "rate": -1}', '{"key": "k", "vehicle": ["a"]}']
)
def test_a_grant_that_makes_no_sense_is_refused(text: str):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Grant)
