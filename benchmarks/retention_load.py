"""What removing the past costs whoever claims: a million old events go from one session while agents claim in it.

The service runs as a process of its own; the sweeper that it runs every five minutes runs here, on the same database,
as that of a second instance does. It works in every other round.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from benchmarks import http_load, servers
from coordination.domain.retention import Retention
from coordination.embedded import EmbeddedPostgres
from coordination.services.retention import Sweeper
from coordination.store.database import Database

EVENTS: Final = 1_000_000
AGENTS: Final = 10
SESSION: Final = "old"
# Copies of the last claim, a tenth of a second apart, long ago.
FILL: Final = """
    INSERT INTO coordination_events (workspace_id, session_id, seq, agent_id, kind, payload, concerns, created_at)
    SELECT e.workspace_id, e.session_id, n + 1000, e.agent_id, e.kind, e.payload, e.concerns,
           now() - interval '400 days' + n * interval '100 milliseconds'
    FROM generate_series(1, $1::int) n,
         (SELECT * FROM coordination_events WHERE session_id = $2 AND kind = 'lock.claimed' ORDER BY seq DESC LIMIT 1) e
"""
AGE: Final = """
    UPDATE coordination_events SET created_at = created_at - interval '401 days' WHERE session_id = $1 AND seq <= 1000
"""
GONE: Final = "SELECT min(seq) - 1 FROM coordination_events WHERE session_id = $1"
SIZE: Final = "SELECT pg_total_relation_size('coordination_events')"


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of it.

    Attributes:
        alone: rounds of claims without it.
        beside: rounds of claims while events are removed, in turns with the others.
        removed: how many events went in them.
        bytes_each: what an event takes on the disk, with its indexes.
    """

    alone: list[http_load.Load]
    beside: list[http_load.Load]
    removed: int
    bytes_each: float


def measure(folder: Path, rounds: int, seconds: float, events: int = EVENTS) -> Figures:
    """Run it on a new data folder, with so many rounds of each kind."""
    with servers.service(folder) as ours:
        return asyncio.run(_measure(ours.port, EmbeddedPostgres(folder).dsn, rounds, seconds, events))


async def _measure(port: int, dsn: str, rounds: int, seconds: float, events: int) -> Figures:
    target = http_load.Target(
        port,
        lambda agent: f"/mcp/v2/claude/alice__session__{SESSION}__agent_{agent}",
        "claim_file_lock",
        lambda agent, number: {"file_paths": [f"src/{agent}/{number % 50}.py"]},
    )
    await http_load.run(target, 2, 1)  # warm, and the first events
    bytes_each = await _fill(dsn, events)
    alone: list[http_load.Load] = []
    beside: list[http_load.Load] = []
    may_go_on = asyncio.Event()
    sweeping = asyncio.create_task(_sweep(dsn, may_go_on))
    for _ in range(rounds):
        alone.append(await http_load.run(target, AGENTS, seconds))
        may_go_on.set()
        beside.append(await http_load.run(target, AGENTS, seconds))
        may_go_on.clear()
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
    return Figures(alone, beside, await _gone(dsn), bytes_each)


async def _fill(dsn: str, events: int) -> float:
    connection = await asyncpg.connect(dsn)
    try:
        empty = await connection.fetchval(SIZE)
        await connection.execute(FILL, events, SESSION, timeout=600)
        await connection.execute(AGE, SESSION)
        return (await connection.fetchval(SIZE) - empty) / events
    finally:
        await connection.close()


async def _sweep(dsn: str, may_go_on: asyncio.Event) -> None:
    """Sweep as long as it may; a round that found the session in use all the time is followed by the next at once."""
    database = Database(dsn, size=1)

    async def rest(seconds: float) -> bool:
        await asyncio.sleep(seconds)
        await may_go_on.wait()
        return True

    try:
        while True:
            await may_go_on.wait()
            await Sweeper(database, Retention(events_days=90), rest).sweep()
    finally:
        await database.close()


async def _gone(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(GONE, SESSION)
    finally:
        await connection.close()
