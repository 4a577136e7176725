"""Reads from the product's tables what a history needs beside the calls: events, queue places, last locks and tasks.

Everything is read in one snapshot, when the last call has ended. It speaks SQL of its own and judges nothing.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import asyncpg

from tests.history.checker import Call, Event, Header, Lease, LockRow, TaskRow, Waiter

PARKED_SECONDS: Final = 120.0
_EVENTS = """
    SELECT workspace_id, session_id, seq, coalesce(agent_id, '') AS agent_id, kind, payload::text, created_at
    FROM coordination_events ORDER BY workspace_id, session_id, seq
"""
_LOCKS = "SELECT workspace_id, session_id, agent_id, to_jsonb(l)::text AS lock FROM file_locks l"
_TASKS = "SELECT workspace_id, session_id, id, status, coalesce(agent_id, '') AS agent_id FROM tasks"


@dataclass(frozen=True, slots=True)
class End:
    """What the database had at the end; every place of the queue is there, its certain times are not yet."""

    snapshot_at: float
    events: tuple[Event, ...]
    waiters: tuple[Waiter, ...]
    locks: tuple[LockRow, ...]
    tasks: tuple[TaskRow, ...]


async def read_end(dsn: str) -> End:
    """Read events, queue places, locks and tasks of all sessions in one snapshot."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            now: datetime = await connection.fetchval("SELECT clock_timestamp()")
            rows = [dict(row) for row in await connection.fetch(_EVENTS)]
            locks = [dict(row) for row in await connection.fetch(_LOCKS)]
            tasks = [dict(row) for row in await connection.fetch(_TASKS)]
    finally:
        await connection.close()
    return End(
        snapshot_at=now.timestamp(),
        events=tuple(_event(row) for row in rows),
        waiters=_waiters(rows),
        locks=tuple(
            LockRow(session=_session(row), agent=row["agent_id"], lease=lease_of(json.loads(row["lock"])))
            for row in locks
        ),
        tasks=tuple(
            TaskRow(session=_session(row), id=row["id"], status=row["status"], agent=row["agent_id"])
            for row in tasks
        ),
    )


def lease_of(lock: Mapping[str, Any]) -> Lease:
    """A lease as the service's answers, events and rows state it."""
    return Lease(
        path=lock.get("key", lock.get("path_key", "")),
        token=lock["fencing_token"],
        operation=lock["operation"],
        checkout=lock["checkout"],
        granted_at=datetime.fromisoformat(lock["granted_at"]).timestamp(),
        expires_at=datetime.fromisoformat(lock["expires_at"]).timestamp(),
    )


def with_presence(waiters: Sequence[Waiter], calls: Sequence[Call], header: Header) -> tuple[Waiter, ...]:
    """The places with the times in which they certainly counted, by the calls that waited in them.

    A place that lapsed is found dead by its own next try, which then begins anew. So a place that did not die counted
    without a break as long as its calls were open, and for two minutes after one ended in vain. A call for the same
    place that heard nothing ends that: it may have begun to wait again and died with its service.
    """
    asked: dict[tuple[str, str, str, str, frozenset[str]], list[Call]] = defaultdict(list)
    for call in calls:
        if call.kind == "claim" and call.wait_seconds and call.outcome != "fail":
            asked[call.session, call.agent, call.checkout, call.operation, frozenset(call.paths)].append(call)
    placed: list[Waiter] = []
    for waiter in waiters:
        key = (waiter.session, waiter.agent, waiter.checkout, waiter.operation, frozenset(waiter.paths))
        placed.append(_present(waiter, asked[key], header))
    return tuple(placed)


def _present(waiter: Waiter, calls: Sequence[Call], header: Header) -> Waiter:
    if waiter.dead_after is not None:
        return waiter
    offset, error = header.clock_offset or 0.0, header.clock_error
    live: list[tuple[float, float]] = []
    kept: list[tuple[float, float]] = []
    lost = min((call.invoked for call in calls if call.outcome == "unknown"), default=float("inf"))
    for call in calls:
        if call.outcome == "unknown":
            continue
        since = max(waiter.enqueued_at, call.invoked + offset + error)
        until = (call.completed or call.invoked) + offset - error
        if until >= waiter.enqueued_at:
            live.append((since, until))
            if call.outcome == "held" and lost + offset - error > until:
                kept.append((until, min(until + PARKED_SECONDS - 1, lost + offset - error)))
    return replace(waiter, live=tuple(live), kept=tuple(kept))


def _session(row: Mapping[str, Any]) -> str:
    return f"{row['workspace_id']}/{row['session_id']}"


def _event(row: Mapping[str, Any]) -> Event:
    payload: Mapping[str, Any] = json.loads(row["payload"])
    locks: list[Mapping[str, Any]] = payload.get("locks", [])
    told = row["kind"].startswith("lock.")
    return Event(
        session=_session(row),
        seq=row["seq"],
        kind=row["kind"],
        agent=locks[0]["agent_id"] if told and locks else row["agent_id"],
        created_at=row["created_at"].timestamp(),
        leases=tuple(lease_of(lock) for lock in locks) if told else (),
        task=payload["task_id"] if row["kind"].startswith("task.") else "",
        plan=payload.get("analysis_id", ""),
        kept=tuple(payload.get("kept", ())),
    )


def _waiters(rows: Sequence[Mapping[str, Any]]) -> tuple[Waiter, ...]:
    waiters: dict[tuple[str, int], Waiter] = {}
    for row in rows:
        if not row["kind"].startswith("waiter."):
            continue
        payload: Mapping[str, Any] = json.loads(row["payload"])
        session, ticket, at = _session(row), payload["ticket"], row["created_at"].timestamp()
        if row["kind"] == "waiter.joined":
            waiters[session, ticket] = Waiter(
                session=session,
                ticket=ticket,
                agent=row["agent_id"],
                checkout=payload["checkout"],
                paths=tuple("" if path == "." else path.casefold() for path in payload["paths"]),
                operation=payload["operation"],
                enqueued_at=at,
            )
        elif row["kind"] == "waiter.left":
            why = payload["why"]
            end = {"granted": "granted_at", "died": "dead_after"}.get(why, "left_at")
            waiters[session, ticket] = replace(waiters[session, ticket], **{end: at})
    return tuple(waiters.values())
