"""Served by the service's protocol, an answer reaches the connection by one write."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from coordination.transport.bounds import BoundedProtocol
from tests.integration.transport.endpoint import served
from tests.unit.transport.asgi import Inner


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

    class OnWatched(BoundedProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  as in uvicorn
            watched: Any = Watched(transport, written)
            super().connection_made(watched)

    async with served(Inner(), http=OnWatched, lifespan="off") as url, httpx.AsyncClient() as client:
        for _ in range(3):
            assert (await client.get(url)).text == "served"
    assert len(written) == 3
    for answer in written:
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"served" in answer.partition(b"\r\n\r\n")[2]
