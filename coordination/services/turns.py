"""Turns of planners: the long work that goes on beside the event loop, a little of it at a time.

A thread that computes takes its share from every call, and cannot be ended from outside. So one session's work is done
one piece after the other, and that of all sessions two at once; who waits longer than some seconds is told to come
back. What has its turn looks now and then whether it is still wanted, and ends soon after the service was told to stop
or its caller went away; nobody waits for that. What the work is, is not known here.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol, TypeVar
from weakref import WeakValueDictionary

from coordination.domain.errors import RetryLater

MOST_AT_ONCE: Final = 2
PATIENCE_SECONDS: Final = 10.0
"""How long a call waits for its turn."""

Look = Callable[[], None]
"""To be called between parts of the work; raises RetryLater when the rest is not wanted any more."""
_Result = TypeVar("_Result")
_Task = asyncio.Task[None]


class Caller(Protocol):
    """What a turn must know about whom it is for."""

    async def wait(self) -> None:
        """Return when the caller has gone away."""
        ...


class Turn:
    """The right to compute, until the block ends that has it, or the thread that the block left behind.

    Args:
        ends: of which one is done when the work is not wanted any more.
    """

    def __init__(self, ends: Iterable[_Task]) -> None:
        self._ends: Final = frozenset(ends)
        # Any: what comes of it is for the block alone.
        self._thread: asyncio.Future[Any] | None = None
        self._is_over = False

    async def run(self, work: Callable[[Look], _Result]) -> _Result:
        """Do work in a thread, one after the other.

        Raises:
            RetryLater: the service stops, or the caller has gone; the thread ends when it looks next.
        """
        thread = self._thread = asyncio.ensure_future(asyncio.to_thread(work, self._look))
        await asyncio.wait({thread, *self._ends}, return_when=asyncio.FIRST_COMPLETED)
        if thread.done():
            return thread.result()
        raise _unwanted()

    def end(self, give_back: Callable[[], None]) -> None:
        """Let another have the turn, at once or when the thread has ended that is still at it."""
        self._is_over = True
        thread = self._thread
        if thread is None or thread.done():
            give_back()
            return

        def ended(left: "asyncio.Future[Any]") -> None:
            give_back()
            # What became of it interests nobody any more, and is not to be logged as forgotten.
            _ = left.cancelled() or left.exception()

        thread.add_done_callback(ended)

    def _look(self) -> None:
        if self._is_over:
            raise _unwanted()


class Turns:
    """Gives turns, in the order in which they were asked for.

    Args:
        stopping: set when the service stops.
        patience_seconds: how long a call waits for its turn.
    """

    def __init__(self, stopping: asyncio.Event, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._stopping: Final = stopping
        self._patience: Final = patience_seconds
        self._free: Final = asyncio.Semaphore(MOST_AT_ONCE)
        self._of_session: Final = WeakValueDictionary[tuple[str, str], asyncio.Lock]()

    @asynccontextmanager
    async def turn(self, workspace: str, session: str, caller: Caller | None = None) -> AsyncGenerator[Turn]:
        """Wait for the turn of a session, and have it while the block runs.

        Raises:
            RetryLater: others were at it all the time, the service stops, or the caller has gone.
        """
        ends = [asyncio.create_task(_wait(self._stopping))]
        if caller is not None:
            ends.append(asyncio.create_task(_wait(caller)))
        lock = self._of_session.setdefault((workspace, session), asyncio.Lock())

        def give_back() -> None:
            self._free.release()
            lock.release()

        try:
            await self._take(lock, ends, give_back)
            turn = Turn(ends)
            try:
                yield turn
            finally:
                turn.end(give_back)
        finally:
            for one in ends:
                one.cancel()

    async def _take(self, lock: asyncio.Lock, ends: Iterable[_Task], give_back: Callable[[], None]) -> None:
        taking = asyncio.create_task(self._both(lock))
        try:
            await asyncio.wait({taking, *ends}, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED)
            over = any(one.done() for one in ends)
            if taking.done() and not over:
                return
        except asyncio.CancelledError:
            await _undone(taking, give_back)
            raise
        await _undone(taking, give_back)
        raise (
            _unwanted()
            if over
            else RetryLater(
                "Other analyses are under way, and yours did not get its turn. Nothing was analysed.",
                next_call="repeat the same call in a few seconds",
            )
        )

    async def _both(self, lock: asyncio.Lock) -> None:
        # The session's first: who waits for its own session keeps nobody else waiting.
        await lock.acquire()
        try:
            await self._free.acquire()
        except BaseException:
            lock.release()
            raise


async def _wait(what: Caller | asyncio.Event) -> None:
    await what.wait()


async def _undone(taking: _Task, give_back: Callable[[], None]) -> None:
    taking.cancel()
    await asyncio.wait({taking})
    if not taking.cancelled():
        give_back()


def _unwanted() -> RetryLater:
    return RetryLater("The service stops.", next_call="repeat the same call in a few seconds")
