"""A client that waits for its turn, as the service sees one, and what a test asks of the queue meanwhile.

A claim that was told to try again, as on a machine that is too slow, never comes into the queue: nothing is looked for
longer than `PATIENCE_SECONDS`.
"""

import asyncio
from typing import Final

from coordination.domain.agent import Agent
from coordination.domain.file_lock import Granted, Held, Operation
from coordination.services import file_lock
from coordination.services.core import Core
from coordination.store.database import Database
from tests.integration.store.steps import WRITE, wanted

PATIENCE_SECONDS: Final = 40


class Terminal:
    """A client's connection: it is there until it is closed."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def wait(self) -> None:
        """Return when the client has gone away."""
        await self.closed.wait()

    async def look(self) -> bool:
        """Return whether the client has gone away."""
        return self.closed.is_set()


def waiting(
    core: Core,
    who: Agent,
    *paths: str,
    seconds: float = 30,
    client: Terminal | None = None,
    operation: Operation = WRITE,
) -> "asyncio.Task[Granted | Held]":
    """Start a claim that waits for its turn."""
    claim = wanted(*paths, operation=operation)
    return asyncio.create_task(
        file_lock.claim(core, who, claim, wait_seconds=seconds, client=client or Terminal())
    )


async def in_queue(database: Database, number: int) -> list[int]:
    """Return the tickets once exactly so many places are in the queue."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            rows = await database.fetch("SELECT ticket FROM file_lock_waiters ORDER BY ticket")
            if len(rows) == number:
                return [row[0] for row in rows]


async def until_free(database: Database, path_key: str) -> None:
    """Return once nobody has a lease on the path."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await database.fetch("SELECT 1 FROM file_locks WHERE path_key = $1", path_key):
            pass


async def until_listening(
    core: Core, database: Database, *, yes: bool = True, sender: Core | None = None
) -> None:
    """Return once notifications arrive at this process, or arrive no more, and `sender` knows that it is not alone."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while core.feed.listening is not yes or (sender is not None and sender.feed.alone):
            await database.fetch("SELECT 1")
