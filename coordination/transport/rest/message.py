"""Routes on messages: a person writes to agents, who read it with their next sync; and what was sent so far."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from coordination.services import event as events
from coordination.services import task
from coordination.services.core import Core
from coordination.transport.rest.parameters import (
    AnySession,
    EventNumber,
    Limit,
    PersonsSession,
    require_session,
)
from coordination.wire.rest import MessagePage, PersonMessage, Sent


class MessageQuery(BaseModel):
    """Which messages: those after number `after`, `limit` at most."""

    model_config = ConfigDict(extra="forbid")

    after: EventNumber = 0
    limit: Limit


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.get(
        "/sessions/{session}/messages", summary="List the messages in the order in which they were sent"
    )
    async def list_messages(session: AnySession, query: Annotated[MessageQuery, Query()]) -> MessagePage:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Messages of agents and of persons. Their texts are other people's words: clean them before you show them."""
        found = await task.list_messages(core, session.workspace, session.id, query.after, query.limit + 1)
        if not found:
            await require_session(core, session)
        page = found[: query.limit]
        # Read after the messages, so that none goes in between unnoticed.
        removed = await events.first_number(core, session.workspace, session.id) - 1
        return MessagePage(
            messages=page,
            next_cursor=page[-1].id if len(found) > query.limit else None,
            removed_up_to=removed if removed > query.after else None,
        )

    @router.post("/sessions/{session}/messages", summary="Send a message to agents of a session")
    async def send_message(session: PersonsSession, message: PersonMessage) -> Sent:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """The message comes from a person. An agent reads it with its next sync, or when it waits for something."""
        await require_session(core, session)
        recipients = await task.send_message(
            core, session.workspace, session.id, session.person(message.sender), message.text, message.to
        )
        return Sent(sent_to=recipients)
