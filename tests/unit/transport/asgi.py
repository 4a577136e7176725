"""ASGI without a server: one request put into an application, and what it sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Pairs = Sequence[tuple[str, str]]


def scope_of(kind: str = "http", path: str = "/", headers: Pairs = (), **more: Any) -> Scope:
    """Make the scope of a request or WebSocket."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return {"type": kind, "method": "POST", "path": path, "root_path": "", "headers": raw, **more}


@dataclass
class Sent:
    """What an application sent."""

    messages: list[Message] = field(default_factory=list[Message])

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return self.messages[0]["status"]

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Inner:
    """The application behind a middleware: answers 200 and remembers the scopes it saw."""

    def __init__(self, body: Callable[[Scope, Receive], Awaitable[bytes]] | None = None) -> None:
        self.scopes: list[Scope] = []
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        body = b"served" if self._body is None else await self._body(scope, receive)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


async def nothing_to_receive() -> Message:
    """A client that sends no body and stays."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def run(app: ASGIApp, scope: Scope, receive: Receive = nothing_to_receive) -> Sent:
    """Run one ASGI connection to its end."""
    sent = Sent()
    await app(scope, receive, sent)
    return sent
