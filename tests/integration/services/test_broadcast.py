"""When events are broadcast and when not; with the policies of the platform it is in the acceptance tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import asyncpg
import pytest

from coordination.services import file_lock
from coordination.services.core import Core
from tests.integration.store.steps import agent, wanted

SENDER = """
    CREATE SCHEMA realtime;
    CREATE TABLE realtime.messages (payload jsonb, event text, topic text, private boolean);
    CREATE FUNCTION realtime.send(payload jsonb, event text, topic text, private boolean) RETURNS void
    LANGUAGE sql AS 'INSERT INTO realtime.messages VALUES ($1, $2, $3, $4)';
"""
POLICY = "CREATE POLICY coordination_confine ON realtime.messages USING (true)"
LIMIT_SECONDS = 20


@pytest.fixture
async def connection(dsn: str) -> AsyncGenerator[asyncpg.Connection]:
    one = await asyncpg.connect(dsn)
    yield one
    await one.close()


async def claimed(core: Core) -> None:
    """Let something happen."""
    await file_lock.claim(core, agent("impl_a"), wanted("a.py"))


async def state_becomes(core: Core, state: str) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while core.broadcast.state != state:  # noqa: ASYNC110 - what is looked at sends no word
            await asyncio.sleep(0.01)


async def test_a_database_without_realtime_is_told_of_and_minded_by_nobody(dsn: str) -> None:
    core = Core(dsn, realtime=True)
    async with core.running():
        await claimed(core)
        assert core.broadcast.state == "absent"


async def test_nothing_is_sent_where_anybody_could_listen(dsn: str, connection: asyncpg.Connection) -> None:
    await connection.execute(SENDER)
    core = Core(dsn, realtime=True)
    async with core.running():
        await claimed(core)
        await state_becomes(core, "no policies")
    assert await connection.fetchval("SELECT count(*) FROM realtime.messages") == 0


async def test_events_are_sent_to_the_private_topic_of_their_session(
    dsn: str, connection: asyncpg.Connection
) -> None:
    await connection.execute(SENDER + POLICY)
    core = Core(dsn, realtime=True)
    async with core.running():
        await state_becomes(core, "sending")
        await claimed(core)
        async with asyncio.timeout(LIMIT_SECONDS):
            # The table of a stranger sends no word either.
            while await connection.fetchval("SELECT count(*) FROM realtime.messages") < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    rows = await connection.fetch(
        "SELECT event, topic, private FROM realtime.messages ORDER BY payload->'seq'"
    )
    assert [row["event"] for row in rows] == ["session.created", "agent.joined", "lock.claimed"]
    assert {(row["topic"], row["private"]) for row in rows} == {("coordination:local:demo", True)}
