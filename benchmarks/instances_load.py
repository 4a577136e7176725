"""One instance and two on one database: claims a second, and how soon an event reaches a reader of another instance.

The instances are processes with a Postgres beside them, all on this machine, so they share its processors: what two do
more than one is what waiting left unused. Agents are spread over the instances, and sessions over both. While they
claim as fast as they are answered, one more agent claims ten times a second in a session of its own, and a reader of
Server-Sent Events at the last instance waits for each of its events.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import asyncpg
import psutil

from benchmarks import event_latency, http_load, servers
from coordination.embedded import EmbeddedPostgres

AGENTS: Final = 10
SESSIONS: Final = 5
REST_SECONDS: Final = 0.1
COUNTS: Final = """
    SELECT (SELECT count(*)::int FROM pg_stat_activity
            WHERE datname = current_database() AND application_name LIKE 'coordination%') AS connections,
           (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS commits
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What so many instances did.

    Attributes:
        per_second: claims of all agents.
        p50: latency of a claim in milliseconds, the mean of the instances' medians.
        p95: the same of the 95th percentiles.
        event_p50: milliseconds from an event's writing to the reader of the last instance.
        event_p95: the same.
        connections: to the database, of all instances.
        commits: of the database in a second.
        service_cpu: milliseconds of processor time that a claim took in the services.
        database_cpu: the same in Postgres. Both hardly depend on what else the machine does.
        errors: calls that were answered with an error.
    """

    instances: int
    per_second: float
    p50: float
    p95: float
    event_p50: float
    event_p95: float
    connections: int
    commits: float
    service_cpu: float
    database_cpu: float
    errors: int


def measure(folder: Path, instances: int, seconds: float) -> Figures:
    """Run so many instances on a new data folder under load for `seconds`."""
    postgres = EmbeddedPostgres(folder / "database")
    dsn = postgres.start()
    try:
        with ExitStack() as stack:
            ours = [stack.enter_context(instance(folder / str(one), dsn)) for one in range(instances)]
            return asyncio.run(_measure(ours, dsn, postgres.pid or 0, seconds))
    finally:
        postgres.stop()


@contextmanager
def instance(folder: Path, dsn: str) -> Generator[servers.Server]:
    """Run the service on a database that others share."""
    port = servers.free_port()
    environment = {
        **os.environ,
        "PORT": str(port),
        "COORDINATION_DATA_DIR": str(folder),
        "DATABASE_URL": dsn,
    }
    command = [sys.executable, "-m", "coordination", "run"]
    with servers.running(command, environment, port, "/ready") as server:
        yield server


async def _measure(ours: list[servers.Server], dsn: str, postgres: int, seconds: float) -> Figures:
    ports = [one.port for one in ours]
    for port in ports:
        await http_load.run(_target(port, 0), 2, 1)  # warm
    latencies: list[float] = []
    async with _reader(ports, latencies):
        services, database = _cpu_seconds([one.pid for one in ours]), _cpu_seconds([postgres])
        before, begun = await _counts(dsn), time.perf_counter()
        each = AGENTS // len(ports)
        loads = await asyncio.gather(
            *(http_load.run(_target(port, number * each), each, seconds) for number, port in enumerate(ports))
        )
        after, took = await _counts(dsn), time.perf_counter() - begun
        services = _cpu_seconds([one.pid for one in ours]) - services
        database = _cpu_seconds([postgres]) - database
    latencies.sort()
    claims = sum(load.per_second for load in loads) * seconds
    return Figures(
        len(ports),
        sum(load.per_second for load in loads),
        sum(load.p50 for load in loads) / len(loads),
        sum(load.p95 for load in loads) / len(loads),
        latencies[len(latencies) // 2],
        latencies[int(len(latencies) * 0.95)],
        after[0],
        (after[1] - before[1]) / took,
        services * 1000 / claims,
        database * 1000 / claims,
        sum(load.errors for load in loads),
    )


def _cpu_seconds(pids: list[int]) -> float:
    """Return the seconds of processor time that processes and those they started have taken."""
    family = [
        one for pid in pids for one in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
    ]
    return sum(times.user + times.system for times in (one.cpu_times() for one in family))


def _target(port: int, first: int) -> http_load.Target:
    """Claims of own files by agents from number `first` on, spread over the sessions."""

    def path(agent: int) -> str:
        number = first + agent
        return f"/mcp/v2/claude/alice__session__s{number % SESSIONS}__agent_{number}"

    def arguments(agent: int, number: int) -> dict[str, object]:
        return {"file_paths": [f"src/{first + agent}/{number}.py"]}

    return http_load.Target(port, path, "claim_file_lock", arguments)


async def _counts(dsn: str) -> tuple[int, int]:
    connection = await asyncpg.connect(dsn)
    try:
        row = await connection.fetchrow(COUNTS)
        assert row is not None
        return row["connections"], row["commits"]
    finally:
        await connection.close()


@asynccontextmanager
async def _reader(ports: list[int], latencies: list[float]) -> AsyncGenerator[None]:
    """Claim at the first instance and read at the last one while the block runs."""
    claims = event_latency.Claims(*await asyncio.open_connection("127.0.0.1", ports[0]), ports[0])
    await claims.make()

    async def follow(arrivals: event_latency.Arrivals) -> None:
        while True:
            await claims.make()
            at, event = await arrivals.get()
            written = datetime.fromisoformat(json.loads(event)["created_at"]).timestamp()
            latencies.append((at - written) * 1000)
            await asyncio.sleep(REST_SECONDS)

    async with (
        event_latency.server_sent_events(ports[-1]) as arrivals,
        event_latency.beside(follow(arrivals)),
    ):
        yield
    claims.close()
