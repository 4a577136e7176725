"""Served by the service's protocol, an answer reaches the connection by one write."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.types import Receive, Scope, Send

from coordination.transport.bounds import BoundedProtocol
from tests.integration.transport.endpoint import served
from tests.unit.transport.asgi import Inner


def on_watched(written: list[bytes]) -> type[BoundedProtocol]:
    """The service's protocol, on transports that note what is written to them."""

    class OnWatched(BoundedProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  as in uvicorn
            watched: Any = Watched(transport, written)
            super().connection_made(watched)

    return OnWatched


class Watched:
    """A connection's transport that remembers what is written to it."""

    def __init__(self, transport: asyncio.Transport, written: list[bytes]) -> None:
        self._transport = transport
        self._written = written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Remember a write, and do it."""
        self._written.append(bytes(data))
        self._transport.write(data)


async def test_each_answer_of_a_connection_is_one_write_of_head_and_body() -> None:
    written: list[bytes] = []
    async with (
        served(Inner(), http=on_watched(written), lifespan="off") as url,
        httpx.AsyncClient() as client,
    ):
        for _ in range(3):
            assert (await client.get(url)).text == "served"
    assert len(written) == 3
    for answer in written:
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"served" in answer.partition(b"\r\n\r\n")[2]


async def test_a_whole_answer_is_sent_before_anything_else_of_its_turn_is_done() -> None:
    written: list[bytes] = []
    sent_at_the_end: list[int] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await Inner()(scope, receive, send)
        sent_at_the_end.append(len(written))  # still in the turn in which it answered

    async with (
        served(application, http=on_watched(written), lifespan="off") as url,
        httpx.AsyncClient() as client,
    ):
        await client.get(url)
    assert sent_at_the_end == [1]
