"""One HTTP exchange: its body, whether its client is still there, and whether the answer was delivered.

The middleware reads the whole body first, with a size limit and a deadline, and replays it to the
application. While the application works, whoever holds the `Exchange` can wait for the client to go away (in
JSON mode neither MCP era watches that) and can ask to be told once the whole answer was handed to the
connection. It gives every exchange a request id, returns it as `x-request-id` and binds it for the log. It
does not look into the body.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import anyio
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordination.transport.problem import problem

BODY_MAX: Final = 1024 * 1024
BODY_SECONDS: Final = 10.0
DRAIN_MAX: Final = 16 * BODY_MAX

_SCOPE_KEY: Final = "coordination.exchange"
_log: Final = structlog.stdlib.get_logger(__name__)

Callback = Callable[[], Awaitable[None]]


class Disconnect:
    """Becomes set when the client has gone away before its answer; like a read-only `anyio.Event`.

    The connection is watched from the first `wait()` on, so an exchange that nobody waits for costs nothing.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._event = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    def is_set(self) -> bool:
        """Whether the client is known to have gone away (only known while or after somebody waited)."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Return when the client has gone away; wait for ever otherwise."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_connection())
        await self._event.wait()

    async def look(self) -> bool:
        """Look at the connection once, without waiting, and return whether the client has gone away."""
        if self._watch is None:
            with anyio.CancelScope() as scope:
                scope.cancel()
                await self._watch_connection()
        return self._event.is_set()

    def stop(self) -> None:
        """Stop watching; called when the exchange is over."""
        if self._watch is not None:
            self._watch.cancel()

    async def _watch_connection(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._event.set()


@dataclass(slots=True)
class Exchange:
    """What a handler may know about the HTTP exchange it works for.

    Attributes:
        request_id: 32 hex digits, also in the answer's `x-request-id` and in the log.
        body: the whole request body.
        disconnected: set when the client goes away before its answer.
    """

    request_id: str
    body: bytes
    disconnected: Disconnect
    _callbacks: list[Callback] = field(default_factory=list[Callback])
    _undelivered: list[Callback] = field(default_factory=list[Callback])

    def on_delivered(self, callback: Callback) -> None:
        """Have `callback` awaited after the whole answer was handed to the connection.

        It does not run when the client went away before that. It may run although the answer was lost on the
        way, and must therefore be harmless then. Its errors are logged and go nowhere else.
        """
        self._callbacks.append(callback)

    def on_undelivered(self, callback: Callback) -> None:
        """Have `callback` awaited when the client went away before the answer was handed to the connection."""
        self._undelivered.append(callback)

    @property
    def wants_delivery(self) -> bool:
        """Whether anybody asked to be told of the delivery."""
        return bool(self._callbacks or self._undelivered)

    async def ended(self, *, delivered: bool) -> None:
        """Run the callbacks that fit the end, in the order in which they were registered."""
        for callback in self._callbacks if delivered else self._undelivered:
            try:
                await callback()
            except Exception:
                _log.exception("delivery_callback_failed", request_id=self.request_id)


def exchange_of(scope: Scope) -> Exchange:
    """Return the exchange that the middleware put on this ASGI scope.

    Raises:
        KeyError: the route is not behind `ExchangeMiddleware`.
    """
    return scope[_SCOPE_KEY]


class ExchangeMiddleware:
    """ASGI middleware that gives every HTTP request an `Exchange`. WebSockets and lifespan pass through.

    Args:
        app: the application behind.
        body_max: the largest body in bytes; more is answered with 413.
        body_seconds: how long the body may take to arrive; longer is answered with 408.
    """

    def __init__(self, app: ASGIApp, *, body_max: int = BODY_MAX, body_seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._body_max = body_max
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = os.urandom(16).hex()
        labelled = _labelled(send, request_id)
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            body = await self._read(scope, receive)
            if body is not None:
                await self._serve(scope, Exchange(request_id, body, Disconnect(receive)), labelled)
        except _Refused as refused:
            await problem(refused.status, refused.code, refused.detail, headers={"connection": "close"})(
                scope, receive, labelled
            )
        finally:
            structlog.contextvars.reset_contextvars(**bound)

    async def _serve(self, scope: Scope, exchange: Exchange, send: Send) -> None:
        scope[_SCOPE_KEY] = exchange
        delivered = False

        async def watched(message: Message) -> None:
            nonlocal delivered
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            reached = last and exchange.wants_delivery and not await exchange.disconnected.look()
            await send(message)
            delivered = delivered or reached

        try:
            await self._app(scope, _replay(exchange), watched)
        finally:
            exchange.disconnected.stop()
            await exchange.ended(delivered=delivered)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the whole body, or None when the client went away while sending it."""
        try:
            async with asyncio.timeout(self._body_seconds):
                return await self._read_whole(_declared_length(scope), receive)
        except TimeoutError:
            raise _Refused(
                408, "body_timeout", f"The request body must arrive within {self._body_seconds:g} seconds."
            ) from None

    async def _read_whole(self, declared: int, receive: Receive) -> bytes | None:
        body = bytearray()
        seen = 0
        too_large = declared > self._body_max
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk: bytes = message.get("body", b"")
            seen += len(chunk)
            too_large = too_large or seen > self._body_max
            if not too_large:
                body += chunk
            more = message.get("more_body", False)
            # A moderate excess is read and thrown away, so that the client gets to read its answer.
            if too_large and (not more or max(declared, seen) > DRAIN_MAX):
                raise _Refused(
                    413, "body_too_large", f"The request body may have at most {self._body_max} bytes."
                )
            if not more:
                return bytes(body)


class _Refused(Exception):
    """The body was not accepted."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


def _labelled(send: Send, request_id: str) -> Send:
    label = (b"x-request-id", request_id.encode())

    async def labelled(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message.get("headers", ())
            # An answer that was passed on from another service has the one by which that service's log knows it.
            if all(name != label[0] for name, _ in headers):
                message = {**message, "headers": [*headers, label]}
        await send(message)

    return labelled


def _replay(exchange: Exchange) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": exchange.body, "more_body": False}]

    async def receive() -> Message:
        if pending:
            return pending.pop()
        await exchange.disconnected.wait()
        return {"type": "http.disconnect"}

    return receive
