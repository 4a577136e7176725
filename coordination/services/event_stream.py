"""Use case on events: follow several sessions for as long as a reader likes, page by page.

A stream holds a number for each session and nothing else: no event waits in memory for a reader that is slow, because a
page is read when the reader asks for it. A wake-up of the feed says where to look; a look that finds nothing ends it.
So a stream misses nothing, and repeats nothing; of what was removed after its time it says that it is gone. A session
that was deleted ends it, also when another one has its name by now: that one began at another moment, and its events
have numbers of their own. Who may follow is not decided here, nor what goes over the wire.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Final, NamedTuple

from coordination.domain.errors import InvalidInput, UnknownItem
from coordination.domain.event import Event
from coordination.domain.text import shown
from coordination.services.agent import read_status
from coordination.services.core import Core
from coordination.services.event import removed_up_to, require_reached
from coordination.services.feed import Subscription
from coordination.store import event as store

MOST_SESSIONS: Final = 10
PAGE_EVENTS: Final = 100
PAGE_BYTES: Final = 64 * 1024
"""What the payloads of one page have together at most, unless the first alone has more."""


class StreamPage(NamedTuple):
    """What comes next of a session.

    Attributes:
        session: its id.
        events: its next events, without gaps among them.
        removed_up_to: the number of the last event before them that the reader has not had, because it was removed
            after its time; None when they follow what it has.
    """

    session: str
    events: list[Event]
    removed_up_to: int | None


class EventStream:
    """What one reader follows, and how far it has got. One task uses it.

    Args:
        core: the shared parts.
        workspace: the workspace of the sessions.
        subscription: what the feed wakes.

    Attributes:
        cursor: the number of the last event that was read, by session.
    """

    def __init__(self, core: Core, workspace: str, subscription: Subscription) -> None:
        self._core = core
        self._workspace = workspace
        self._subscription = subscription
        self._due: dict[str, None] = {}
        self._began: dict[str, datetime | None] = {}
        self.cursor: dict[str, int] = {}

    @property
    def stopping(self) -> bool:
        """Whether the service stops, so that the stream must end."""
        return self._core.stopping.is_set()

    async def follow(self, session: str, after: int | None) -> int:
        """Follow one more session, which then counts as due.

        Args:
            session: its id.
            after: the number of the last event that the reader has, 0 for none; None begins with what comes now.

        Returns:
            The number after which it begins.

        Raises:
            InvalidInput: it is followed already, there are too many, or it has fewer events than the reader says.
            UnknownItem: there is no such session.
            RetryLater: the database cannot answer now.
        """
        if session in self.cursor:
            raise InvalidInput(f"The session {shown(session)} is followed already. Leave it first.")
        if len(self.cursor) >= MOST_SESSIONS:
            raise InvalidInput(f"One stream follows at most {MOST_SESSIONS} sessions. Open another one.")
        # Before the look, so that nothing falls between the two.
        self._core.feed.follow(self._subscription, self._workspace, session)
        try:
            self.cursor[session] = await self._begin(session, after)
        except BaseException:
            self._core.feed.leave(self._subscription, self._workspace, session)
            raise
        self._due[session] = None
        return self.cursor[session]

    def leave(self, session: str) -> bool:
        """Follow a session no more; returns whether it was followed."""
        if session not in self.cursor:
            return False
        self._core.feed.leave(self._subscription, self._workspace, session)
        self._due.pop(session, None)
        del self.cursor[session]
        del self._began[session]
        return True

    async def read(self) -> StreamPage | None:
        """Read the next page of a session where something is due, in turn, without waiting.

        Returns:
            The session and its events, whose numbers follow the cursor, or what was removed; None when nothing is due.
            The cursor stands after them then.

        Raises:
            UnknownItem: a session was deleted, and another one has its name. It is followed no more.
            RetryLater: the database cannot answer now. What is due stays due.
        """
        self._subscription.wake.clear()
        for _, session in sorted(self._subscription.woken):
            self._due[session] = None
        self._subscription.woken.clear()
        for session in list(self._due):
            began, found = await store.read_page(
                self._core.database,
                self._workspace,
                session,
                self.cursor[session],
                PAGE_EVENTS,
                PAGE_BYTES,
            )
            del self._due[session]
            if found and began != self._began[session]:
                raise self._deleted(session)
            if found:
                self._due[session] = None  # at the end: the others come first
                removed = removed_up_to(self.cursor[session], found)
                self.cursor[session] = found[-1].seq
                return StreamPage(session, found, removed)
        return None

    async def wait(self, seconds: float) -> bool:
        """Wait until something may be due, `nudge` was called or the service stops; False when the time was over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._subscription.wake.wait()
        return self._subscription.wake.is_set()

    def nudge(self) -> None:
        """End a wait from outside."""
        self._subscription.wake.set()

    async def check(self) -> None:
        """Look whether silence means that nothing happened; what was missed counts as due.

        Raises:
            UnknownItem: a session was deleted, and with it the numbers of its events. It is followed no more.
            RetryLater: the database cannot answer now, so nobody knows.
        """
        wanted = [(self._workspace, session) for session in self.cursor]
        stands = await store.stands(self._core.database, wanted)
        for pair in wanted:
            session, stand = pair[1], stands.get(pair)
            if stand is None or stand.began != self._began[session] or stand.seq < self.cursor[session]:
                raise self._deleted(session)
            if stand.seq > self.cursor[session]:
                self._due[session] = None

    def _deleted(self, session: str) -> UnknownItem:
        self.leave(session)
        return UnknownItem(
            f"The session {shown(session)} was deleted. Follow it again from its beginning, if there is one.",
            details={"session": session},
        )

    async def _begin(self, session: str, after: int | None) -> int:
        """Note which session it is, in the same look as its last number; returns where the stream begins."""
        pair = self._workspace, session
        while (stand := (await store.stands(self._core.database, [pair])).get(pair)) is None:
            await read_status(self._core, *pair, limit=1)  # refused, unless it began this moment
        if after is not None:
            require_reached(session, after, stand.seq)
        self._began[session] = stand.began
        return stand.seq if after is None else after


@contextmanager
def open_stream(core: Core, workspace: str) -> Generator[EventStream]:
    """Lend a stream that follows nothing yet.

    Raises:
        RetryLater: too many streams are open already.
    """
    with core.feed.stream() as subscription:
        stream = EventStream(core, workspace, subscription)
        try:
            yield stream
        finally:
            for session in list(stream.cursor):
                stream.leave(session)
