"""The route on a session's events: read by cursor, waiting for news when there are none."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from coordination.domain.event import Event
from coordination.services import event as events
from coordination.services.core import Core
from coordination.transport.exchange import Disconnect, exchange_of
from coordination.transport.rest.parameters import AnySession, EventNumber, InSession, Limit, require_session
from coordination.wire.rest import EventPage

WAIT_MAX: Final = 45


class EventQuery(BaseModel):
    """Which events: those after number `after`, `limit` at most, waiting up to `wait_seconds` for the first."""

    model_config = ConfigDict(extra="forbid")

    after: EventNumber = 0
    limit: Limit
    wait_seconds: Annotated[
        float,
        Field(ge=0, le=WAIT_MAX, allow_inf_nan=False, description="How long to wait when there is none yet."),
    ] = 0


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the route to `router`."""

    @router.get("/sessions/{session}/events", summary="Read what happened, in order")
    async def read_events(  # pyright: ignore[reportUnusedFunction]  the router keeps it
        request: Request, session: AnySession, query: Annotated[EventQuery, Query()]
    ) -> EventPage:
        """What each kind carries is in docs/reference/events.md. Large events come in fewer, of about 1 MB together."""
        found = await events.read_events(core, session.workspace, session.id, query.after, query.limit)
        if not found:
            await require_session(core, session)
            last = await events.last_number(core, session.workspace, session.id)
            events.require_reached(session.id, query.after, last)
            found = await _wait(core, session, query, exchange_of(request.scope).disconnected)
        return EventPage(
            events=found,
            next_after=found[-1].seq if found else query.after,
            removed_up_to=events.removed_up_to(query.after, found),
        )


async def _wait(core: Core, session: InSession, query: EventQuery, gone: Disconnect) -> list[Event]:
    """Wait for events, but no longer than the client is there to get them."""
    if query.wait_seconds == 0:
        return []
    reading = asyncio.ensure_future(
        events.read_events(core, session.workspace, session.id, query.after, query.limit, query.wait_seconds)
    )
    leaving = asyncio.ensure_future(gone.wait())
    try:
        await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return reading.result() if reading.done() else []
    finally:
        reading.cancel()
        leaving.cancel()
