"""Routes on file locks: claim, renew and release; list the live leases, and take leases from their holders."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request

from coordination.domain.agent import Agent
from coordination.domain.errors import InvalidInput
from coordination.domain.file_lock import Operation
from coordination.domain.path import LockPath, normalise, normalise_all
from coordination.domain.text import shown
from coordination.services import file_lock
from coordination.services.core import Core
from coordination.transport import file_lock as asked
from coordination.transport.exchange import exchange_of
from coordination.transport.rest.acting import JoinedSession, actor
from coordination.transport.rest.description import CLAIM, OWN_LEASES
from coordination.transport.rest.parameters import AnySession, PageQuery, PersonsSession, require_session
from coordination.wire.acting import Claimed, Grant, LockClaim, Release, Released, Renewal, Renewed
from coordination.wire.rest import LockPage, Revocation, Revoked

CURSOR: Final = "/"
"""Begins every cursor, because the key of the whole tree is empty, and an empty cursor is none."""


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.get("/sessions/{session}/locks", summary="List the live leases by path")
    async def list_locks(session: AnySession, query: Annotated[PageQuery, Query()]) -> LockPage:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """The leases of one path are never parted, so a page may have a few more or less than `limit`."""
        after = None if query.after is None else query.after.removeprefix(CURSOR)
        found, last = await file_lock.page_of_locks(core, session.workspace, session.id, after, query.limit)
        if not found:
            await require_session(core, session)
        return LockPage(locks=found, next_cursor=None if last is None else f"{CURSOR}{last}")

    @router.post("/sessions/{session}/locks/claim", summary="Claim files, all or none", responses=CLAIM)
    async def claim_locks(request: Request, session: JoinedSession, wanted: LockClaim) -> Claimed:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """That others hold part of it is an answer, not an error. Claiming again what one holds extends it."""
        agent, exchange = actor(core, session, wanted), exchange_of(request.scope)
        claimed = asked.wanted(
            normalise_all(wanted.paths, root=agent.checkout_root, literal=wanted.literal, field="paths"),
            Operation(wanted.operation),
            wanted.duration_minutes,
            wanted.reason,
            wanted.task_id,
            exchange,
        )
        return Claimed.of(await asked.claim(core, agent, claimed, wanted.wait_seconds, exchange))

    @router.post(
        "/sessions/{session}/locks/renew", summary="Extend leases, all or none", responses=OWN_LEASES
    )
    async def renew_locks(session: JoinedSession, renewal: Renewal) -> Renewed:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Each is named by its path and its fencing token, which stays. Nothing is shortened."""
        agent = actor(core, session, renewal)
        paths, tokens = _named(agent, renewal.leases)
        seconds = renewal.duration_minutes * asked.MINUTE_SECONDS
        return Renewed(renewed=await file_lock.renew(core, agent, paths, seconds, tokens))

    @router.post(
        "/sessions/{session}/locks/release", summary="Give leases back, all or none", responses=OWN_LEASES
    )
    async def release_locks(session: JoinedSession, release: Release) -> Released:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Each is named by its path and its fencing token. Who waits for one of the paths gets it now."""
        agent = actor(core, session, release)
        paths, tokens = _named(agent, release.leases)
        return Released(released=await file_lock.release(core, agent, paths, tokens))

    @router.post("/sessions/{session}/locks/revoke", summary="Take leases from their holders")
    async def revoke_locks(session: PersonsSession, revocation: Revocation) -> Revoked:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """A person does this. The holders are told with their next sync; who waits for a path gets it now."""
        taken = await file_lock.revoke(
            core,
            session.workspace,
            session.id,
            session.person(revocation.by),
            revocation.paths,
            revocation.agent,
        )
        if not taken:
            await require_session(core, session)
        return Revoked(revoked=list(taken))


def _named(agent: Agent, grants: Sequence[Grant]) -> tuple[tuple[LockPath, ...], list[int]]:
    """Return the paths of grants and, in parallel, their tokens.

    Raises:
        InvalidInput: a path is wrong, or named twice: which of two tokens counts, nobody could say.
    """
    by_key: dict[str, tuple[LockPath, int]] = {}
    for grant in grants:
        path = normalise(grant.path, root=agent.checkout_root, literal=True, field="leases")
        if path.key in by_key:
            raise InvalidInput(f'leases: "{shown(path.path)}" is named twice. Name it once, with one token.')
        by_key[path.key] = path, grant.fencing_token
    return tuple(path for path, _ in by_key.values()), [token for _, token in by_key.values()]
