"""Use cases on sessions as a whole: list, close, configure."""

from typing import Any

from coordination.domain.session import AcrossCheckouts, SessionState, SessionSummary
from coordination.services.core import Core
from coordination.store import session as store


async def list_sessions(core: Core, workspace: str, after: str | None, limit: int) -> list[SessionSummary]:
    """Read at most `limit` sessions of a workspace by id, following the id `after`."""
    return await store.page(core.database, workspace, after, limit)


async def configure(
    core: Core,
    workspace: str,
    session: str,
    by: str,
    *,
    status: SessionState | None,
    across_checkouts: AcrossCheckouts | None,
) -> dict[str, Any]:
    """Close or open a session, or choose what leases of other checkouts mean in it; None keeps a value.

    Returns:
        ``{session, status, across_checkouts}`` afterwards.

    Raises:
        UnknownItem: there is no such session.
        SettingRefused: blocking across checkouts is wanted while such leases overlap.
    """
    configured = await store.configure(
        core.database, workspace, session, by, status=status, across_checkouts=across_checkouts
    )
    core.feed.announce(workspace, session, freed=True)
    return configured
