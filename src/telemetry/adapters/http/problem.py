"""Refusals of requests as problem details (RFC 9457), each cause with its status and what to change."""

from http import HTTPStatus
from typing import Any, Final

from litestar import Request
from litestar.exceptions import HTTPException
from litestar.plugins.problem_details import (
    ProblemDetailsConfig,
    ProblemDetailsException,
    ProblemDetailsPlugin,
)
from litestar.types import Receive, Scope, Send

from telemetry.domain.contract.compression import TooLargeError
from telemetry.domain.contract.elements import TooManyRecordsError
from telemetry.domain.contract.parse import MalformedBodyError
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.domain.transport.ingest import NotPermittedError
from telemetry.domain.transport.queue import QueueUnavailableError

_RETRY_AFTER_S: Final = "1"
"""When to try again after the queue was unavailable, as the header has it."""


def _problem(status: int, detail: str, **headers: str) -> ProblemDetailsException:
    """Make problem details; a header is given with `_` in the place of `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ProblemDetailsException(
        status_code=status, title=HTTPStatus(status).phrase, detail=detail, headers=named
    )


def _refused(error: HTTPException) -> ProblemDetailsException:
    return _problem(error.status_code, error.detail, **(error.headers or {}))


def _malformed(error: MalformedBodyError) -> ProblemDetailsException:
    return _problem(400, f"The body is not JSON: {error}")


def _too_large(error: TooLargeError | TooManyRecordsError) -> ProblemDetailsException:
    return _problem(413, str(error))


def _not_permitted(error: NotPermittedError) -> ProblemDetailsException:
    return _problem(403, str(error))


def _unavailable(_: QueueUnavailableError) -> ProblemDetailsException:
    # The text of the error names paths and addresses, which are for the log and not for the sender.
    return _problem(503, "The queue cannot take it now. Send it again.", Retry_After=_RETRY_AFTER_S)


def _unreadable(_: StoreUnavailableError) -> ProblemDetailsException:
    return _problem(503, "The store cannot be read now. Ask again.", Retry_After=_RETRY_AFTER_S)


def _failed(_: Exception) -> ProblemDetailsException:
    return _problem(500, "It failed for a reason that is in the receiver's log. Send it again.")


_CAUSES: Final[dict[type[Exception], Any]] = {
    HTTPException: _refused,
    MalformedBodyError: _malformed,
    TooLargeError: _too_large,
    TooManyRecordsError: _too_large,
    NotPermittedError: _not_permitted,
    QueueUnavailableError: _unavailable,
    StoreUnavailableError: _unreadable,
    Exception: _failed,
}


def of(error: Exception) -> ProblemDetailsException:
    """Return the problem details by which an error is answered."""
    found: ProblemDetailsException = next(make for kind, make in _CAUSES.items() if isinstance(error, kind))(
        error
    )
    return found


async def answer(error: HTTPException, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with problem details where no application does it."""
    request: Request[Any, Any, Any] = Request(scope)
    response = _refused(error).to_response(request)
    await response.to_asgi_response(app=None, request=request)(scope, receive, send)


PLUGIN: Final = ProblemDetailsPlugin(ProblemDetailsConfig(exception_to_problem_detail_map=_CAUSES))
