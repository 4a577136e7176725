"""Use cases on sessions as a whole: begin, list, close, configure."""

from typing import Any

from coordination.domain.errors import UnknownItem
from coordination.domain.session import AcrossCheckouts, SessionState, SessionSummary
from coordination.domain.virtual_user import is_part
from coordination.services.core import Core
from coordination.store import session as store


async def list_sessions(
    core: Core, workspace: str, after: str | None, limit: int, *, only: str | None = None
) -> list[SessionSummary]:
    """Read at most `limit` sessions of a workspace by id, following the id `after`; or only one of them."""
    return await store.page(core.database, workspace, after, limit, only)


async def begin(core: Core, workspace: str, session: str, by: str) -> bool:
    """Begin a session before any agent joins it; returns whether it was not there.

    Raises:
        UnknownItem: no agent could ever join a session of such an id.
        RetryLater: the database cannot answer now.
    """
    if not is_part(session):
        raise UnknownItem("There is no such session.", next_call="coord sessions")
    begun = await store.begin(core.database, workspace, session, by)
    core.feed.announce(workspace, session, freed=False)
    return begun


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
