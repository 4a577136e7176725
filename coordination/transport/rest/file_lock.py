"""Routes on file locks: list the live leases of a session, and take leases from their holders."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from coordination.services import file_lock
from coordination.services.core import Core
from coordination.transport.rest.parameters import WORKSPACE, PageQuery, SessionId, require_session
from coordination.wire.rest import LockPage, Revocation, Revoked

CURSOR: Final = "/"
"""Begins every cursor, because the key of the whole tree is empty, and an empty cursor is none."""


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.get("/sessions/{session}/locks", summary="List the live leases by path")
    async def list_locks(session: SessionId, query: Annotated[PageQuery, Query()]) -> LockPage:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """The leases of one path are never parted, so a page may have a few more or less than `limit`."""
        after = None if query.after is None else query.after.removeprefix(CURSOR)
        found, last = await file_lock.page_of_locks(core, WORKSPACE, session, after, query.limit)
        if not found:
            await require_session(core, session)
        return LockPage(locks=found, next_cursor=None if last is None else f"{CURSOR}{last}")

    @router.post("/sessions/{session}/locks/revoke", summary="Take leases from their holders")
    async def revoke_locks(session: SessionId, revocation: Revocation) -> Revoked:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """A person does this. The holders are told with their next sync; who waits for a path gets it now."""
        taken = await file_lock.revoke(
            core, WORKSPACE, session, revocation.by, revocation.paths, revocation.agent
        )
        if not taken:
            await require_session(core, session)
        return Revoked(revoked=list(taken))
