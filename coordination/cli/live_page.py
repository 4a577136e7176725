"""The page of `coord watch` as it lives on a terminal: what is read when, and what is drawn from it.

A thread of its own follows the events, because it waits for as long as nothing happens, and the page must not. The
status is read again when events came, at most once a second however many they are, and every few seconds because
presence has no events. Meanwhile the page is drawn once a second, so that the times on it move. While the service
cannot be reached the page stays, says since when it is old, and comes back by itself.
"""

import shlex
import time
from collections.abc import Generator
from contextlib import contextmanager
from queue import Empty, Queue
from threading import Event as Flag
from threading import Thread
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live

from coordination.cli import place
from coordination.cli.attention import attention
from coordination.cli.page import page
from coordination.cli.page_section import Snapshot
from coordination.cli.picture import NAME
from coordination.cli.plan import all_tasks
from coordination.cli.status import ask_health
from coordination.client.errors import ClientError, ServiceUnavailable, ServiceUnreachable
from coordination.client.event_stream import Current, Follower, Gone, Interrupted, News
from coordination.client.service import ServiceClient
from coordination.domain.event import Event
from coordination.domain.session import SessionStatus
from coordination.domain.task import Task
from coordination.domain.text import clean

BURST_SECONDS: Final = 1.0
"""Shortest time between two reads of the status: what happens within it is read together."""
PRESENCE_SECONDS: Final = 5.0
"""Longest time between two reads: presence changes without an event."""
TICK_SECONDS: Final = 1.0
MOST_NEWS: Final = 1000
"""News that wait for the page; while there are so many the stream is read no further, and the service notices."""
KEPT_EVENTS: Final = 50
LAST_SECONDS: Final = 1.0
_ABOUT_TASKS: Final = ("task.", "plan.")


def due_in(since_read: float, *, changed: bool) -> float:
    """Return in how many seconds the status is to be read, 0 or less when it is due.

    Args:
        since_read: seconds since it was last read, or since that failed.
        changed: whether something happened since.
    """
    return (BURST_SECONDS if changed else PRESENCE_SECONDS) - since_read


def known_tasks(client: ServiceClient, found: SessionStatus) -> tuple[Task, ...]:
    """Read the tasks of a session, those of its latest plan first."""
    return tuple(all_tasks(client, found.session)) if found.totals.get("tasks") else ()


def last_events(client: ServiceClient, found: SessionStatus, number: int) -> tuple[Event, ...]:
    """Read the last events of a session, at most so many up to the moment when nothing more comes."""
    after = max(0, int(found.totals["last_event"]) - number)
    return tuple(client.events(found.session, after).events)


class LivePage:
    """A session on a terminal.

    Args:
        client: the service.
        found: the session's status as it was just read.

    Raises:
        ClientError: the service does not answer the first questions.
    """

    def __init__(self, client: ServiceClient, found: SessionStatus) -> None:
        self._client = client
        self._news: Queue[News | ClientError] = Queue(MOST_NEWS)
        self._events = last_events(client, found, KEPT_EVENTS)
        self._after = self._events[-1].seq if self._events else 0
        self._tasks = known_tasks(client, found)
        self._health: dict[str, Any] | None = ask_health(client)
        self._health_at = time.monotonic()
        # The status and when it was read are replaced together, because another thread draws them.
        self._read = (found, time.monotonic())
        self._tried_at = time.monotonic()
        self._changed = False
        self._tasks_changed = False
        self._stream_trouble = ""
        self._read_trouble = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it as it is at this moment."""
        yield from page(self.snapshot(), options.max_width, console.height)

    def snapshot(self) -> Snapshot:
        """Return what there is to show at this moment."""
        found, read_at = self._read
        return Snapshot(
            found,
            tuple(attention(found, self._health, place.coord)),
            self._tasks,
            self._events,
            time.monotonic() - read_at,
            self._read_trouble or self._stream_trouble,
            place.coord(f"status {shlex.quote(clean(found.session, NAME))}"),
        )

    def run(self, console: Console, ended: Flag) -> None:
        """Draw and read, until it is ended.

        Raises:
            RequestRefused: the session is gone.
        """
        with (
            self.following(),
            Live(self, console=console, screen=True, refresh_per_second=1 / TICK_SECONDS) as live,
        ):
            while not ended.is_set():
                self.step()
                live.refresh()

    @contextmanager
    def following(self) -> Generator[None]:
        """Follow the events meanwhile."""
        follower = Follower(self._client, self._name, after=self._after)
        thread = Thread(target=self._listen, args=(follower,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            follower.stop()
            # One that connects just now ends when it is through; nobody waits for that.
            thread.join(LAST_SECONDS)

    def step(self) -> None:
        """Wait for news, but no longer than until something else is due; take them, and read what is due.

        Raises:
            RequestRefused: the session is gone.
        """
        wait = due_in(time.monotonic() - self._tried_at, changed=self._changed)
        try:
            self._hear(self._news.get(timeout=min(max(wait, 0), TICK_SECONDS)))
            for _ in range(MOST_NEWS):
                self._hear(self._news.get_nowait())
        except Empty:
            pass
        if due_in(time.monotonic() - self._tried_at, changed=self._changed) <= 0:
            self._look()

    def _listen(self, follower: Follower) -> None:
        try:
            for news in follower.run():
                self._news.put(news)
        except ClientError as error:
            self._news.put(error)

    @property
    def _name(self) -> str:
        return self._read[0].session

    def _hear(self, news: News | ClientError) -> None:
        match news:
            case Interrupted(error):
                self._stream_trouble = error.message
            case Current():
                self._changed |= bool(self._stream_trouble)
                self._stream_trouble = ""
            case Gone():
                self._events, self._changed = (), True  # those that are shown are older still
            case Event():
                self._events = (*self._events, news)[-KEPT_EVENTS:]
                self._changed = True
                self._tasks_changed |= news.kind.startswith(_ABOUT_TASKS)
            case ClientError():
                raise news

    def _look(self) -> None:
        self._changed = False
        try:
            found = self._client.status(self._name, include_inactive=True)
            if self._tasks_changed:
                self._tasks = known_tasks(self._client, found)
        except (ServiceUnreachable, ServiceUnavailable) as error:
            # It is looked for again after a second, like whatever changed.
            self._read_trouble, self._changed = error.message, True
        else:
            self._read, self._read_trouble, self._tasks_changed = (found, time.monotonic()), "", False
            self._look_at_health()
        self._tried_at = time.monotonic()

    def _look_at_health(self) -> None:
        if time.monotonic() - self._health_at >= PRESENCE_SECONDS:
            self._health, self._health_at = ask_health(self._client), time.monotonic()
