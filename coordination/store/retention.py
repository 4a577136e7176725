"""Statements that remove what is past its time, one small step each: the rows that one removes are bounded."""

from typing import Final

from pydantic import TypeAdapter

from coordination.domain.retention import Retention, Step
from coordination.store.database import Database

STEP_EVENTS: Final = 250
"""How many events one step removes at most: some milliseconds, for which it holds the session's lock."""
PAGE_SESSIONS: Final = 200

DUE: Final = "SELECT workspace, session, due FROM coordination_sessions_due($1, $2, $3, $4, $5)"
SWEEP: Final = "SELECT coordination_sweep_session($1, $2, $3, $4, $5, $6)"
SWEEP_CREDENTIALS: Final = "SELECT coordination_sweep_credentials($1) AS gone"
SWEEP_INDEX: Final = "SELECT coordination_sweep_index($1) AS gone"

_STEP: Final[TypeAdapter[Step | None]] = TypeAdapter(Step | None)


async def due(
    database: Database, after: tuple[str, str], retention: Retention
) -> tuple[list[tuple[str, str]], tuple[str, str] | None]:
    """Look through the next sessions of all workspaces.

    Args:
        database: where they are.
        after: workspace and session where the look before ended, two empty texts for the first one.
        retention: what is past its time.

    Returns:
        Workspace and session of those where something is; and where to go on, None when these were the last.
    """
    rows = await database.fetch(DUE, *after, retention.events_days, retention.closed_days, PAGE_SESSIONS)
    found = [(row["workspace"], row["session"]) for row in rows if row["due"]]
    whole = len(rows) == PAGE_SESSIONS
    return found, (rows[-1]["workspace"], rows[-1]["session"]) if whole else None


async def sweep(
    database: Database, workspace: str, session: str, retention: Retention, after: int
) -> Step | None:
    """Take one step in a session.

    Args:
        database: where it is.
        workspace: the session's workspace.
        session: its id.
        retention: what is past its time.
        after: the number up to which its events are known to be gone, 0 when that is not known.

    Returns:
        What it did; None when somebody was writing there.
    """
    days = retention.events_days, retention.closed_days
    return _STEP.validate_json(
        await database.fetch_json(SWEEP, workspace, session, after, *days, STEP_EVENTS)
    )


async def sweep_credentials(database: Database) -> int:
    """Remove invitations and tokens that ended long ago; returns how many."""
    return (await database.fetch(SWEEP_CREDENTIALS, STEP_EVENTS))[0]["gone"]


async def sweep_index(database: Database, retention: Retention) -> bool:
    """Remove one file index that nobody used for as long as events are kept; returns whether there was one."""
    return (await database.fetch(SWEEP_INDEX, retention.events_days))[0]["gone"]
