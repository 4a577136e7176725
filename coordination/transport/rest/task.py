"""The route on messages: a person writes to agents, who read it with their next sync."""

from fastapi import APIRouter

from coordination.services import task
from coordination.services.core import Core
from coordination.transport.rest.parameters import WORKSPACE, SessionId, require_session
from coordination.wire.rest import PersonMessage, Sent


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the route to `router`."""

    @router.post("/sessions/{session}/messages", summary="Send a message to agents of a session")
    async def send_message(session: SessionId, message: PersonMessage) -> Sent:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        await require_session(core, session)
        recipients = await task.send_message(
            core, WORKSPACE, session, message.sender, message.text, message.to
        )
        return Sent(sent_to=recipients)
