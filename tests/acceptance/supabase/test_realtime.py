"""Events that are broadcast through Realtime: to members of the workspace alone, and never in the way of an event.

What Supabase runs is not to be had here: `realtime.send`, `realtime.topic` and the table of messages are the shim's,
defined as on the platform, and a policy is asked as Realtime asks it, by reading and writing messages of a topic.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

import asyncpg
import pytest

from coordination.domain.file_lock import Granted
from coordination.services import file_lock
from coordination.services.core import Core
from coordination.store import migration, realtime, row_policies
from coordination.store.database import Database
from tests.acceptance.supabase.cluster import Cluster
from tests.integration.services.terminal import Terminal
from tests.integration.store.steps import agent, kinds, wanted

pytestmark = pytest.mark.acceptance
WORKSPACE, TOPIC = "team", "coordination:team:demo"
WHO = agent("impl_a", workspace=WORKSPACE)
MEMBER, STRANGER = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
MESSAGES = "SELECT topic, event, private, extension, payload FROM realtime.messages ORDER BY payload->'seq'"


@pytest.fixture
def cluster(clusters: Callable[[int], Cluster]) -> Cluster:
    """One version is enough: what differs between them is tried with the other policies."""
    return clusters(18)


@pytest.fixture
async def raw(migrated: str) -> AsyncGenerator[Any]:
    """A connection of the role that owns the tables, with a member in the workspace."""
    connection = await asyncpg.connect(migrated)
    await connection.execute(
        "INSERT INTO workspaces (id, name, created_at) SELECT w, w, now() FROM unnest($1::text[]) w",
        [WORKSPACE, "other"],
    )
    await connection.executemany(
        """INSERT INTO workspace_members (workspace_id, user_id, role, subject, joined_at)
           VALUES ($1, 'max', $2, $3, now())""",
        [(WORKSPACE, "member", MEMBER), ("other", "owner", STRANGER)],
    )
    yield connection
    await connection.close()


async def claim(core: Core, path: str = "a.py") -> None:
    """Make an event."""
    outcome = await file_lock.claim(core, WHO, wanted(path), client=Terminal())
    assert isinstance(outcome, Granted)


async def until(core: Core, state: str) -> None:
    """Return once the broadcast is in that state."""
    async with asyncio.timeout(10):
        while core.broadcast.state != state:
            await core.database.fetch("SELECT 1")


async def messages(raw: Any, number: int) -> list[asyncpg.Record]:
    """Return what was broadcast once it is so many messages."""
    async with asyncio.timeout(10):
        while len(rows := await raw.fetch(MESSAGES)) < number:
            pass
    assert len(rows) == number
    return rows


@pytest.mark.parametrize("transaction_pooler", [False, True])
async def test_every_event_is_broadcast_once_on_the_private_channel_of_its_session(
    migrated: str, raw: Any, *, transaction_pooler: bool
) -> None:
    core = Core(migrated, realtime=True, transaction_pooler=transaction_pooler)
    async with core.running():
        await until(core, "sending")
        await claim(core)
        await claim(core, "b.py")
        logged = await kinds(core.database)
        rows = await messages(raw, len(logged))
    assert {(row["topic"], row["private"], row["extension"]) for row in rows} == {(TOPIC, True, "broadcast")}
    assert [row["event"] for row in rows] == logged
    said = [json.loads(row["payload"]) for row in rows]
    assert [one["seq"] for one in said] == list(range(1, len(logged) + 1))
    assert "b.py" in json.dumps(said[-1]["payload"])


async def test_without_the_setting_nothing_is_broadcast(migrated: str, raw: Any) -> None:
    core = Core(migrated)
    async with core.running():
        await claim(core)
        assert core.broadcast.state == "off"
    assert await raw.fetch(MESSAGES) == []


@pytest.mark.parametrize(
    "breakage",
    [
        "DROP TABLE realtime.messages_default",  # realtime.send warns
        """CREATE OR REPLACE FUNCTION realtime.send(payload jsonb, event text, topic text, private boolean DEFAULT true)
           RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$""",
        "DROP FUNCTION realtime.send(jsonb, text, text, boolean)",
    ],
)
async def test_what_goes_wrong_disturbs_no_event_and_nobody_who_caused_it(
    migrated: str, raw: Any, breakage: str
) -> None:
    core = Core(migrated, realtime=True)
    async with core.running():
        await until(core, "sending")
        await raw.execute(breakage)
        for number in range(3):
            await claim(core, f"{number}.py")
        if "messages_default" not in breakage:
            await until(core, "failing")
        assert (await kinds(core.database)).count("lock.claimed") == 3


async def test_where_there_is_no_realtime_it_is_said_and_nothing_is_tried(migrated: str, raw: Any) -> None:
    await raw.execute("DROP FUNCTION realtime.send(jsonb, text, text, boolean)")
    core = Core(migrated, realtime=True)
    async with core.running():
        await claim(core)
        await until(core, "absent")


async def test_without_the_policies_nothing_is_sent_because_anybody_could_listen(
    migrated: str, raw: Any
) -> None:
    await raw.execute("DROP POLICY coordination_confine ON realtime.messages")
    core = Core(migrated, realtime=True)
    async with core.running():
        await until(core, "no policies")
        await claim(core)
    assert await raw.fetch(MESSAGES) == []


async def test_policies_that_went_are_noticed_and_made_again(migrated: str, raw: Any) -> None:
    database = Database(migrated)
    assert await row_policies.look(database) == "applied"
    await raw.execute("DROP POLICY coordination_confine ON realtime.messages")
    assert await row_policies.look(database) == "absent"
    assert await migration.apply_policies(migrated)
    assert await row_policies.look(database) == "applied"
    assert await realtime.look(database) == "sending"
    await database.close()


async def may(raw: Any, role: str, subject: str, topic: str) -> tuple[bool, bool]:
    """Whether a role may receive and send on a topic, asked in a transaction that is undone, as Realtime does."""
    transaction = raw.transaction()
    await transaction.start()
    try:
        await raw.execute(
            "INSERT INTO realtime.messages (topic, extension, private) VALUES ($1, 'broadcast', true)", topic
        )
        claims = json.dumps({"sub": subject, "role": role})
        await raw.execute("SELECT set_config('request.jwt.claims', $1, true)", claims)
        await raw.execute("SELECT set_config('realtime.topic', $1, true)", topic)
        await raw.execute(f"SET LOCAL ROLE {role}")
        receives = bool(await raw.fetch("SELECT 1 FROM realtime.messages WHERE topic = $1", topic))
        try:
            await raw.execute(
                "INSERT INTO realtime.messages (topic, extension) VALUES ($1, 'broadcast')", topic
            )
        except asyncpg.InsufficientPrivilegeError:
            return receives, False
        return receives, True
    finally:
        await transaction.rollback()


@pytest.mark.parametrize("open_project", [False, True])
async def test_members_receive_and_nobody_else_and_nobody_sends(raw: Any, *, open_project: bool) -> None:
    if open_project:
        # What a project may have for its own channels.
        await raw.execute("CREATE POLICY anything ON realtime.messages TO anon, authenticated USING (true)")
    asked = {
        (role, subject, topic): await may(raw, role, subject, topic)
        for role, subject in (("authenticated", MEMBER), ("authenticated", STRANGER), ("anon", STRANGER))
        for topic in (TOPIC, "coordination:other:demo", "coordination:team", "coordination", "room:1")
    }
    others = (open_project, open_project)
    assert asked == {
        (role, subject, topic): others
        if topic == "room:1"
        else (
            role == "authenticated"
            and (subject, topic.split(":")[1:2]) in ((MEMBER, ["team"]), (STRANGER, ["other"])),
            False,
        )
        for role, subject, topic in asked
    }


async def test_a_membership_that_ends_ends_what_is_received(raw: Any) -> None:
    assert await may(raw, "authenticated", MEMBER, TOPIC) == (True, False)
    await raw.execute("DELETE FROM workspace_members WHERE workspace_id = 'team'")
    assert await may(raw, "authenticated", MEMBER, TOPIC) == (False, False)


async def test_going_back_takes_the_policies_away(migrated: str, raw: Any) -> None:
    ours = "SELECT count(*) FROM pg_policies WHERE schemaname = 'realtime'"
    assert await raw.fetchval(ours) == 4
    await raw.close()
    await migration.migrate(migrated, "0004")
    again = await asyncpg.connect(migrated)
    assert await again.fetchval(ours) == 0
    await again.close()
