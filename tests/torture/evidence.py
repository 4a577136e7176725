"""What the database says after a run: events, places in the queue and locks, in the history's words."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import asyncpg

from tests.history.checker import Call, Event, Header, History, Lease, LockRow, Waiter

CLOCK_ERROR = 0.001
"""Seconds: clients, services and database share this machine's clock."""

EVENTS = """
    SELECT workspace_id || '/' || session_id AS session, seq, kind, agent_id, payload::text AS payload,
           extract(epoch FROM created_at)::float8 AS at
    FROM coordination_events ORDER BY session, seq
"""
LOCKS = """
    SELECT workspace_id || '/' || session_id AS session, agent_id, path_key, fencing_token, operation, checkout,
           extract(epoch FROM granted_at)::float8 AS granted_at, extract(epoch FROM expires_at)::float8 AS expires_at
    FROM file_locks
"""


async def gather(dsn: str, history: History, notes: str) -> History:
    """Read everything in one snapshot and join it with what the clients heard."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            now = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
            rows = [dict(row) for row in await connection.fetch(EVENTS)]
            locks = [dict(row) for row in await connection.fetch(LOCKS)]
    finally:
        await connection.close()
    for row in rows:
        row["payload"] = json.loads(row["payload"])
    events = [_event(row) for row in rows]
    known = {(event.session, lease.token): lease for event in events for lease in event.leases}
    return replace(
        history,
        header=Header(
            events=True, waiters=True, snapshot_at=now, clock_offset=0.0, clock_error=CLOCK_ERROR, notes=notes
        ),
        calls=tuple(_completed(call, events_of(events), known) for call in history.calls),
        events=tuple(events),
        waiters=tuple(_waiters(rows, history.calls)),
        locks=tuple(_lock(row) for row in locks),
    )


def events_of(events: Iterable[Event]) -> dict[tuple[str, str], list[Event]]:
    """Sort lease events by session and agent."""
    found: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        if event.leases:
            found.setdefault((event.session, event.agent), []).append(event)
    return found


def _event(row: dict[str, Any]) -> Event:
    locks: list[dict[str, Any]] = row["payload"].get("locks", [])
    holder = locks[0]["agent_id"] if locks else row["agent_id"]
    return Event(
        session=row["session"],
        seq=row["seq"],
        kind=row["kind"],
        agent=holder or "",
        created_at=row["at"],
        leases=tuple(
            Lease(
                path=lock["key"],
                token=lock["fencing_token"],
                operation=lock["operation"],
                checkout=lock["checkout"],
                granted_at=datetime.fromisoformat(lock["granted_at"]).timestamp(),
                expires_at=datetime.fromisoformat(lock["expires_at"]).timestamp(),
            )
            for lock in locks
        ),
    )


def _completed(
    call: Call, events: dict[tuple[str, str], list[Event]], known: dict[tuple[str, int], Lease]
) -> Call:
    """Give the leases of an answer the exact instants that the database recorded while the call ran.

    An answer rounds to seconds. A lease whose token no event knows keeps none, and the checker reports it.
    """
    if not call.leases or call.completed is None:
        return call
    during = [
        event
        for event in events.get((call.session, call.agent), [])
        if call.invoked - CLOCK_ERROR <= event.created_at <= call.completed + CLOCK_ERROR
        and event.kind in {"lock.claimed", "lock.renewed"}
    ]
    exact = {lease.token: lease for event in during for lease in event.leases}
    return replace(
        call,
        leases=tuple(
            exact.get(lease.token) or known.get((call.session, lease.token)) or lease for lease in call.leases
        ),
    )


def _waiters(rows: list[dict[str, Any]], calls: Iterable[Call]) -> Iterable[Waiter]:
    ended = {(row["session"], row["payload"]["ticket"]): row for row in rows if row["kind"] == "waiter.left"}
    waiting = [call for call in calls if call.kind == "claim" and call.wait_seconds > 0]
    for row in rows:
        if row["kind"] != "waiter.joined":
            continue
        payload = row["payload"]
        end = ended.get((row["session"], payload["ticket"]))
        why = end["payload"]["why"] if end else None
        until = end["at"] if end else float("inf")
        yield Waiter(
            session=row["session"],
            ticket=payload["ticket"],
            agent=row["agent_id"],
            checkout=payload["checkout"],
            paths=tuple(payload["paths"]),
            operation=payload["operation"],
            enqueued_at=row["at"],
            live=tuple(_live(row, payload, until, waiting)),
            granted_at=until if why == "granted" else None,
            left_at=until if end and why != "granted" else None,
        )


def _live(
    row: dict[str, Any], payload: dict[str, Any], until: float, waiting: Iterable[Call]
) -> Iterable[tuple[float, float]]:
    """When the place was certainly live: while a call that waited in it was open and was answered in the end."""
    for call in waiting:
        if (
            call.completed is not None
            and call.session == row["session"]
            and call.agent == row["agent_id"]
            and sorted(call.paths) == sorted(payload["paths"])
            and call.operation == payload["operation"]
        ):
            start, end = max(call.invoked, row["at"]), min(call.completed, until)
            if start < end:
                yield start, end


def _lock(row: dict[str, Any]) -> LockRow:
    return LockRow(
        session=row["session"],
        agent=row["agent_id"],
        lease=Lease(
            path=row["path_key"],
            token=row["fencing_token"],
            operation=row["operation"],
            checkout=row["checkout"],
            granted_at=row["granted_at"],
            expires_at=row["expires_at"],
        ),
    )
