"""Steps that tests on a real Postgres take: agents, claims, open transactions, and guards that are broken on purpose.

A guard's test proves twice: that the promise holds, and, with one line of one function taken out of its own database,
that the promise breaks. So it can never come to prove nothing.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from coordination.domain.agent import Agent
from coordination.domain.file_lock import Ahead, Claim, Granted, Held, Operation, Wait
from coordination.domain.path import normalise_all
from coordination.store import file_lock
from coordination.store.database import SERVER_SETTINGS, Database

DEMO = "demo"
WRITE = Operation.WRITE
READ = Operation.READ
NO_LOCK = ("PERFORM pg_advisory_xact_lock", "PERFORM hashtextextended('', 0) WHERE 0 =")
"""How `lock_session` is weakened: the lock, and what stands in its place."""


def agent(
    name: str, *, session: str = DEMO, checkout: str = "", user: str = "alice", workspace: str = "local"
) -> Agent:
    """An agent of a session."""
    role = "planner" if name == "planner" else "implementer"
    return Agent(workspace, session, user, name, role, "claude", checkout=checkout)


def wanted(
    *paths: str,
    operation: Operation = WRITE,
    minutes: int = 15,
    task_id: str | None = None,
    reason: str | None = None,
) -> Claim:
    """A claim on paths as a person writes them."""
    ordered = tuple(sorted(normalise_all(paths), key=lambda path: path.key))
    return Claim(
        paths=ordered,
        operation=operation,
        ttl_seconds=minutes * 60,
        task_id=task_id,
        reason=reason,
        request_id=uuid.uuid4().hex,
    )


async def try_claim(
    database: Database, who: Agent, *paths: str, operation: Operation = WRITE, wait: Wait = Wait.NO
) -> Granted | Held:
    """Claim, whatever comes of it."""
    return await file_lock.claim(database, who, wanted(*paths, operation=operation), wait)


async def granted(
    database: Database, who: Agent, *paths: str, operation: Operation = WRITE, wait: Wait = Wait.NO
) -> Granted:
    """Claim what must be granted."""
    outcome = await try_claim(database, who, *paths, operation=operation, wait=wait)
    assert isinstance(outcome, Granted), outcome
    return outcome


async def held(
    database: Database, who: Agent, *paths: str, operation: Operation = WRITE, wait: Wait = Wait.NO
) -> Held:
    """Claim what must be refused."""
    outcome = await try_claim(database, who, *paths, operation=operation, wait=wait)
    assert isinstance(outcome, Held), outcome
    return outcome


async def queued(database: Database, who: Agent, *paths: str, operation: Operation = WRITE) -> int:
    """Enter the queue, or refresh one's place; return the ticket."""
    ticket = (await held(database, who, *paths, operation=operation, wait=Wait.QUEUE)).ticket
    assert ticket is not None
    return ticket


def names(ahead: tuple[Ahead, ...]) -> list[str]:
    """Who must be let past, by name."""
    return [waiter.agent_id.partition("/")[2] for waiter in ahead]


async def expire(database: Database, *keys: str, session: str = DEMO) -> None:
    """Let leases end now by the database's clock."""
    rows = await database.fetch(
        """UPDATE file_locks SET expires_at = clock_timestamp() - interval '1 second'
           WHERE session_id = $1 AND path_key = ANY ($2::text[]) RETURNING 1""",
        session,
        list(keys),
    )
    assert len(rows) >= len(keys)


async def die(database: Database, who: Agent) -> None:
    """Let a waiter's server be silent for longer than a place lives."""
    rows = await database.fetch(
        """UPDATE file_lock_waiters SET refreshed_at = clock_timestamp() - interval '3.001 seconds'
           WHERE session_id = $1 AND agent_id = $2 RETURNING 1""",
        who.session,
        who.id,
    )
    assert rows


async def fall_silent(database: Database, who: Agent, minutes: int = 11) -> None:
    """Let the agent be unheard of for so long."""
    rows = await database.fetch(
        """UPDATE claude_code_agents SET last_activity = clock_timestamp() - make_interval(mins => $3)
           WHERE session_id = $1 AND id = $2 RETURNING 1""",
        who.session,
        who.id,
        minutes,
    )
    assert rows


async def kinds(database: Database, session: str = DEMO) -> list[str]:
    """The kinds of a session's events, in order."""
    rows = await database.fetch(
        "SELECT kind FROM coordination_events WHERE session_id = $1 ORDER BY seq", session
    )
    return [row["kind"] for row in rows]


async def leases(database: Database, session: str = DEMO) -> list[tuple[str, str, str]]:
    """Every live lease of a session: holder, path and operation."""
    rows = await database.fetch(
        """SELECT agent_id, file_path, operation FROM file_locks
           WHERE session_id = $1 AND expires_at > clock_timestamp() ORDER BY agent_id, path_key""",
        session,
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def waiters(database: Database, session: str = DEMO) -> list[tuple[int, str]]:
    """Every place in a session's queue, in order: ticket and agent."""
    rows = await database.fetch(
        "SELECT ticket, agent_id FROM file_lock_waiters WHERE session_id = $1 ORDER BY ticket", session
    )
    return [(row[0], row[1]) for row in rows]


class Worker(Database):
    """A database of one connection, so that a test decides when its transaction begins and ends."""

    def __init__(self, dsn: str, raw: Any) -> None:
        super().__init__(dsn, size=1)
        self.raw = raw
        self.pid: int = raw.get_server_pid()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Any]:
        """Lend the one connection."""
        yield self.raw


UNHURRIED = dict.fromkeys(("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"), "40s")


@asynccontextmanager
async def worker(dsn: str, **settings: str) -> AsyncGenerator[Worker]:
    """A worker with the service's settings, but for those given, and with time: a slow machine ends nothing of it."""
    raw = await asyncpg.connect(dsn, server_settings={**SERVER_SETTINGS, **UNHURRIED, **settings})
    try:
        yield Worker(dsn, raw)
    finally:
        raw.terminate()


async def blocked(database: Database, waiting: Worker) -> None:
    """Return once the server says that the worker waits for a lock."""
    async with asyncio.timeout(40):
        while not await database.fetch("SELECT 1 FROM pg_locks WHERE pid = $1 AND NOT granted", waiting.pid):
            pass


async def weaken(database: Database, function: str, guard: str, without: str) -> None:
    """Take a guard out of a function of this test's database."""
    row = (
        await database.fetch(
            "SELECT pg_get_functiondef($1::regproc::oid) AS source", f"coordination_{function}"
        )
    )[0]
    source: str = row["source"]
    assert source.count(guard) == 1, f"{function} has no such guard any more: {guard}"
    async with database.connection() as connection:
        await connection.execute(source.replace(guard, without))


async def number_by_sequence(database: Database) -> None:
    """Take away the second guard, dense numbers under a unique key: two writers at once would fail by it."""
    await database.fetch("CREATE SEQUENCE numbers START 1000")
    await weaken(database, "append_event", "coalesce(v_seq, 0) + 1", "nextval('public.numbers')")
