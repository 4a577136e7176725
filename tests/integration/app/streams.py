"""Readers of streams as tests have them: Server-Sent Events and WebSockets of one running application."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from coordination.domain.file_lock import Claim, Granted, Operation
from coordination.domain.path import normalise_all
from coordination.services import agent as agents
from coordination.services import file_lock
from coordination.services.core import Core
from tests.integration.rest.api import agent


async def join(core: Core, session: str) -> int:
    """Begin a session with one agent; returns the number of its last event."""
    await agents.join(core, agent("impl_a", session=session))
    return 2


async def claim(core: Core, session: str, path: str) -> None:
    """Have one more event happen in a session."""
    wanted = Claim(normalise_all([path]), Operation.WRITE, 900)
    outcome = await file_lock.claim(core, agent("impl_a", session=session), wanted)
    assert isinstance(outcome, Granted)


async def until_left(core: Core) -> None:
    """Return once the service has seen that nobody reads any more."""
    async with asyncio.timeout(30):
        while core.feed.readers:  # noqa: ASYNC110 - nobody announces that a client was seen to be gone
            await asyncio.sleep(0)


@dataclass
class Block:
    """One block of a stream: its fields and comments, in order."""

    fields: dict[str, str] = field(default_factory=dict[str, str])
    comments: list[str] = field(default_factory=list[str])

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.fields["data"])
        return found


class Reader:
    """Reads a stream block by block."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def block(self) -> Block:
        """The next block, whatever is in it.

        Raises:
            StopAsyncIteration: the stream has ended.
        """
        found = Block()
        while (line := await anext(self._lines)) != "":
            name, _, value = line.partition(":")
            if name:
                assert name not in found.fields
                found.fields[name] = value.removeprefix(" ")
            else:
                found.comments.append(value.removeprefix(" "))
        return found

    async def event(self) -> Block:
        """The next event, or that events were removed."""
        while "data" not in (found := await self.block()).fields:
            pass
        return found

    async def rest(self) -> list[Block]:
        """All blocks up to the end."""
        found: list[Block] = []
        with contextlib.suppress(StopAsyncIteration):
            while True:
                found.append(await self.block())
        return found


@contextlib.asynccontextmanager
async def reading(
    client: httpx.AsyncClient, *sessions: str, after: str | None = None, last: str | None = None
) -> AsyncGenerator[Reader]:
    """Open a stream and read its beginning, which is the first block."""
    parameters: dict[str, Any] = {"session": list(sessions)}
    if after is not None:
        parameters["after"] = after
    headers = {} if last is None else {"last-event-id": last}
    async with client.stream("GET", "/api/v1/events", params=parameters, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield Reader(response)


class Socket:
    """A WebSocket that speaks JSON."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, message: object) -> None:
        await self.connection.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.connection.recv())
        return found

    async def ask(self, message: object) -> dict[str, Any]:
        await self.say(message)
        return await self.hear()

    async def follow(self, session: str, after: int | None = None) -> int:
        answer = await self.ask({"subscribe": {"session": session, "after": after}})
        assert answer["subscribed"]["session"] == session, answer
        number: int = answer["subscribed"]["after"]
        return number

    async def events(self, number: int) -> AsyncIterator[dict[str, Any]]:
        for _ in range(number):
            yield await self.hear()

    async def end(self) -> tuple[int, str]:
        """Read up to the end; returns its code and reason."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.connection.recv(decode=False)
        return self.connection.close_code or 0, self.connection.close_reason or ""


def address(client: httpx.AsyncClient, path: str = "/ws") -> str:
    """The URL of the WebSocket."""
    return str(client.base_url.copy_with(scheme="ws")).rstrip("/") + path


@contextlib.asynccontextmanager
async def connected(client: httpx.AsyncClient, path: str = "/ws", **options: Any) -> AsyncGenerator[Socket]:
    """Open a WebSocket."""
    async with connect(address(client, path), proxy=None, compression=None, **options) as connection:
        yield Socket(connection)
