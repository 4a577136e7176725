"""Postgres dies or stops under the service: errors say to retry, nothing acknowledged is lost, the service heals."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from coordination.domain.errors import RetryLater
from coordination.domain.file_lock import Granted
from coordination.embedded import EmbeddedPostgres
from coordination.services import file_lock
from coordination.services.core import Core
from coordination.store import migration
from coordination.store.database import DEADLINE_SECONDS, Database
from tests.integration.services.terminal import in_queue, until_listening, waiting
from tests.integration.store.steps import agent, wanted

AGENTS = 8
# A call gives up after two seconds; a machine that runs other tests may add to them.
PATIENCE_SECONDS = DEADLINE_SECONDS + 8


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncGenerator[EmbeddedPostgres]:
    """A server of this test's own, kept alive as the service keeps it alive."""
    server = EmbeddedPostgres(tmp_path)
    dsn = server.start()
    keeping = asyncio.create_task(server.keep_alive())
    await migration.migrate(dsn)
    yield server
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    server.stop()


@dataclass
class Load:
    """Agents that claim one path after another, and what they were told."""

    core: Core
    granted: dict[str, int] = field(default_factory=dict[str, int])
    refused: list[int] = field(default_factory=lambda: [0] * AGENTS)
    heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self, number: int) -> None:
        """Claim for ever; any other error than RetryLater ends the test."""
        who = agent(f"impl_{number}")
        for turn in range(1_000_000):
            path = f"{number}/{turn}.py"
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    outcome = await file_lock.claim(self.core, who, wanted(path))
            except RetryLater:
                self.refused[number] += 1
                await asyncio.sleep(0.01)
            else:
                assert isinstance(outcome, Granted)
                self.granted[path] = outcome.leases[0].fencing_token
            async with self.heard:
                self.heard.notify_all()

    async def more_grants(self, number: int) -> None:
        """Return once so many more claims were acknowledged."""
        goal = len(self.granted) + number
        async with self.heard:
            await self.heard.wait_for(lambda: len(self.granted) >= goal)

    async def all_refused(self) -> None:
        """Return once every agent was told to retry."""
        before = list(self.refused)
        async with self.heard:
            await self.heard.wait_for(
                lambda: all(now > then for now, then in zip(self.refused, before, strict=True))
            )


@asynccontextmanager
async def load(core: Core) -> AsyncGenerator[Load]:
    """Run all agents while the block runs; an agent that failed fails the test."""
    agents = Load(core)
    tasks = [asyncio.create_task(agents.run(number)) for number in range(AGENTS)]
    try:
        yield agents
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ended] == [asyncio.CancelledError] * AGENTS


@contextmanager
def stopped(postgres: EmbeddedPostgres) -> Generator[None]:
    """Stop the server and everything it runs, as a frozen machine would."""
    assert postgres.pid is not None
    server = psutil.Process(postgres.pid)
    processes = [server, *server.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


async def kept(database: Database, granted: dict[str, int]) -> bool:
    """Whether every acknowledged lease is in the database with its token."""
    acknowledged = dict(granted)  # before the look: the agents go on
    rows = await database.fetch("SELECT file_path, fencing_token FROM file_locks")
    found = {row[0]: row[1] for row in rows}
    return acknowledged.items() <= found.items()


@pytest.mark.slow("it waits for a server to recover from a crash and for calls to give up")
async def test_a_killed_server_costs_retries_and_nothing_else(postgres: EmbeddedPostgres) -> None:
    core = Core(postgres.dsn)
    async with core.running(), load(core) as agents:
        for _ in range(2):
            await agents.more_grants(50)
            assert postgres.pid is not None
            os.kill(postgres.pid, signal.SIGKILL)
        await agents.more_grants(50)
        assert sum(agents.refused) > 0
        await until_listening(core, core.database)
        assert await kept(core.database, agents.granted)


@pytest.mark.slow("it waits for calls to give up on a server that does not answer")
async def test_a_stopped_server_is_told_to_every_caller_and_comes_back_by_itself(
    postgres: EmbeddedPostgres,
) -> None:
    core = Core(postgres.dsn)
    async with core.running(), load(core) as agents:
        await agents.more_grants(50)
        with stopped(postgres):
            await agents.all_refused()
            await agents.all_refused()
        await agents.more_grants(50)
        assert await kept(core.database, agents.granted)
        rows = await core.database.fetch("SELECT seq FROM coordination_events ORDER BY seq")
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1))


@pytest.mark.slow("it waits for a server to recover from a crash")
async def test_waiters_and_the_feed_go_on_after_a_crash(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    core, other = Core(postgres.dsn), Core(postgres.dsn)
    async with core.running(), other.running():
        await file_lock.claim(core, agent("impl_a"), wanted("a.py"))
        turn = waiting(core, agent("impl_b"), "a.py")
        await in_queue(core.database, 1)
        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGKILL)
        # More at once than there are connections, so that none of those that died is left in the pool.
        while not all(await asyncio.gather(*(answers(core) for _ in range(8)))):
            pass
        await file_lock.release(core, agent("impl_a"), None)
        try:
            outcome = await turn
        except RetryLater:  # it looked while the server was away
            outcome = await waiting(core, agent("impl_b"), "a.py")
        assert isinstance(outcome, Granted)
        await until_listening(other, core.database, sender=core)
        monkeypatch.setattr(file_lock, "LOOK_SECONDS", 3600.0)
        turn = waiting(other, agent("impl_a"), "a.py")
        await in_queue(core.database, 1)
        await file_lock.release(core, agent("impl_b"), None)
        assert isinstance(await turn, Granted)


async def answers(core: Core) -> bool:
    """Whether the database answers again."""
    try:
        await core.database.fetch("SELECT 1")
    except RetryLater:
        await asyncio.sleep(
            0.05
        )  # a refused connection is told at once; others on this loop bring the server back
        return False
    return True
