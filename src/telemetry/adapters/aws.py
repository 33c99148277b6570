"""Clients of AWS: boto3's clients, called in threads, with errors that name the setting to change.

Only this module uses boto3. Credentials, region and endpoint come from the SDK's own chain (`AWS_*`
variables, profile, role of the machine). A call that fails for a passing reason (throttling, 5xx, a broken
connection) is tried again by the SDK with jittered pauses. A call that still fails raises an AwsError, whose
text begins with the name of the setting to change.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  # botocore's name for it
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from telemetry.domain.errors import OutOfReachError

R = TypeVar("R")

ATTEMPTS: Final = 4
"""How often a call, or an entry of a batch call, is tried before it counts as failed."""

_CONNECT_S: Final = 3.0
_CONNECTIONS: Final = 32  # calls at once, which delete 6,000 messages a second at a round trip of 50 ms
_POLLS: Final = 64  # long ones, which have connections beside the others
_NAME: Final = f"battery-telemetry Boto3/{boto3.__version__}"

_CLOCK: Final = "AWS: the clock of this machine is wrong"
_ACCESS: Final = "{setting}: these credentials may not use it"
_EXPIRED: Final = "AWS_SESSION_TOKEN: the credentials have expired"
_UNKNOWN_KEY: Final = "AWS_ACCESS_KEY_ID: it is not known"
_NO_QUEUE: Final = "SQS_QUEUE_URL: there is no such queue in region {region} (AWS_REGION)"
_NO_BUCKET: Final = "S3_BUCKET: there is no such bucket"
_ELSEWHERE: Final = "AWS_REGION: {setting} names something in another region than {region}"
_UNREACHED: Final = "AWS_ENDPOINT_URL, AWS_REGION: it cannot be reached"
_UNSIGNED: Final = "AWS_ACCESS_KEY_ID, AWS_PROFILE: there are no credentials that can be used"
_INVALID: Final = "AWS_SESSION_TOKEN: it is not valid"
_UNSAID: Final = "{setting}: it was refused without a reason, as a proxy does"
_STALE: Final = frozenset({_EXPIRED, _UNKNOWN_KEY, _UNSIGNED, _INVALID})
"""What is wrong with credentials that worked before, and stays wrong for as long as this process lives."""

_MEANINGS: Final = {
    "400": _UNSAID,  # answers without a body, of which the SDK knows only the status
    "403": _UNSAID,
    "AccessDenied": _ACCESS,
    "AccessDeniedException": _ACCESS,
    "AllAccessDisabled": _ACCESS,
    "KmsAccessDenied": _ACCESS,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "InvalidAccessKeyId": _UNKNOWN_KEY,
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "InvalidToken": _INVALID,
    "UnrecognizedClientException": _UNKNOWN_KEY,
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY: it does not fit AWS_ACCESS_KEY_ID",
    "AWS.SimpleQueueService.NonExistentQueue": _NO_QUEUE,
    "QueueDoesNotExist": _NO_QUEUE,
    "InvalidAddress": "SQS_QUEUE_URL: it is not the address of a queue",
    "404": _NO_BUCKET,
    "NoSuchBucket": _NO_BUCKET,
    "InvalidObjectState": "{setting}: the object is archived; restore it first",
    "301": _ELSEWHERE,
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "IllegalLocationConstraintException": _ELSEWHERE,
    "PermanentRedirect": _ELSEWHERE,
}
"""AWS's code of an error, and the setting to change."""

_KINDS: Final[dict[type[Exception], str]] = {
    NoRegionError: "AWS_REGION",
    ProfileNotFound: "AWS_PROFILE",
    NoCredentialsError: _UNSIGNED,
    PartialCredentialsError: _UNSIGNED,
    CredentialRetrievalError: _UNSIGNED,
    SSOError: _UNSIGNED,
    TokenRetrievalError: _UNSIGNED,
    ConnectionError: _UNREACHED,
    HTTPClientError: _UNREACHED,
    BotoCoreError: "{setting}",
    ValueError: "AWS_ENDPOINT_URL",
}
"""The SDK's own exceptions, and the setting to change; the first that fits counts."""


class AwsError(OutOfReachError):
    """A call that AWS refused, or that did not reach AWS; `code` is AWS's code, if it gave one."""

    def __init__(self, text: str, code: str = "", *, needs_restart: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.needs_restart = needs_restart


class Client:
    """A client of one service, used for the queue or the bucket that `setting` names."""

    def __init__(self, service: str, setting: str, patience_s: float) -> None:
        """Make a client that waits `patience_s` for an answer. Raise AwsError if the SDK is not set up."""
        self._setting = setting
        self._slots = asyncio.Semaphore(_CONNECTIONS)
        config = Config(
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            connect_timeout=_CONNECT_S,
            read_timeout=patience_s,
            max_pool_connections=_CONNECTIONS + _POLLS,
            tcp_keepalive=True,
            # Both cost a tenth of each call's time: what is asked is made here, and the name does not change.
            parameter_validation=False,
            user_agent=_NAME,
        )
        self.region = os.environ.get("AWS_REGION") or None
        try:
            session = boto3.Session(region_name=self.region)
            self._client = session.client(service, config=config)
        except (BotoCoreError, ValueError) as error:
            raise self._aws_error(error) from error
        self.region = self._client.meta.region_name
        self.partition: str = self._client.meta.partition  # as ARNs name it: `aws`, `aws-cn`, `aws-us-gov`
        self._client.meta.events.register_last("before-call.s3", _do_not_ask_first)

    def call_blocking(self, work: Callable[[Any], R]) -> R:
        """Do `work` with the client in the caller's thread. Raise AwsError."""
        try:
            return work(self._client)
        except (BotoCoreError, ClientError) as error:
            raise self._aws_error(error) from error
        except RecursionError:
            # The SDK asks for the region of a bucket again and again if it is sent elsewhere without a name.
            raise AwsError(self._named(_ELSEWHERE)) from None

    async def call(self, work: Callable[[Any], R]) -> R:
        """Do `work` with the client in a thread, once one of the connections is free. Raise AwsError."""
        async with self._slots:
            return await _in_thread(lambda: self.call_blocking(work))

    async def call_unbounded(self, work: Callable[[Any], R]) -> R:
        """Do `work` that may take long in a thread, whether a connection is free or not. Raise AwsError."""
        return await _in_thread(lambda: self.call_blocking(work))

    def close(self) -> None:
        self._client.close()

    def _aws_error(self, error: Exception) -> AwsError:
        """Turn an error of the SDK into one that names the setting to change."""
        code = ""
        if isinstance(error, ClientError):
            code = error.response.get("Error", {}).get("Code", "")
            meaning = _MEANINGS.get(code, "{setting}")
        else:
            meaning = next(meaning for kind, meaning in _KINDS.items() if isinstance(error, kind))
        text = " ".join(str(error).split())
        return AwsError(f"{self._named(meaning)}: {text}", code, needs_restart=meaning in _STALE)

    def _named(self, meaning: str) -> str:
        return meaning.format(setting=self._setting, region=self.region)


def _do_not_ask_first(params: dict[str, Any], **_: object) -> None:
    """Send a body with its head. To ask first whether it is welcome costs a round trip, and it always is."""
    params["headers"].pop("Expect", None)


class _Worker:
    """A thread that does one piece of blocking work after another; the process does not wait for its end."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        Thread(target=self._run, name="aws", daemon=True).start()

    @classmethod
    def do(cls, work: Callable[[], None]) -> None:
        """Do work in a thread that is idle, or in a new one. To start one takes as long as half a call."""
        try:
            worker = _idle.pop()
        except IndexError:
            worker = cls()
        worker._work.put(work)

    def _run(self) -> None:
        while True:
            self._work.get()()
            _idle.append(self)


_idle: Final[deque[_Worker]] = deque()


async def _in_thread(work: Callable[[], R]) -> R:
    """Do blocking work in a thread."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[R] = loop.create_future()

    def settle(set_outcome: Callable[[Any], None], value: object) -> None:
        if not outcome.done():  # it is done already if the caller was cancelled
            set_outcome(value)

    def run() -> None:
        set_outcome: Callable[[Any], None]
        try:
            set_outcome, value = outcome.set_result, work()
        except BaseException as error:  # noqa: BLE001  # the caller has to receive every error
            set_outcome, value = outcome.set_exception, error  # type: ignore[assignment]
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, set_outcome, value)

    _Worker.do(run)
    return await outcome
