"""The event feed of one process: who wants to know of a session is woken when something was committed there.

A wake-up carries nothing; whoever is woken reads the log by cursor (`services.event`) or tries again (a waiting
claim). So a wake-up may be lost or repeated without harm, and three sources may give it: a commit in this very
process, a notification from another one (sent after the commit, coalesced, because NOTIFY inside a claim's
transaction would serialise all commits), and a look at the log once a second, which alone would suffice and is all
there is through a pooler that keeps no sessions. A process sends no notifications when nobody else would hear them.
Waiting claims ask for `freed` only: a grant cannot help them. A stream (`services.event_stream`) follows several
sessions, which change while it is open, so it learns which of them woke it.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import structlog

from coordination.domain.errors import RetryLater
from coordination.services.broadcast import Broadcast
from coordination.services.trouble import Trouble
from coordination.store import event
from coordination.store.database import Database

LOOK_SECONDS: Final = 1.0
MOST_READERS: Final = 500
"""How many calls of one process may wait at the same time; each costs memory, a connection and a look a second."""
MOST_STREAMS: Final = 200
"""How many of those readers may be streams, which may stay for ever; the rest is left to calls."""
TICK_SECONDS: Final = 0.005
RETRY_SECONDS: Final = 1.0
_log: Final = structlog.stdlib.get_logger(__name__)

SessionKey = tuple[str, str]


class Subscription:
    """One reader's interest in sessions.

    Attributes:
        wake: set when something happened since it was last cleared.
        woken: the sessions where it happened; whoever reads them empties it.
    """

    def __init__(self, *, freed_only: bool = False) -> None:
        self.freed_only = freed_only
        self.wake = asyncio.Event()
        self.woken: set[SessionKey] = set()


class EventFeed:
    """Wakes the readers of this process.

    Attributes:
        readers: how many subscribe at the moment, streams among them.
        listening: whether notifications of other processes arrive at the moment.
        alone: whether no other process listened when it last looked.
    """

    def __init__(self, database: Database, broadcast: Broadcast | None = None) -> None:
        self._database = database
        self._broadcast = broadcast
        self._readers: defaultdict[SessionKey, set[Subscription]] = defaultdict(set)
        self._streams: set[Subscription] = set()
        self._unsent: dict[SessionKey, bool] = {}
        self._to_send = asyncio.Event()
        self._seen: dict[SessionKey, int] = {}
        self._looked_at = time.monotonic()
        self.readers = 0
        self.alone = False
        self.listening = False

    @property
    def lag_seconds(self) -> float:
        """How long ago this process last knew that it had missed nothing; about a second when all is well."""
        return time.monotonic() - self._looked_at

    @property
    def streams(self) -> int:
        """How many streams are open in this process."""
        return len(self._streams)

    @contextmanager
    def subscribe(self, workspace: str, session: str, *, freed_only: bool = False) -> Generator[Subscription]:
        """Be woken for one session while the block runs.

        Raises:
            RetryLater: too many wait already.
        """
        if self.readers >= MOST_READERS:
            raise RetryLater(
                f"{MOST_READERS} calls wait here already. Nothing was done; call again later, or without wait_seconds.",
                next_call="repeat the same call without wait_seconds",
            )
        subscription = Subscription(freed_only=freed_only)
        self.readers += 1
        self.follow(subscription, workspace, session)
        try:
            yield subscription
        finally:
            self.readers -= 1
            self.leave(subscription, workspace, session)

    @contextmanager
    def stream(self) -> Generator[Subscription]:
        """Lend a subscription to which sessions are added by `follow`; who adds one takes it away by `leave`.

        Raises:
            RetryLater: too many are open already.
        """
        if len(self._streams) >= MOST_STREAMS or self.readers >= MOST_READERS:
            raise RetryLater(
                f"{len(self._streams)} streams of events are open here already. Close one, or read page by page.",
                next_call="GET /api/v1/sessions/{session}/events",
            )
        subscription = Subscription()
        self._streams.add(subscription)
        self.readers += 1
        try:
            yield subscription
        finally:
            self.readers -= 1
            self._streams.discard(subscription)

    def follow(self, subscription: Subscription, workspace: str, session: str) -> None:
        """Have a subscription woken for one more session."""
        self._readers[workspace, session].add(subscription)

    def leave(self, subscription: Subscription, workspace: str, session: str) -> None:
        """Have a subscription woken for a session no more."""
        key = (workspace, session)
        self._readers[key].discard(subscription)
        subscription.woken.discard(key)
        if not self._readers[key]:
            del self._readers[key]
            self._seen.pop(key, None)

    def announce(self, workspace: str, session: str, *, freed: bool) -> None:
        """Tell all processes that something was committed; call it after the commit.

        Args:
            workspace: the session's workspace.
            session: where it was committed.
            freed: whether a path or a place in the queue became free.
        """
        key = (workspace, session)
        self._wake(key, freed=freed)
        if self._broadcast is not None:
            self._broadcast.announced(workspace, session)
        if not self.alone:
            self._unsent[key] = self._unsent.get(key, False) or freed
            self._to_send.set()

    def wake_all(self) -> None:
        """Wake every reader of this process, so that it looks whether it may go on waiting."""
        for key in list(self._readers):
            self._wake(key, freed=True)
        for stream in self._streams:
            stream.wake.set()

    async def listen(self) -> None:
        """Take notifications of other processes, reconnecting for ever; where no session is kept, there are none."""
        while self._database.keeps_sessions:
            try:
                await event.listen(self._database, self._notified, self._started)
            except Exception as error:  # whatever ends a connection, the answer is another one
                _log.debug("feed_connection_ended", why=type(error).__name__)
            self.listening = False
            await asyncio.sleep(RETRY_SECONDS)

    async def look(self) -> None:
        """Look at the logs of all watched sessions once a second."""
        trouble = Trouble()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                numbers = await event.last_numbers(self._database, list(self._readers))
                # Whoever begins to listen between two looks learns by a look of its own what it missed.
                self.alone = await self._is_alone()
            except RetryLater:
                continue
            except Exception as error:
                if fields := trouble.met(error):
                    _log.error("feed_look_failed", **fields)
                continue
            trouble.over()
            self._looked_at = time.monotonic()
            for key, number in numbers.items():
                if self._seen.get(key) != number and key in self._readers:
                    self._seen[key] = number
                    self._wake(key, freed=True)

    async def notify(self) -> None:
        """Send what `announce` collected, once a tick."""
        trouble = Trouble()
        while True:
            await self._to_send.wait()
            await asyncio.sleep(TICK_SECONDS)
            self._to_send.clear()
            unsent, self._unsent = self._unsent, {}
            try:
                await event.notify(self._database, unsent)
            except RetryLater:
                _log.debug("feed_notification_dropped", sessions=len(unsent))
            except Exception as error:
                if fields := trouble.met(error):
                    _log.error("feed_notification_failed", **fields)
            else:
                trouble.over()

    async def _is_alone(self) -> bool:
        if self._database.keeps_sessions and not self.listening:
            return False  # ours may be among those that are seen, or not
        return await event.listeners(self._database) == int(self.listening)

    def _started(self) -> None:
        self.listening = True
        self.wake_all()  # whatever was committed while nobody listened

    def _notified(self, notices: dict[SessionKey, bool]) -> None:
        for key, freed in notices.items():
            self._wake(key, freed=freed)

    def _wake(self, key: SessionKey, *, freed: bool) -> None:
        for subscription in self._readers.get(key, ()):
            if freed or not subscription.freed_only:
                subscription.woken.add(key)
                subscription.wake.set()
