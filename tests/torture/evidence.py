"""What the database says after a run, joined with what the clients heard, as one history to judge."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from tests.history.checker import Call, Event, Header, History, Lease
from tests.history.database import read_end, with_presence

CLOCK_ERROR = 0.001
"""Seconds: clients, services and database share this machine's clock."""
ROUNDING = 1.001
"""Seconds: an answer tells instants to the second."""

EventsByAgent = dict[tuple[str, str], list[Event]]


async def gather(dsn: str, history: History, notes: str) -> History:
    """Read the end in one snapshot, and give every answer the exact instants that were recorded while it ran."""
    end = await read_end(dsn)
    header = Header(
        events=True,
        waiters=True,
        tasks=True,
        snapshot_at=end.snapshot_at,
        clock_offset=0.0,
        clock_error=CLOCK_ERROR,
        notes=notes,
    )
    grants = _grants(end.events)
    calls = tuple(_exact(call, grants) for call in history.calls)
    return replace(
        history,
        header=header,
        calls=calls,
        events=end.events,
        waiters=with_presence(end.waiters, calls, header),
        locks=end.locks,
        tasks=end.tasks,
    )


def _grants(events: Iterable[Event]) -> EventsByAgent:
    found: EventsByAgent = defaultdict(list)
    for event in events:
        if event.kind in {"lock.claimed", "lock.renewed"}:
            found[event.session, event.agent].append(event)
    return found


def _exact(call: Call, grants: EventsByAgent) -> Call:
    """Replace the rounded instants of an answer.

    A lease of which nothing was recorded while the call ran keeps what the answer said, and the checker asks why.
    """
    if not call.leases or call.completed is None:
        return call
    events = grants.get((call.session, call.agent), [])
    recorded = {
        lease.token: lease
        for event in events
        if event.created_at <= call.completed + CLOCK_ERROR
        for lease in event.leases
    }
    return replace(call, leases=tuple(_agreeing(lease, recorded.get(lease.token)) for lease in call.leases))


def _agreeing(told: Lease, recorded: Lease | None) -> Lease:
    if recorded is None or told.expires_at is None or recorded.expires_at is None:
        return told
    return recorded if abs(recorded.expires_at - told.expires_at) <= ROUNDING else told
