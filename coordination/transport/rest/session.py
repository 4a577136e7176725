"""Routes on sessions: list them, look at one, close or configure it."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from coordination.domain.session import AcrossCheckouts, SessionState, SessionStatus
from coordination.services import agent as agents
from coordination.services import session as sessions
from coordination.services.core import Core
from coordination.transport.rest.description import SETTING
from coordination.transport.rest.parameters import Allowed, AnySession, PageQuery, PersonsSession, Text
from coordination.wire.rest import SessionChange, SessionPage, SessionSettings

AGENTS_MAX = 100


class StatusQuery(PageQuery):
    """Which agents of a session: one by id or name, or a page of those present (or all)."""

    agent: Annotated[Text | None, Field(description="Only this agent, by id or name.")] = None
    include_inactive: Annotated[
        bool, Field(description="Also agents that were quiet for ten minutes and hold nothing.")
    ] = False
    limit: Annotated[int, Field(ge=1, le=AGENTS_MAX, description="Most agents on the page.")] = (
        agents.MOST_AGENTS
    )


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.get("/sessions", summary="List the sessions")
    async def list_sessions(principal: Allowed, query: Annotated[PageQuery, Query()]) -> SessionPage:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Open and closed ones."""
        found = await sessions.list_sessions(
            core, principal.workspace, query.after, query.limit + 1, only=principal.session
        )
        page = found[: query.limit]
        return SessionPage(sessions=page, next_cursor=page[-1].id if len(found) > query.limit else None)

    @router.get("/sessions/{session}", summary="Who is here, doing what, holding or waiting for what")
    async def read_session(session: AnySession, query: Annotated[StatusQuery, Query()]) -> SessionStatus:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Everything is read at one instant. `totals` count the whole session, whatever page this is."""
        return await agents.read_status(
            core,
            session.workspace,
            session.id,
            agent=query.agent,
            include_inactive=query.include_inactive,
            after=query.after,
            limit=query.limit,
        )

    @router.patch("/sessions/{session}", summary="Close, open or configure a session", responses=SETTING)
    async def configure_session(session: PersonsSession, change: SessionChange) -> SessionSettings:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """What is left out stays as it is."""
        configured = await sessions.configure(
            core,
            session.workspace,
            session.id,
            session.person(change.by),
            status=None if change.status is None else SessionState(change.status),
            across_checkouts=None
            if change.across_checkouts is None
            else AcrossCheckouts(change.across_checkouts),
        )
        return SessionSettings.model_validate(configured)
