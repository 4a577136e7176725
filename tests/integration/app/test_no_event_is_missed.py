"""A number taken early and committed late: every reader that looks between the two commits gets both events.

Without the guard (writers of a session wait for one another before they take a number) each of them loses one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from urllib.parse import unquote

import pytest

from coordination.store.database import Database
from coordination.wire.event_stream import REMOVED
from coordination.wire.resource import EVENTS
from tests.integration.app.conftest import Client, Serve
from tests.integration.app.listening import Told, listening, resource
from tests.integration.app.streams import claim, connected, reading
from tests.integration.store.steps import (
    NO_LOCK,
    agent,
    blocked,
    granted,
    number_by_sequence,
    weaken,
    worker,
)

PACE = "pace"
"""A session that sorts behind the others: a stream that has its news has looked for theirs."""


class Pages:
    """Polls the page of events."""

    def __init__(self, client: Client, session: str) -> None:
        self._client = client
        self._path = f"/api/v1/sessions/{session}/events"
        self._after = 0

    async def look(self) -> list[int]:
        page = (await self._client.get(self._path, params={"after": self._after, "limit": 200})).json()
        self._after = page["next_after"]
        return [event["seq"] for event in page["events"]]


class Stream:
    """Reads a stream until it has looked, which shows by the pace: two looks at that may have begun before.

    Args:
        client: the service.
        session: the session that matters.
        hear: the next event of the stream: its session, its number and its JSON.
    """

    def __init__(
        self, client: Client, session: str, hear: Callable[[], Awaitable[tuple[str, int, str]]]
    ) -> None:
        self._client = client
        self._session = session
        self._hear = hear
        self._paces = 0

    async def look(self) -> list[int]:
        found: list[int] = []
        self._client.core.feed.announce("local", self._session, freed=True)
        for _ in range(3):
            self._paces += 1
            path = f"{self._session}/{self._paces}.py"
            await claim(self._client.core, PACE, path)
            while path not in (heard := await self._hear())[2]:
                found += [heard[1]] * (heard[0] == self._session)
        return found


class Listener:
    """Is told over MCP that the events changed, and only then reads them, from where it was."""

    def __init__(self, client: Client, session: str, told: Told) -> None:
        self._client = client
        self._session = session
        self._told = told
        self._next = f"{EVENTS}?after=0"
        self._after = 0
        self._before: list[int] = []

    async def begin(self) -> None:
        """Read what was before: of that nothing is told."""
        self._before = await self._read()

    async def _read(self) -> list[int]:
        page = json.loads(await resource(self._client, self._session, self._next))
        self._next, self._after = page["next"], page["cursor"]
        return [event["seq"] for event in page["events"]]

    async def look(self) -> list[int]:
        found, self._before = self._before, []
        newest = "SELECT max(seq) FROM coordination_events WHERE session_id = $1"
        if (await self._client.core.database.fetch(newest, self._session))[0][0] <= self._after:
            return found  # of nothing could it be told
        self._client.core.feed.announce("local", self._session, freed=True)
        assert await self._told.update() == EVENTS
        return found + await self._read()


@contextlib.asynccontextmanager
async def pages(client: Client, session: str) -> AsyncGenerator[Pages]:
    yield Pages(client, session)


@contextlib.asynccontextmanager
async def server_sent_events(client: Client, session: str) -> AsyncGenerator[Stream]:
    async with reading(client, session, PACE, after="0") as reader:

        async def hear() -> tuple[str, int, str]:
            # A number that is not there yet is taken for one whose event was removed.
            while (block := await reader.event()).fields.get("event") == REMOVED:
                pass
            name = block.fields["id"].partition(":")[0]
            return unquote(name), block.event["seq"], block.fields["data"]

        yield Stream(client, session, hear)


@contextlib.asynccontextmanager
async def web_socket(client: Client, session: str) -> AsyncGenerator[Stream]:
    async with connected(client) as socket:
        for name in (session, PACE):
            await socket.say({"subscribe": {"session": name, "after": 0}})

        async def hear() -> tuple[str, int, str]:
            while "event" not in (message := await socket.hear()):
                pass
            return message["session"], message["event"]["seq"], json.dumps(message)

        yield Stream(client, session, hear)


@contextlib.asynccontextmanager
async def listener(client: Client, session: str) -> AsyncGenerator[Listener]:
    async with listening(client, session, [EVENTS]) as told:
        reader = Listener(client, session, told)
        await reader.begin()
        yield reader


Open = Callable[[Client, str], AbstractAsyncContextManager[Pages | Stream | Listener]]


async def missed(client: Client, session: str, read: Open) -> list[str]:
    """One claim takes its number and commits late, another one comes; return what a reader missed."""
    database = client.core.database
    one, two = agent("impl_a", session=session), agent("impl_b", session=session)
    await granted(database, one, "old_a.py")
    await granted(database, two, "old_b.py")
    await claim(client.core, PACE, "begin.py")
    async with (
        read(client, session) as reader,
        worker(database.dsn) as late,
        worker(database.dsn) as early,
    ):
        transaction = late.raw.transaction()
        await transaction.start()
        await granted(late, one, "a.py")
        seen = await reader.look()
        second = asyncio.create_task(granted(early, two, "b.py"))
        waits = asyncio.create_task(blocked(database, early))
        await asyncio.wait({second, waits}, return_when=asyncio.FIRST_COMPLETED)
        seen += await reader.look()
        await transaction.commit()
        waits.cancel()
        seen += await reader.look()
        await second
        seen += await reader.look()
    assert seen == sorted(set(seen))
    rows = await database.fetch(
        "SELECT seq, kind || ' ' || agent_id AS what FROM coordination_events WHERE session_id = $1", session
    )
    return [row["what"] for row in rows if row["seq"] not in seen]


@pytest.mark.parametrize("read", [pages, server_sent_events, web_socket, listener])
async def test_a_number_taken_early_and_committed_late_is_not_missed(
    serve: Serve, database: Database, read: Open
) -> None:
    async with serve(database.dsn) as client:
        assert await missed(client, "guarded", read) == []
        # Without: numbers come from a sequence, and writers of one session do not wait for one another's commit.
        await number_by_sequence(database)
        await weaken(database, "lock_session", *NO_LOCK)
        assert await missed(client, "helpless", read) == ["lock.claimed alice/impl_a"]
