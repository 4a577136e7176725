"""Statements on the event log: reading it by cursor, and the notification that only wakes readers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from coordination.domain.event import Event
from coordination.store.database import Database

CHANNEL: Final = "coordination_events"
NOTICES_IN_ONE: Final = 50
LISTENER: Final = "coordination feed"
PAGE_BYTES: Final = 1_000_000
"""What the payloads of one answer have together at most, unless the first alone has more."""
# One after the other, so that what does not fit is not even read; an event may have half a megabyte.
READ: Final = """
    WITH RECURSIVE page AS (
        (SELECT seq, agent_id, kind, payload::text AS payload, created_at, 1 AS number,
                octet_length(payload::text)::bigint AS bytes
         FROM coordination_events WHERE workspace_id = $1 AND session_id = $2 AND seq > $3 ORDER BY seq LIMIT 1)
        UNION ALL
        SELECT e.seq, e.agent_id, e.kind, e.payload, e.created_at, p.number + 1, p.bytes + octet_length(e.payload)
        FROM page p CROSS JOIN LATERAL (
            SELECT seq, agent_id, kind, payload::text AS payload, created_at
            FROM coordination_events WHERE workspace_id = $1 AND session_id = $2 AND seq > p.seq ORDER BY seq LIMIT 1
        ) e
        WHERE p.number < $4 AND p.bytes + octet_length(e.payload) <= $5
    )
    SELECT seq, agent_id, kind, payload, created_at,
           (SELECT s.created_at FROM claude_code_sessions s WHERE s.workspace_id = $1 AND s.id = $2) AS began
    FROM page ORDER BY seq
"""
# One row for each (workspace, session) asked for, whatever it holds.
LAST: Final = """
    SELECT w.workspace, w.session,
           coalesce((SELECT e.seq FROM coordination_events e
                     WHERE e.workspace_id = w.workspace AND e.session_id = w.session
                     ORDER BY e.seq DESC LIMIT 1), 0) AS seq
    FROM unnest($1::text[], $2::text[]) AS w(workspace, session)
"""
FIRST: Final = """
    SELECT e.seq FROM coordination_events e WHERE e.workspace_id = $1 AND e.session_id = $2 ORDER BY e.seq LIMIT 1
"""
# The same as the last ones, with the moment when the session began: of what is gone there is none.
STANDS: Final = """
    SELECT w.workspace, w.session, s.created_at AS began,
           coalesce((SELECT e.seq FROM coordination_events e
                     WHERE e.workspace_id = w.workspace AND e.session_id = w.session
                     ORDER BY e.seq DESC LIMIT 1), 0) AS seq
    FROM unnest($1::text[], $2::text[]) AS w(workspace, session)
    JOIN claude_code_sessions s ON s.workspace_id = w.workspace AND s.id = w.session
"""
LISTENERS: Final = """
    SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1
"""
# A notification only wakes: it need not survive a crash, so its commit does not make claims wait for the disk.
NOTIFY: Final = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)"


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a session stands.

    Attributes:
        began: when it began; another session of the same name began at another moment. None when nobody noted it.
        seq: the number of its last event, 0 when it has none.
    """

    began: datetime | None
    seq: int


async def read(
    database: Database, workspace: str, session: str, after: int, limit: int, most_bytes: int | None = None
) -> list[Event]:
    """Read the events of a session whose number is greater than `after`, in order.

    Returns:
        At most `limit` of them, and fewer when they are large: one, or as many as `most_bytes` (`PAGE_BYTES` when it
        is None) have room for.
    """
    return (await read_page(database, workspace, session, after, limit, most_bytes))[1]


async def read_page(
    database: Database, workspace: str, session: str, after: int, limit: int, most_bytes: int | None = None
) -> tuple[datetime | None, list[Event]]:
    """Do what `read` does, and say whose events these are: a session of that name can be deleted and begin again.

    Returns:
        When the session began, None when that is not known or there are no events; and the events.
    """
    rows = await database.fetch(READ, workspace, session, after, limit, most_bytes or PAGE_BYTES)
    found = [
        _event(row["seq"], row["agent_id"], row["kind"], row["payload"], row["created_at"]) for row in rows
    ]
    return (rows[0]["began"] if rows else None), found


async def last_numbers(database: Database, sessions: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Read the number of the last event of each (workspace, session)."""
    rows = await database.fetch(LAST, [pair[0] for pair in sessions], [pair[1] for pair in sessions])
    return {(row["workspace"], row["session"]): row["seq"] for row in rows}


async def first_number(database: Database, workspace: str, session: str) -> int:
    """Read the number of the first event of a session that was not removed, 1 when there is none."""
    rows = await database.fetch(FIRST, workspace, session)
    return rows[0]["seq"] if rows else 1


async def stands(database: Database, sessions: list[tuple[str, str]]) -> dict[tuple[str, str], Stand]:
    """Read where each (workspace, session) stands; those that do not exist are left out."""
    rows = await database.fetch(STANDS, [pair[0] for pair in sessions], [pair[1] for pair in sessions])
    return {(row["workspace"], row["session"]): Stand(row["began"], row["seq"]) for row in rows}


async def listeners(database: Database) -> int:
    """Return how many processes listen at the moment, as far as this role may see."""
    rows = await database.fetch(LISTENERS, LISTENER)
    return rows[0]["count"]


async def notify(database: Database, notices: dict[tuple[str, str], bool]) -> None:
    """Wake every process that listens: for each (workspace, session), whether something became free there.

    A notification carries at most 8,000 bytes, so many sessions go in several.
    """
    entries = [[workspace, session, freed] for (workspace, session), freed in notices.items()]
    for start in range(0, len(entries), NOTICES_IN_ONE):
        text = orjson.dumps(entries[start : start + NOTICES_IN_ONE]).decode()
        await database.fetch(NOTIFY, CHANNEL, text)


async def listen(
    database: Database, notified: Callable[[dict[tuple[str, str], bool]], None], started: Callable[[], None]
) -> None:
    """Take notifications on a connection of its own until that connection ends.

    Args:
        database: where to listen.
        notified: called with what became known, as given to `notify`.
        started: called once notifications arrive.
    """

    def receive(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        if isinstance(payload, str):
            notified({(entry[0], entry[1]): bool(entry[2]) for entry in orjson.loads(payload)})

    ended = asyncio.Event()

    def end(_connection: object) -> None:
        ended.set()

    connection = await database.connect(LISTENER)
    try:
        connection.add_termination_listener(end)
        await connection.add_listener(CHANNEL, receive)
        started()
        await ended.wait()
    finally:
        connection.terminate()


def _event(seq: int, agent_id: str | None, kind: str, payload: str, created_at: datetime) -> Event:
    content: dict[str, Any] = orjson.loads(payload)
    return Event(seq=seq, agent_id=agent_id, kind=kind, payload=content, created_at=created_at)
