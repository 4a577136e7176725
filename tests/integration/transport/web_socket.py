"""A WebSocket below the application: a service whose application says what a test wants, and clients that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import socket as socket_module
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from coordination.transport.bounds import BoundedProtocol
from coordination.transport.web_socket_protocol import OPTIONS, BoundedWebSocket
from tests.integration.transport.endpoint import served
from tests.integration.transport.test_bounds import Ends

Talk = Callable[[Receive, Send], Awaitable[None]]
KEY = b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
HANDSHAKE = b"GET /ws HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n" + KEY


async def echo(receive: Receive, send: Send) -> None:
    """Say everything again, until the end."""
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


class Application:
    """Accepts every WebSocket and talks; answers every other request."""

    def __init__(self, talk: Talk = echo) -> None:
        self.scopes: list[Scope] = []
        self.ended = asyncio.Event()
        self._talk = talk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
            await send({"type": "http.response.body", "body": b"served"})
            return
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        try:
            await self._talk(receive, send)
        finally:
            self.ended.set()


@contextlib.asynccontextmanager
async def service(talk: Talk = echo, **options: Any) -> AsyncGenerator[tuple[str, Application]]:
    application = Application(talk)
    every: dict[str, Any] = {"http": BoundedProtocol, **OPTIONS, **options}
    async with served(application, lifespan="off", **every) as url:
        yield url, application


def socket(url: str, path: str = "/ws", **options: Any) -> Any:
    return connect(url.replace("http", "ws", 1) + path, proxy=None, compression=None, **options)


def deaf(url: str) -> Any:
    """A client that reads one message and no more until it is asked to."""
    return socket(url, max_queue=1, ping_interval=None, close_timeout=0.1)


async def end(one: ClientConnection) -> tuple[int | None, str | None]:
    """Read to the end; returns its code and reason."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await one.recv(decode=False)
    return one.close_code, one.close_reason


class Observed(BoundedWebSocket):
    """Holds little, and tells when it is full and when it is over."""

    full: asyncio.Event
    lost: asyncio.Event

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        near: socket_module.socket = transport.get_extra_info("socket")
        near.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_SNDBUF, 4096)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.full.set()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.set()


def observed() -> type[Observed]:
    """The protocol for one test."""

    class OfOneTest(Observed):
        full = asyncio.Event()
        lost = asyncio.Event()

    return OfOneTest


def loud(size: int) -> Talk:
    """Sends for ever, and remembers nothing."""

    async def talk(_receive: Receive, send: Send) -> None:
        while True:
            await send({"type": "websocket.send", "text": "x" * size})

    return talk


@contextlib.asynccontextmanager
async def narrow(url: str) -> AsyncGenerator[Ends]:
    """A connection that holds little, so that what its client does shows at the other end at once."""
    near = socket_module.socket()
    near.setblocking(False)
    for size in (socket_module.SO_RCVBUF, socket_module.SO_SNDBUF):
        near.setsockopt(socket_module.SOL_SOCKET, size, 4096)
    host, port = url.removeprefix("http://").split(":")
    await asyncio.get_running_loop().sock_connect(near, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=near, limit=1000)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def read_no_more(writer: asyncio.StreamWriter) -> None:
    transport = writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
