"""What the use cases stand on: the database, the event feed, presence, and the work that runs beside the calls.

One `Core` lives as long as its process serves. The background work is bounded and heals by itself: a database that
is away makes it try again, never end. What a call means is not decided here.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Final, NoReturn

import structlog

from coordination.domain.errors import RetryLater
from coordination.domain.retention import Retention
from coordination.metrics import Metrics
from coordination.services.authentication import WRITE_USE_SECONDS, Authentication
from coordination.services.broadcast import Broadcast
from coordination.services.corpora import Corpora
from coordination.services.feed import EventFeed
from coordination.services.presence import PresenceLog
from coordination.services.retention import SWEEP_EVERY_SECONDS, Sweeper
from coordination.services.trouble import Trouble
from coordination.services.turns import Turns
from coordination.store import file_lock, stopped
from coordination.store.database import Database, Observe

EXPIRE_EVERY_SECONDS: Final = 5.0
LOOK_FOR_STOPPED_SECONDS: Final = 1.0
PREPARE_AGAIN_SECONDS: Final = 1.0
"""How long indexes rest between one round of preparing them and the next; a round waits until there are any."""
FINISH_SECONDS: Final = 5.0
"""How long the end waits for what outlives its call: for a statement that is under way, and for one more."""
_log: Final = structlog.stdlib.get_logger(__name__)


class Core:
    """The shared parts of all use cases.

    Args:
        dsn: libpq URL of a migrated database.
        pool_size: most connections for calls; the feed holds one more.
        transaction_pooler: whether a pooler stands between that keeps no session for us; the feed then only looks.
        realtime: whether events are broadcast through Supabase's Realtime too, where the database has it.
        retention: how long what happened is kept; None keeps all of it.
        metrics: where to count.
        observe: what else measures each statement; by default nothing does.

    Attributes:
        metrics: where use cases count.
        stopping: set when waiting calls must end (`stop_waiting`).
    """

    def __init__(
        self,
        dsn: str,
        *,
        pool_size: int = 4,
        transaction_pooler: bool = False,
        realtime: bool = False,
        retention: Retention | None = None,
        metrics: Metrics | None = None,
        observe: Observe | None = None,
    ) -> None:
        self.metrics = metrics or Metrics()
        self.database = Database(
            dsn,
            size=pool_size,
            transaction_pooler=transaction_pooler,
            observe=observe or self.metrics.statements.time,
        )
        self.broadcast = Broadcast(self.database, wanted=realtime)
        self.feed = EventFeed(self.database, self.broadcast)
        self.presence = PresenceLog(self.database, self.feed)
        self.authentication = Authentication(self.database)
        self.stopping = asyncio.Event()
        self.corpora = Corpora(self.database, self.stopping)
        self.turns = Turns(self.stopping)
        self._sweeper = Sweeper(self.database, retention or Retention(), self._goes_on)
        # The event loop forgets tasks that nobody holds.
        self._unfinished: set[asyncio.Task[None]] = set()

    def stop_waiting(self) -> None:
        """End all waiting claims with `retry_later`, whose places are kept for a while, and all readers of events."""
        self.stopping.set()
        self.feed.wake_all()

    def finish(self, work: Coroutine[None, None, None]) -> None:
        """Carry on with `work` although its call ends; it rests by `rest` alone, so that it ends soon at the stop."""
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)

    async def rest(self, seconds: float) -> None:
        """Return after so many seconds, or as soon as the service stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run the background work while the block runs.

        At the end what outlives its call is finished, within five seconds, and what presence is left is written.
        """
        tasks = [
            asyncio.create_task(self.feed.listen(), name="feed.listen"),
            asyncio.create_task(self.feed.look(), name="feed.look"),
            asyncio.create_task(self.feed.notify(), name="feed.notify"),
            asyncio.create_task(self.broadcast.run(), name="broadcast"),
            asyncio.create_task(self.presence.write(), name="presence.write"),
            asyncio.create_task(repeat(EXPIRE_EVERY_SECONDS, self._expire), name="expire"),
            asyncio.create_task(repeat(PREPARE_AGAIN_SECONDS, self.corpora.prepare_wanted), name="corpora"),
            asyncio.create_task(repeat(WRITE_USE_SECONDS, self.authentication.write_use), name="token use"),
            asyncio.create_task(repeat(LOOK_FOR_STOPPED_SECONDS, self._end_stopped), name="stopped"),
            asyncio.create_task(repeat(SWEEP_EVERY_SECONDS, self._sweep), name="sweep"),
        ]
        try:
            yield
        finally:
            self.stop_waiting()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._finished()
            try:
                await self.presence.flush()
                await self.authentication.write_use()
            except RetryLater:
                _log.info("presence_not_written_at_stop")
            await self.database.close()

    async def _finished(self) -> None:
        """Wait for what outlives its call; what takes too long is cancelled, and leases it would end, end by time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS):
                while self._unfinished:
                    await asyncio.wait(self._unfinished)
        if cut_off := tuple(self._unfinished):
            _log.info("calls_not_finished_at_stop", number=len(cut_off))
        for task in cut_off:
            task.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)

    async def _expire(self) -> None:
        for ended in await file_lock.expire(self.database):
            self.metrics.expiries.inc(ended.number)
            self.feed.announce(ended.workspace, ended.session, freed=True)

    async def _sweep(self) -> None:
        await self._sweeper.sweep()

    async def _goes_on(self, seconds: float) -> bool:
        await self.rest(seconds)
        return not self.stopping.is_set()

    async def _end_stopped(self) -> None:
        if ended := await stopped.end(self.database):
            _log.warning("connections_of_stopped_service_ended", number=ended)


async def repeat(seconds: float, work: Callable[[], Awaitable[None]]) -> NoReturn:
    """Call `work` every so many seconds for ever; its failures do not end the loop.

    A failure is logged with its traceback; one that goes on is told again ever more seldom.
    """
    trouble = Trouble()
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except RetryLater as error:
            _log.debug("background_work_postponed", why=error.message)
        except Exception as error:
            if fields := trouble.met(error):
                _log.error("background_work_failed", **fields)
        else:
            trouble.over()
