"""Sessions: who typed a known key has one, for some hours, and as long as the key counts."""

from typing import Any

import pytest
from litestar.exceptions import NotAuthorizedException, TooManyRequestsException

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.http.auth import Grant, Keyring
from telemetry.adapters.http.session import (
    COOKIE,
    LASTS_S,
    WRONG_KEYS_EVERY_S,
    Sessions,
    is_same_site,
    is_secure,
    session_of,
)
from tests.builders import NOW

HERE = "192.0.2.1"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW, 1000)


@pytest.fixture
def keyring(clock: ManualClock) -> Keyring:
    return Keyring([Grant("one", name="one"), Grant("two", name="two", expires_ms=NOW + 60_000)], clock)


@pytest.fixture
def sessions(keyring: Keyring, clock: ManualClock) -> Sessions:
    return Sessions(b"a secret of this receiver", keyring, clock)


def asked(**headers: str) -> Any:
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http", "scheme": "http", "headers": named}


def bearing(session: str) -> Any:
    return asked(cookie=f"other=1; {COOKIE}={session}; last")


def test_a_session_lasts_some_hours(sessions, clock):
    begun = sessions.begin("one", HERE)
    assert sessions.is_valid(bearing(begun))
    clock.advance(LASTS_S - 1)
    assert sessions.is_valid(bearing(begun))
    clock.advance(1)
    assert not sessions.is_valid(bearing(begun))


def test_it_holds_neither_the_key_nor_what_is_kept_of_it(sessions, keyring):
    begun = sessions.begin("one", HERE)
    assert "one" not in begun
    assert not any(digest.hex() in begun for digest, _ in keyring.callers())


def test_another_worker_with_the_same_secret_knows_it_and_another_receiver_does_not(sessions, keyring, clock):
    begun = sessions.begin("one", HERE)
    assert Sessions(b"a secret of this receiver", keyring, clock).is_valid(bearing(begun))
    assert not Sessions(b"a secret of another one", keyring, clock).is_valid(bearing(begun))


def test_it_ends_with_its_key(sessions, keyring, clock):
    one, two = sessions.begin("one", HERE), sessions.begin("two", HERE)
    clock.advance(60)
    assert [sessions.is_valid(bearing(each)) for each in (one, two)] == [True, False]
    keyring.replace([Grant("other", name="one")])
    assert not sessions.is_valid(bearing(one))


@pytest.mark.parametrize(
    "change",
    [
        lambda begun: begun[:-1] + ("0" if begun[-1] != "0" else "1"),
        lambda begun: str(int(begun[:12]) + 1).zfill(12) + begun[12:],
        lambda begun: begun[1:],
        lambda begun: begun[:12],
        lambda begun: f"{begun[:12]}.",
        lambda begun: begun[12:],
        lambda begun: "9" * 12 + begun[12:],
        lambda begun: "\u00b2" * 12 + begun[12:],
        lambda _: "",
        lambda _: ".",
    ],
)
def test_a_session_that_was_changed_is_none(sessions, change):
    assert not sessions.is_valid(bearing(change(sessions.begin("one", HERE))))


def test_a_request_without_a_session_bears_none(sessions):
    assert session_of(asked(host="here")) == ""
    assert session_of(asked(cookie="a=b")) == ""
    assert not sessions.is_valid(asked(cookie="a=b"))


@pytest.mark.parametrize("key", ["", "wrong", "ONE"])
def test_a_key_that_is_not_known_begins_none(sessions, key):
    with pytest.raises(NotAuthorizedException):
        sessions.begin(key, HERE)


def test_a_key_that_has_expired_begins_none(sessions, clock):
    clock.advance(60)
    with pytest.raises(NotAuthorizedException):
        sessions.begin("two", HERE)


def test_keys_cannot_be_tried_one_after_another(sessions, clock):
    def tries(count: int) -> int:
        return sum(tried(f"wrong-{number}") for number in range(count))

    def tried(key: str) -> bool:
        try:
            sessions.begin(key, HERE)
        except TooManyRequestsException:
            return False
        except NotAuthorizedException:
            return True
        return True

    assert tries(100) == 1
    with pytest.raises(TooManyRequestsException) as refusal:
        sessions.begin("one", HERE)
    assert refusal.value.headers == {"Retry-After": "3"}
    assert sessions.begin("one", "192.0.2.2")
    count = 0
    for _ in range(300):
        clock.advance(1)
        count += tries(2)
    assert count <= 300 / WRONG_KEYS_EVERY_S + 1
    clock.advance(60)
    assert sessions.begin("one", HERE)


def test_of_many_addresses_only_some_are_remembered(sessions):
    for number in range(3000):
        with pytest.raises(NotAuthorizedException):
            sessions.begin("wrong", f"address-{number}")
    assert len(sessions._wrong) == 1024


@pytest.mark.parametrize(
    ("headers", "is_same"),
    [
        ({}, True),
        ({"sec_fetch_site": "same-origin", "origin": "https://any"}, True),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"origin": "http://here:8000", "host": "here:8000"}, True),
        ({"origin": "http://there", "host": "here:8000"}, False),
        ({"origin": "null", "host": "null"}, False),
        ({"origin": "http://here"}, False),
    ],
)
def test_a_form_that_another_site_sends_is_known(headers, *, is_same: bool):
    assert is_same_site(asked(**headers)) is is_same


@pytest.mark.parametrize(
    ("scheme", "headers", "secure"),
    [
        ("http", {}, False),
        ("https", {}, True),
        ("http", {"x_forwarded_proto": "https, http"}, True),
        ("http", {"x_forwarded_proto": "http"}, False),
        ("http", {"forwarded": "for=1.2.3.4;Proto=https"}, True),
    ],
)
def test_tls_is_known_also_before_a_proxy(scheme, headers, *, secure: bool):
    assert is_secure(asked(**headers) | {"scheme": scheme}) is secure
