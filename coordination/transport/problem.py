"""HTTP errors as problem details (RFC 9457), the one shape in which every route refuses.

`application/problem+json` with `type, title, status, detail, code`, and `next_call` where there is one. Two carry
`details` too, because programs go on with them: that of a lost lease all of its paths, and that of a checkout which is
taken the session that has it. The codes are those of the tools, and the table here gives each its status. Over MCP an
error has no status of its own (`transport.mcp.errors`).
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from coordination.domain.errors import (
    CheckoutTaken,
    CoordinationError,
    Forbidden,
    InvalidInput,
    LastOwner,
    LeaseLost,
    MemberExists,
    NameTaken,
    RateLimited,
    RefreshOver,
    RetryLater,
    RoleNeeded,
    RoleTaken,
    SettingRefused,
    TaskTaken,
    TaskWaits,
    TooManyWaits,
    UnknownItem,
    WaitCycle,
)
from coordination.transport.observation import observation_of

MEDIA_TYPE: Final = "application/problem+json"
HTTP_STATUS: Final = MappingProxyType(
    {
        InvalidInput.code: 400,
        RoleNeeded.code: 403,
        Forbidden.code: 403,
        UnknownItem.code: 404,
        LeaseLost.code: 409,
        WaitCycle.code: 409,
        TaskTaken.code: 409,
        TaskWaits.code: 409,
        NameTaken.code: 409,
        RoleTaken.code: 409,
        CheckoutTaken.code: 409,
        SettingRefused.code: 409,
        RefreshOver.code: 409,
        MemberExists.code: 409,
        LastOwner.code: 409,
        TooManyWaits.code: 429,
        RateLimited.code: 429,
        RetryLater.code: 503,
    }
)
"""The one table: status by code, for every leaf of the error tree."""

INTERNAL_STATUS: Final = 500
WEBSOCKET_DENIAL: Final = "websocket.http.response"
POLICY_VIOLATION: Final = 1008


class ProblemResponse(Response):
    """A problem answer, which tells whoever observes the request its code.

    Args:
        code: the stable code.
        status: the HTTP status.
        body: the problem as JSON.
        headers: further headers.
    """

    media_type = MEDIA_TYPE

    def __init__(self, code: str, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__(body, status, headers)
        self.code = code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        observation_of(scope).refusal = self.code
        await super().__call__(scope, receive, send)


def http_status(error: CoordinationError) -> int:
    """Return the HTTP status of an error; 500 for one that the table does not know."""
    return HTTP_STATUS.get(error.code, INTERNAL_STATUS)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    next_call: str = "",
    headers: Mapping[str, str] | None = None,
    details: Mapping[str, object] | None = None,
) -> ProblemResponse:
    """Build a problem answer.

    Args:
        status: the HTTP status, 4xx or 5xx.
        code: the stable code of the error, such as `invalid_input`.
        detail: what was wrong and what to send, in plain words; safe to show.
        next_call: one literal thing to do next; left out when ''.
        headers: further headers, such as `Allow`.
        details: facts for programs; left out when None.
    """
    told = {} if details is None else {"details": dict(details)}
    body = orjson.dumps({**problem_body(status, code, detail, next_call), **told})
    return ProblemResponse(code, status, body, headers or {})


def problem_body(status: int, code: str, detail: str, next_call: str = "") -> dict[str, object]:
    """Return the members of a problem; the arguments are those of `problem`."""
    body: dict[str, object] = {
        "type": f"urn:coordination:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    return {**body, "next_call": next_call} if next_call else body


def problem_of(error: CoordinationError) -> ProblemResponse:
    """Build the problem answer for an error of the domain, with the status of the one table.

    One that says in how many seconds the caller may go on (`retry_after_seconds`) says so in the header too.
    """
    seconds = error.details.get("retry_after_seconds")
    headers = {} if seconds is None else {"retry-after": str(seconds)}
    # Of the others some are for us alone.
    details = error.details if isinstance(error, CheckoutTaken | LeaseLost) else None
    return problem(
        http_status(error),
        error.code,
        error.message,
        next_call=error.next_call,
        headers=headers,
        details=details,
    )


def as_bytes(answer: Response) -> bytes:
    """Return an answer as HTTP/1.1 sends it, for a connection that is closed with it before any request was read."""
    phrase = HTTPStatus(answer.status_code).phrase
    head = [f"HTTP/1.1 {answer.status_code} {phrase}".encode(), b"connection: close"]
    head += [name + b": " + value for name, value in answer.raw_headers]
    return b"\r\n".join([*head, b"", bytes(answer.body)])


async def refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request, or a WebSocket that is not accepted yet, with `response` and nothing else."""
    if scope["type"] == "websocket" and WEBSOCKET_DENIAL not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
        return
    await response(scope, receive, send)
