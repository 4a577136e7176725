"""Following the events of the sessions that have agents here: one stream for each, in a thread of its own.

What comes is told on the event loop, in order: every event once, and whether anything may be missing. A session is
`current` from the moment at which the stream has all that happened, until it breaks. It is not current before the first
moment, and a break is always told, also when the stream comes back at once. Whoever draws conclusions from silence
reads the session again after a break: events of longer ago may be removed, or belong to another database.

A thread waits when the loop is behind by `BACKLOG` events; then the service waits too, or ends the stream, which goes
on where it stopped. A session that is not there yet is looked for again, at once when somebody acted in it.
"""

import asyncio
import secrets
import threading
from contextlib import suppress
from typing import Final, Protocol, TypeAlias

from coordination.client.errors import ClientError, RequestRefused
from coordination.client.event_stream import Current, Follower, Gone, News
from coordination.daemon.connection import LinkState, ServiceAway
from coordination.daemon.link import Link
from coordination.domain.event import Event

BACKLOG: Final = 256
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 15.0
_STOP_SECONDS: Final = 0.2
_RANDOM: Final = secrets.SystemRandom()
_End: TypeAlias = RequestRefused | None
"""That a stream ended: by a refusal, or because nobody could be asked."""


class Observer(Protocol):
    """Who is told of the events, on the event loop."""

    def on_event(self, session: str, event: Event) -> None:
        """Take note of an event."""
        ...

    def on_current(self, session: str, current: bool) -> None:
        """Take note that from now on nothing is missing, or that nobody knows."""
        ...


class Following:
    """Follows the sessions that somebody wants followed.

    Args:
        link: where the service is.

    Attributes:
        observers: who is told.
    """

    def __init__(self, link: Link) -> None:
        self.observers: list[Observer] = []
        self._link = link
        self._sessions: dict[str, _Followed] = {}
        link.observe(self._on_link)

    def add(self, session: str, who: str) -> None:
        """Follow a session for somebody, from now on; another time for the same one changes nothing."""
        followed = self._sessions.get(session)
        if followed is None:
            followed = self._sessions[session] = _Followed(self, self._link, session)
            followed.begin()
        followed.wanted_by.add(who)

    def remove(self, session: str, who: str) -> None:
        """Somebody needs the session no more; when nobody does, the stream ends."""
        followed = self._sessions.get(session)
        if followed is None:
            return
        followed.wanted_by.discard(who)
        if not followed.wanted_by:
            del self._sessions[session]
            followed.end()

    def is_current(self, session: str) -> bool:
        """Return whether all that happened in a session was told."""
        return session in self._sessions and self._sessions[session].current

    def seen(self, session: str) -> int | None:
        """Return the number of the last event of a session that was told, None when nobody knows."""
        return self._sessions[session].seen if session in self._sessions else None

    def poke(self, session: str) -> None:
        """Say that a session is there now: if it could not be followed, it is tried at once."""
        if session in self._sessions:
            self._sessions[session].poke()

    def again(self) -> None:
        """Begin all streams anew, each where it stopped: after sleep nobody knows which connections still live."""
        for followed in self._sessions.values():
            followed.begin()

    def close(self) -> None:
        """End all streams."""
        for followed in self._sessions.values():
            followed.end()
        self._sessions.clear()

    def _on_link(self, state: LinkState) -> None:
        if state is LinkState.REACHABLE:
            for followed in self._sessions.values():
                followed.look(self._link.generation)


class _Followed:
    """A session, and the thread that follows it just now."""

    def __init__(self, following: Following, link: Link, session: str) -> None:
        self.wanted_by: set[str] = set()
        self.current = False
        self.seen: int | None = None
        self._following = following
        self._link = link
        self._session = session
        self._generation = 0
        self._failures = 0
        self._thread: _Thread | None = None
        self._retry: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Follow from where it stopped, with a new connection."""
        self.end()
        self._generation = self._link.generation
        self._thread = _Thread(self, self._link, self._session, self.seen)
        self._thread.start()

    def look(self, generation: int) -> None:
        """Begin anew when the service is another one now, or when nothing runs."""
        if generation != self._generation or self._thread is None:
            self.begin()

    def poke(self) -> None:
        """Try at once if nothing runs."""
        if self._thread is None:
            self.begin()

    def end(self) -> None:
        """End the stream."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._thread is not None:
            self._thread.stop()
            self._thread = None
        self._become(False)

    def take(self, thread: "_Thread", news: "News | _End") -> None:
        """Take what a thread tells, its end too; one that was stopped has nothing to say any more."""
        if thread is not self._thread:
            return
        if news is None or isinstance(news, RequestRefused):
            self._ended(news)
        elif isinstance(news, Event):
            self.seen = news.seq
            for observer in self._following.observers:
                observer.on_event(self._session, news)
        elif isinstance(news, Current):
            self.seen, self._failures = news.after, 0
            self._become(True)
        else:
            self._become(False)
            if isinstance(news, Gone):
                self.seen = news.up_to
            else:
                # A stream that breaks may be the first sign that the service died: calls come seldom.
                self._link.look_now()

    def _ended(self, refused: RequestRefused | None) -> None:
        """Try again later; after a refusal from what comes next: the session is not there (yet), or another one."""
        self._thread = None
        # Told before, so that who is told still finds how far it came.
        self._become(False)
        if refused is not None:
            self.seen = None
        longest = min(FIRST_PAUSE * 2 ** min(self._failures, 16), LONGEST_PAUSE)
        self._failures += 1
        pause = _RANDOM.uniform(longest / 2, longest)
        self._retry = asyncio.get_running_loop().call_later(pause, self.poke)

    def _become(self, current: bool) -> None:
        if current is not self.current:
            self.current = current
            for observer in self._following.observers:
                observer.on_current(self._session, current)


class _Thread:
    """A stream that is read beside the loop."""

    def __init__(self, followed: _Followed, link: Link, session: str, after: int | None) -> None:
        self._followed = followed
        self._link = link
        self._session = session
        self._after = after
        self._loop = asyncio.get_running_loop()
        self._room = threading.BoundedSemaphore(BACKLOG)
        self._stopped = threading.Event()
        self._follower: Follower | None = None
        self._thread = threading.Thread(target=self._run, name=f"events of {session}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; nothing that comes from now on is told."""
        self._stopped.set()
        if self._follower is not None:
            self._follower.stop()

    def _run(self) -> None:
        end: RequestRefused | None = None
        try:
            self._follow()
        except RequestRefused as refused:
            end = refused
        except (ClientError, ServiceAway):
            end = None
        finally:
            # Whatever ended it, also what nobody foresaw: a session that seems current for ever is the worst.
            self._tell(end)

    def _follow(self) -> None:
        with self._link.connect() as client:
            self._follower = Follower(client, self._session, after=self._after)
            if self._stopped.is_set():
                return
            for news in self._follower.run():
                if not self._tell(news):
                    return

    def _tell(self, news: News | _End) -> bool:
        """Have the loop take something as soon as it is not too far behind; returns whether it will."""
        while not self._room.acquire(timeout=_STOP_SECONDS):
            if self._stopped.is_set():
                return False
        if self._stopped.is_set():
            return False
        # The loop may have ended before this thread did.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._take, news)
            return True
        return False

    def _take(self, news: News | _End) -> None:
        self._room.release()
        self._followed.take(self, news)
