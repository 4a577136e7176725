"""Routes on file locks: list the live leases of a session, and take leases from their holders."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from coordination.services import file_lock
from coordination.services.core import Core
from coordination.transport.rest.parameters import WORKSPACE, PageQuery, SessionId, require_session
from coordination.wire.rest import LockPage, Revocation, Revoked

CURSOR: Final = "/"
"""Begins every cursor, because the key of the whole tree is empty, and an empty cursor is none."""
ONE_PATH_MAX: Final = 10_000
"""More leases than one path can have: one of each agent that reads it."""


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.get("/sessions/{session}/locks", summary="List the live leases by path")
    async def list_locks(session: SessionId, query: Annotated[PageQuery, Query()]) -> LockPage:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """The leases of one path are never parted, so a page may have a few more or less than `limit`."""
        after = None if query.after is None else query.after.removeprefix(CURSOR)
        page = await _page(core, session, after, query.limit)
        if not page.locks:
            await require_session(core, session)
        return page

    @router.post("/sessions/{session}/locks/revoke", summary="Take leases from their holders")
    async def revoke_locks(session: SessionId, revocation: Revocation) -> Revoked:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """A person does this. The holders are told with their next sync; who waits for a path gets it now."""
        taken = await file_lock.revoke(
            core, WORKSPACE, session, revocation.by, revocation.paths, revocation.agent
        )
        if not taken:
            await require_session(core, session)
        return Revoked(revoked=list(taken))


async def _page(core: Core, session: str, after: str | None, limit: int) -> LockPage:
    """Read a page that never parts the leases of one path (several agents may read it): the cursor is a path.

    So a page may be shorter than `limit`, or longer when one path alone has more leases than that.
    """
    found = await file_lock.list_locks(core, WORKSPACE, session, after, limit + 1)
    if len(found) <= limit:
        return LockPage(locks=found)
    page = [lock for lock in found if lock.key != found[-1].key]
    if not page:
        found = await file_lock.list_locks(core, WORKSPACE, session, after, ONE_PATH_MAX)
        page = [lock for lock in found if lock.key == found[0].key]
    return LockPage(locks=page, next_cursor=f"{CURSOR}{page[-1].key}")
