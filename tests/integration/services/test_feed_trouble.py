"""What the log is told of a feed whose database has a fault that nobody foresaw."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from coordination.services import feed
from coordination.services.feed import EventFeed
from coordination.store.database import Database

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
WORK = pytest.mark.parametrize(
    ("work", "told"),
    [(EventFeed.look, "feed_look_failed"), (EventFeed.notify, "feed_notification_failed")],
    ids=["look", "notify"],
)


class Faulty(Database):
    """A database that fails as it is told to, and does not answer after that."""

    def __init__(self, failures: Sequence[bool]) -> None:
        super().__init__(NOWHERE)
        self.feed = EventFeed(self)
        self.done = asyncio.Event()
        self._failures = list(failures)

    async def fetch(self, statement: str, *arguments: Any) -> list[Any]:
        """Fail or find nothing; there is always more to tell."""
        self.feed.announce("local", "demo", freed=False)
        if not self._failures:
            self.done.set()
            await asyncio.Event().wait()
        if self._failures.pop(0):
            raise ValueError("a fault")
        return []


async def logged(work: Callable[[EventFeed], Awaitable[None]], failures: Sequence[bool]) -> list[Any]:
    """What the work logs while its database fails so."""
    database = Faulty(failures)
    database.feed.announce("local", "demo", freed=False)
    with capture_logs() as logs:
        working = asyncio.ensure_future(work(database.feed))
        async with asyncio.timeout(30):
            await database.done.wait()
        working.cancel()
    return [(entry["event"], entry["why"], "exc_info" in entry) for entry in logs]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for between two tries."""
    monkeypatch.setattr(feed, "LOOK_SECONDS", 0)
    monkeypatch.setattr(feed, "TICK_SECONDS", 0)


@WORK
async def test_a_fault_that_goes_on_is_told_once(
    work: Callable[[EventFeed], Awaitable[None]], told: str
) -> None:
    assert await logged(work, [True] * 20) == [(told, "ValueError: a fault", True)]


@WORK
async def test_a_fault_that_comes_back_is_told_with_its_traceback_each_time(
    work: Callable[[EventFeed], Awaitable[None]], told: str
) -> None:
    line = (told, "ValueError: a fault", True)
    assert await logged(work, [True, True, False, True, True]) == [line, line]
