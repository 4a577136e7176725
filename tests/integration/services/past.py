"""Letting time pass for what a session holds, by the database's clock: rows are back-dated, no clock is injected."""

from typing import Final

from coordination.domain.retention import Retention, Step
from coordination.services.core import Core
from coordination.services.retention import Removed, Sweeper
from coordination.store import retention as store
from coordination.store.database import Database

KEPT: Final = Retention(events_days=30, closed_days=60)
_AGE: Final = (
    "UPDATE coordination_events SET created_at = created_at - make_interval(days => $1)"
    " WHERE session_id = $2 AND seq <= $3 RETURNING 1",
    "UPDATE tasks SET updated_at = updated_at - make_interval(days => $1)"
    " WHERE session_id = $2 AND $3::bigint > 0 RETURNING 1",
    "UPDATE task_progress SET updated_at = updated_at - make_interval(days => $1)"
    " WHERE session_id = $2 AND $3::bigint > 0 RETURNING 1",
    "UPDATE plans SET created_at = created_at - make_interval(days => $1)"
    " WHERE session_id = $2 AND $3::bigint > 0 RETURNING 1",
    "UPDATE plan_analyses SET created_at = created_at - make_interval(days => $1)"
    " WHERE session_id = $2 AND $3::bigint > 0 RETURNING 1",
    "UPDATE file_indexes SET refreshed_at = refreshed_at - make_interval(days => $1)"
    " WHERE session_id = $2 AND $3::bigint > 0 RETURNING 1",
    "UPDATE claude_code_agents SET last_activity = last_activity - make_interval(days => $1)"
    " WHERE session_id = $2 AND $3::bigint > 0 RETURNING 1",
)


async def pass_days(database: Database, days: int, *, session: str = "demo", up_to: int = 10**9) -> None:
    """Let everything in a session be so many days older, of its events those up to a number."""
    for statement in _AGE:
        await database.fetch(statement, days, session, up_to)


async def sweep(core: Core, retention: Retention = KEPT) -> Removed:
    """Remove what is past its time, without a rest."""

    async def go_on(_seconds: float) -> bool:
        return True

    return await Sweeper(core.database, retention, go_on).sweep()


async def step(database: Database, *, after: int = 0, session: str = "demo") -> Step | None:
    """Take one step in a session."""
    return await store.sweep(database, "local", session, KEPT, after)


async def numbers(database: Database, session: str = "demo") -> list[int]:
    """The numbers of the events that a session holds."""
    rows = await database.fetch(
        "SELECT seq FROM coordination_events WHERE session_id = $1 ORDER BY seq", session
    )
    return [row["seq"] for row in rows]
