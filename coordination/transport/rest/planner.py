"""Routes on the planner's role: an agent takes it when it is free, and gives it back."""

from typing import Final

from fastapi import APIRouter

from coordination.domain.errors import UnknownItem
from coordination.domain.planner import HeldRole
from coordination.services import planner
from coordination.services.core import Core
from coordination.transport.rest.description import Responses, refused
from coordination.transport.rest.parameters import PersonsSession, of_known_session
from coordination.wire.planner import RoleChange

_TAKEN: Final[Responses] = {409: refused(409, "Another agent that has the role is there.")}


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.post(
        "/sessions/{session}/planner", summary="Let an agent take the planner's role", responses=_TAKEN
    )
    async def take_planner(session: PersonsSession, change: RoleChange) -> HeldRole:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """It is free when no other agent that has it is there. Who had taken it before is an implementer again."""
        async with of_known_session(core, session, UnknownItem):
            return await planner.take(
                core, session.workspace, session.id, session.person(change.by), change.agent
            )

    @router.delete("/sessions/{session}/planner", summary="Let an agent give the planner's role back")
    async def give_planner_back(session: PersonsSession, change: RoleChange) -> HeldRole:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """It is an implementer again. Who has the role by its name keeps it, and an implementer stays one."""
        async with of_known_session(core, session, UnknownItem):
            return await planner.give_back(
                core, session.workspace, session.id, session.person(change.by), change.agent
            )
