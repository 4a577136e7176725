"""Use case on events: read a session's log by cursor, waiting for news when there are none."""

import asyncio
from contextlib import suppress
from typing import Final

from coordination.domain.errors import InvalidInput
from coordination.domain.event import Event
from coordination.domain.text import shown
from coordination.services.core import Core
from coordination.store import event as store

LOOK_SECONDS: Final = 1.0


async def read_events(
    core: Core, workspace: str, session: str, after: int, limit: int, wait_seconds: float = 0
) -> list[Event]:
    """Read events whose number is greater than `after`, in order, without gaps.

    Args:
        core: the shared parts.
        workspace: the session's workspace.
        session: the session's id; of an unknown one there are no events.
        after: the number of the last event that the caller has; 0 for none.
        limit: most events in one answer; of large ones there are fewer, but not none.
        wait_seconds: how long to wait for one when there is none; a service that stops ends it at once.

    Raises:
        RetryLater: the database cannot answer now, or too many calls wait already.
    """
    if wait_seconds <= 0:
        return await store.read(core.database, workspace, session, after, limit)
    deadline = asyncio.get_running_loop().time() + wait_seconds
    with core.feed.subscribe(workspace, session) as subscription:
        while True:
            subscription.wake.clear()
            events = await store.read(core.database, workspace, session, after, limit)
            remaining = deadline - asyncio.get_running_loop().time()
            if events or remaining <= 0 or core.stopping.is_set():
                return events
            with suppress(TimeoutError):
                await asyncio.wait_for(subscription.wake.wait(), min(remaining, LOOK_SECONDS))
            if core.stopping.is_set():
                return []


async def read_latest(
    core: Core, workspace: str, session: str, limit: int, last: int | None = None
) -> list[Event]:
    """Read the last events of a session, in order: at most `limit`, and of large ones fewer, but not none.

    Args:
        core: the shared parts.
        workspace: the session's workspace.
        session: the session's id; of an unknown one there are no events.
        limit: most events in one answer.
        last: the number of the event to end with, which it has reached; None for its last one.

    Raises:
        RetryLater: the database cannot answer now.
    """
    last = await last_number(core, workspace, session) if last is None else last
    after, found = max(0, last - limit), list[Event]()
    # Numbers have no gaps, so as many as are missing end with the last; but the first ones may have been removed.
    while after < last and (
        page := await store.read(core.database, workspace, session, after, min(limit, last - after))
    ):
        after, found = page[-1].seq, [event for event in page if event.seq <= last]
    return found


async def last_number(core: Core, workspace: str, session: str) -> int:
    """Return the number of a session's last event, 0 when it has none.

    Raises:
        RetryLater: the database cannot answer now.
    """
    numbers = await store.last_numbers(core.database, [(workspace, session)])
    return numbers[workspace, session]


def removed_up_to(after: int, found: list[Event]) -> int | None:
    """Return the number of the last event that was removed after its time before a reader had it.

    Args:
        after: the number of the last event that the reader has.
        found: what follows; numbers have no gaps, and the last event of a session is never removed.

    Returns:
        The number; None when nothing is missing.
    """
    return found[0].seq - 1 if found and found[0].seq > after + 1 else None


async def first_number(core: Core, workspace: str, session: str) -> int:
    """Return the number of the first event of a session that is kept, 1 when it has none.

    Raises:
        RetryLater: the database cannot answer now.
    """
    return await store.first_number(core.database, workspace, session)


def require_reached(session: str, after: int, last: int) -> None:
    """Refuse a number that a session has not reached: what follows it would be waited for in vain.

    Args:
        session: its id.
        after: the number of the last event that a reader says to have.
        last: the number of its last event.

    Raises:
        InvalidInput: the session has fewer events.
    """
    if after > last:
        raise InvalidInput(
            f"after: the session {shown(session)} has {last} events, and not {after}. Was it deleted since? "
            "Begin again with 0.",
            details={"field": "after"},
        )
