"""Who may send, for whom, and how much."""

import hmac
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.http import auth
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
    permits = Caller(Grant("k", vehicles=patterns)).permits
    assert (permits is None or permits(vehicle_id)) is permitted


def test_without_a_rate_nobody_waits():
    caller = Caller(Grant("k"))
    caller.charge(10**9, 0)
    assert caller.wait_s(0) == 0


def test_over_its_rate_a_caller_waits_until_its_average_is_within_the_rate_again():
    caller = Caller(Grant("k", rate=100))
    assert caller.wait_s(10) == 0
    caller.charge(300, 10)
    assert caller.wait_s(10) == pytest.approx(2)
    assert caller.wait_s(11) == pytest.approx(1)
    assert caller.wait_s(12) == 0


def test_what_is_not_sent_is_allowed_later_for_one_second_only():
    caller = Caller(Grant("k", rate=100))
    assert caller.wait_s(3600) == 0
    caller.charge(150, 3600)
    assert caller.wait_s(3600) == pytest.approx(0.5)


@pytest.mark.parametrize(("rate", "longest_s"), [(100, 60), (1, 60), (0.001, 1000), (1e-9, 1e9)])
def test_after_a_burst_a_caller_waits_a_minute_at_the_most_or_as_long_as_one_record_takes(rate, longest_s):
    caller = Caller(Grant("k", rate=rate))
    for _ in range(5):
        caller.charge(1_000_000, 10)
    assert caller.wait_s(10) == pytest.approx(longest_s)


def test_what_is_refunded_was_never_charged():
    caller = Caller(Grant("k", rate=100))
    caller.charge(100, 10)
    for records in (50, 1_000_000):
        caller.refund(caller.charge(records, 10))
    assert caller.wait_s(10) == 0
    caller.charge(1, 10)
    assert caller.wait_s(10) == pytest.approx(0.01)


def test_a_grant_does_not_show_its_key():
    assert "hush" not in repr(Grant("hush", vehicles=["a"], rate=5))


@pytest.mark.parametrize("text", ['{"key": "k", "rate": -1}', '{"key": "k", "vehicle": ["a"]}'])
def test_a_grant_that_makes_no_sense_is_refused(text: str):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Grant)


def test_a_hashed_key_and_one_that_is_known_itself_take_one_digest_a_request(monkeypatch: pytest.MonkeyPatch):
    digest = sha256(b"salt" + b"hashed").digest()
    keyring = Keyring([Grant("plain", name="p"), Grant(name="h", salt=b"salt", digest=digest)], ManualClock())
    made: list[bytes] = []

    def counted(content: bytes) -> Any:
        made.append(content)
        return sha256(content)

    monkeypatch.setattr(auth, "sha256", counted)
    found = {key: keyring.find(key) for key in ("plain", "hashed", "salthashed", "")}
    assert {key: caller and caller.name for key, caller in found.items()} == {
        "plain": "p",
        "hashed": "h",
        "salthashed": None,
        "": None,
    }
    assert len(made) == len(found)


def test_hashes_with_several_salts_all_count():
    grants = [
        Grant(name=name, salt=salt, digest=sha256(salt + name.encode()).digest())
        for name, salt in (("a", b"1"), ("b", b"2"))
    ]
    keyring = Keyring(grants, ManualClock())
    assert [caller and caller.name for caller in map(keyring.find, "abc")] == ["a", "b", None]


def test_other_grants_count_at_once_and_a_key_that_stays_keeps_what_is_left_of_its_rate():
    keyring = Keyring([Grant("one", rate=10, name="a"), Grant("two", rate=10, name="b")], ManualClock())
    old = keyring.find("one")
    assert old
    old.charge(50, 0)
    keyring.replace([Grant("new", rate=10, name="a"), Grant("three", rate=10, name="c")])
    assert keyring.find("one") is keyring.find("two") is None
    same, other = keyring.find("new"), keyring.find("three")
    assert same
    assert other
    assert same.wait_s(0) == pytest.approx(4)
    assert other.wait_s(0) == 0


def test_the_keyring_looks_for_other_grants_once_a_second_at_the_most():
    clock, looks = ManualClock(), list[bool]()

    def renewed(*, closely: bool) -> None:
        looks.append(closely)

    keyring = Keyring([Grant("one")], clock, renewed=renewed)
    for _ in range(25):
        keyring.look_if_due()
        clock.advance(0.1)
    assert looks == [False, False]
    keyring.look(closely=True)
    assert looks == [False, False, True]
    assert keyring.find("one")
