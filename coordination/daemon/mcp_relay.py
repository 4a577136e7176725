"""The relay of MCP: one URL for every terminal of this machine, passed on as the agent that asks.

A terminal is known by its header, a subagent of it by the id of the call, which its hook announced before; both share
one connection. The service keeps nothing of a connection in either era of MCP, so the calls of one connection may go to
the URLs of several agents. Answers are passed on as they come. When the client goes away, the request to the service is
closed, so that a claim that waits leaves the queue. While the service is being started, requests wait for it; while it
is away, they are told to come again (`asked`). Who may ask at all was decided before (`http`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import httpx
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from coordination.daemon import unprotected, upstream
from coordination.daemon.asked import CALL, Asked, asked, loaded
from coordination.daemon.service_state import STARTING_SECONDS, ServiceState
from coordination.daemon.upstream import Connections, Route
from coordination.domain.checkout import parse_terminal
from coordination.domain.errors import CoordinationError, Forbidden
from coordination.transport.exchange import ExchangeMiddleware, exchange_of
from coordination.transport.mcp.headers import only
from coordination.transport.mcp.message import member
from coordination.transport.problem import problem

PATH: Final = "/mcp"

Resolve = Callable[[str, str | None], Awaitable[Route | None]]
"""Says whose requests are: the terminal's `{pid}-{start}`, and the id of a call that may be a subagent's."""

_BOUND: Final = frozenset({CALL, "subscriptions/listen"})
"""What does something under its agent's name, or is bound to it for as long as it is open."""
_METHODS: Final = frozenset({"POST", "GET", "DELETE"})
_TERMINAL: Final = b"x-coordination-terminal"
_EVENT_STREAM: Final = "text/event-stream"
_NOT_DONE: Final = "The coordination service cannot be reached now. Nothing was done."
_STARTING: Final = "The coordination service is being started. Nothing was done."
_NOT_KNOWN: Final = "The connection to the coordination service broke. Whether it was done is not known."
_UNKNOWN: Final = (
    "The daemon knows no terminal of that id. A terminal becomes known by the hooks of the plugin: start it anew, or "
    "name the session of a client without them: coord mcp-stdio --session SESSION --agent AGENT"
)
_REFUSED: Final = (
    "The coordination service does not accept this machine's login any more. Nothing was done. "
    "A person has to log in."
)
_ELSEWHERE: Final = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)


class McpRelay:
    """ASGI application that passes MCP requests on.

    Args:
        resolve: says whose requests are; it may raise a `CoordinationError`, which the client is told.
        service: how the service stands; it is told what is met.
        connections: what speaks to services; whoever makes it closes it.
        starting_seconds: for how long a request waits for a service that is being started.
        is_protected: says of a terminal, by `{pid}-{start}`, whether its hooks come; else its results say so.
        conversation: waits until it is known which conversation a terminal has, for a while.
    """

    def __init__(
        self,
        resolve: Resolve,
        service: ServiceState,
        connections: Connections,
        *,
        starting_seconds: float = STARTING_SECONDS,
        is_protected: Callable[[str], bool] = lambda _: True,
        conversation: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._resolve = resolve
        self._service = service
        self._connections = connections
        self._starting_seconds = starting_seconds
        self._is_protected = is_protected
        self._conversation = conversation
        self._behind: ASGIApp = ExchangeMiddleware(self._exchange)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["method"] in _METHODS:
            await self._behind(scope, receive, send)
            return
        allowed = {"allow": ", ".join(sorted(_METHODS))}
        answer = problem(405, "method_not_allowed", "MCP is spoken by POST.", headers=allowed)
        await answer(scope, receive, send)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, for as long as its client is there."""
        passing = asyncio.create_task(self._pass_on(scope, receive, send))
        leaving = asyncio.create_task(exchange_of(scope).disconnected.wait())
        try:
            await asyncio.wait((passing, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not passing.done():
                passing.cancel()
            # What it raised is raised here, but for the end that was just asked for.
            await asyncio.wait((passing, leaving))
        if not passing.cancelled():
            passing.result()

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        question = asked(exchange_of(scope).body)
        try:
            found = await self._request(scope, question)
            answer = found if isinstance(found, Response) else await self._open(found, question)
        except CoordinationError as error:
            answer = question.refused(error)
        if isinstance(answer, Response):
            await answer(scope, receive, send)
            return
        try:
            await self._answer(answer, question, scope, receive, send)
        finally:
            await answer.aclose()

    async def _request(self, scope: Scope, question: Asked) -> httpx.Request | Response:
        """Return what to send to the service, or what the client is refused with.

        Raises:
            CoordinationError: a header is malformed, or nobody can say now whose the request is.
        """
        if await self._service.settled(self._starting_seconds) == "starting":
            return question.retry_later(_STARTING)
        terminal = parse_terminal(only(scope["headers"], _TERMINAL))
        if terminal and self._conversation is not None and question.method in _BOUND:
            await self._conversation(terminal)
        route = await self._resolve(terminal, question.tool_use_id) if terminal else None
        if route is None:
            # Not 403, which Claude Code would remember as it does a 401: see `_refusal`.
            return problem(400, "unknown_terminal", _UNKNOWN)
        body = exchange_of(scope).body
        return upstream.request(scope["method"], route, scope["headers"], terminal, body)

    async def _open(self, request: httpx.Request, question: Asked) -> httpx.Response | Response:
        """Send a request; it was not done where no connection could be made."""
        try:
            response = await self._send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            self._service.met(answered=False)
            return question.retry_later(_STARTING if self._service.state == "starting" else _NOT_DONE)
        except httpx.PoolTimeout:
            return question.retry_later(_NOT_DONE)
        except httpx.TransportError:
            return question.retry_later(_NOT_KNOWN)
        self._service.met(answered=True)
        return response

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._connections.send(request, request.headers["x-coordination-terminal"])
        except httpx.ConnectError:
            # Between two looks at it the service may have begun to start.
            if self._service.state != "starting":
                raise
            await self._service.settled(self._starting_seconds)
            return await self._connections.send(request, request.headers["x-coordination-terminal"])

    async def _answer(
        self, response: httpx.Response, question: Asked, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass an answer on: a stream as it comes, anything else as a whole, so that it never ends half-way."""
        try:
            refusal = await _refusal(response, question)
        except httpx.TransportError:
            refusal = question.retry_later(_NOT_KNOWN)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if response.headers.get("content-type", "").startswith(_EVENT_STREAM):
            await _stream(response, send)
            return
        try:
            body = b"".join([chunk async for chunk in response.aiter_raw()])
        except httpx.TransportError:
            await question.retry_later(_NOT_KNOWN)(scope, receive, send)
            return
        terminal = response.request.headers["x-coordination-terminal"]
        if question.is_call and not self._is_protected(terminal):
            body = unprotected.marked(body)
        await send(_start(response, len(body)))
        await send({"type": "http.response.body", "body": body})


async def _stream(response: httpx.Response, send: Send) -> None:
    await send(_start(response))
    try:
        async for chunk in response.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except httpx.TransportError:
        pass  # the stream ends, and the client opens another one
    await send({"type": "http.response.body", "body": b""})


def _start(response: httpx.Response, length: int | None = None) -> dict[str, object]:
    """Return how an answer begins; `length` is that of its body where it is known."""
    headers = upstream.passed_back(response)
    if length is not None:
        headers = [(name, value) for name, value in headers if name != b"content-length"]
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http.response.start", "status": response.status_code, "headers": headers}


async def _refusal(response: httpx.Response, question: Asked) -> Response | None:
    """Return what is said instead of an answer that would mislead the client; None passes it on.

    The client's own credential is good. By a 401 or 403 it would look for a login of its own, and remember for fifteen
    minutes that it found none.
    """
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        return _refused(question, "unauthorized", _REFUSED, "coord login")
    if response.status_code == HTTPStatus.FORBIDDEN:
        detail = member(loaded(await response.aread()), "detail")
        said = detail if isinstance(detail, str) else "The coordination service does not allow it."
        return _refused(question, Forbidden.code, said, "coord whoami")
    if response.is_redirect or (question.is_call and response.status_code in _ELSEWHERE):
        return question.retry_later(_NOT_KNOWN)
    return None


def _refused(question: Asked, code: str, message: str, next_call: str) -> Response:
    if question.is_call:
        return question.refused_call(code, message, next_call)
    return problem(502, "service_refused", message, next_call=next_call)
