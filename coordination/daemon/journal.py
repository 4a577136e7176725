"""The daemon's own events: what happened to terminals, leases and the service on this machine, for whoever watches.

They have dense numbers, from 1 at each start of the daemon, and live in memory: the newest ones are kept, and whoever
comes back after longer is told that events are gone. They are not the events of a session, which the service keeps.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final, Protocol

KEPT: Final = 1_000
PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """Something that happened.

    Attributes:
        seq: its number, one more than that of the event before.
        kind: `noun.past_verb`.
        at: when, in UTC.
        facts: what else is known, as JSON has it.
    """

    seq: int
    kind: str
    at: datetime
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Page:
    """Events that follow one number.

    Attributes:
        events: the next ones, in order.
        removed_up_to: the last one that is not kept any more, where the page would have begun before it; else None.
    """

    events: tuple[JournalEvent, ...]
    removed_up_to: int | None = None


class Journal:
    """Keeps the newest events. Use it in one event loop; from a thread, by `call_soon_threadsafe`.

    Args:
        kept: how many events are kept.

    Attributes:
        run: names this start of the daemon: numbers of another one mean nothing here.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.run = secrets.token_hex(8)
        self._events: deque[JournalEvent] = deque(maxlen=kept)
        self._last = 0
        self._more = asyncio.Event()

    @property
    def last(self) -> int:
        """The number of the newest event, 0 before there is one."""
        return self._last

    def record(self, kind: str, **facts: object) -> int:
        """Keep an event, wake whoever waits, and return its number."""
        self._last += 1
        self._events.append(JournalEvent(self._last, kind, datetime.now(UTC), facts))
        self._more.set()
        self._more = asyncio.Event()
        return self._last

    def read(self, after: int, most: int = PAGE) -> Page:
        """Return the events after a number, and say whether some of them are gone."""
        gone = self._last - len(self._events)
        begin = max(after, gone)
        events = tuple(islice(self._events, begin - gone, begin - gone + most))
        return Page(events, gone if after < gone else None)

    async def wait(self, after: int) -> None:
        """Return as soon as there is an event after a number."""
        while self._last <= after:
            await self._more.wait()


class Record(Protocol):
    """Takes note of an event of this machine."""

    def __call__(self, kind: str, **facts: object) -> object:
        """Take note of it."""
        ...


def nowhere(kind: str, **facts: object) -> None:
    """Take no note."""
