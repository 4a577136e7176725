"""Routes on the plans of a session: which there were, what was handed out, and what each agent is told first."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from coordination.domain.errors import UnknownItem
from coordination.domain.plan.handed_out import Plan
from coordination.services import plan
from coordination.services.core import Core
from coordination.transport.rest.parameters import (
    AnySession,
    Limit,
    Text,
    of_known_session,
    require_session,
)
from coordination.wire.plan import FirstPrompt
from coordination.wire.rest import PlanPage

REVISION_MAX: Final = 2**31 - 1

Revision = Annotated[
    int, Path(ge=1, le=REVISION_MAX, description="The plan's revision, 1 for the first one.")
]


class PlanQuery(BaseModel):
    """Which plans: those after revision `after`, `limit` at most."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[
        int, Field(ge=0, le=REVISION_MAX, description="The `next_cursor` of the page before, a revision.")
    ] = 0
    limit: Limit


class PromptQuery(BaseModel):
    """Whose prompt is meant: an agent's id or name."""

    model_config = ConfigDict(extra="forbid")

    agent: Annotated[Text, Field(description="The agent, by id or name.")]


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.get("/sessions/{session}/plans", summary="List the plans by revision")
    async def list_plans(session: AnySession, query: Annotated[PlanQuery, Query()]) -> PlanPage:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Every plan that was handed out in the session, the first one first."""
        found = await plan.list_plans(core, session.workspace, session.id, query.after, query.limit + 1)
        if not found:
            await require_session(core, session)
        page = found[: query.limit]
        return PlanPage(plans=page, next_cursor=page[-1].revision if len(found) > query.limit else None)

    @router.get(
        "/sessions/{session}/plans/{revision}", summary="Look at one plan, the latest or an earlier one"
    )
    async def read_revision(session: AnySession, revision: Revision) -> Plan:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """An earlier plan has its tasks as they were handed out; those that a later one replaced say so."""
        async with of_known_session(core, session, UnknownItem):
            return await plan.read_revision(core, session.workspace, session.id, revision)

    @router.get("/sessions/{session}/plan", summary="The latest plan, its tasks as they are now")
    async def read_plan(session: AnySession) -> Plan:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Each task with whom it is for, what it waits for and what it is predicted to write."""
        async with of_known_session(core, session, UnknownItem):
            return await plan.latest(core, session.workspace, session.id)

    @router.get("/sessions/{session}/prompt", summary="What an agent of the plan is told first")
    async def read_prompt(session: AnySession, query: Annotated[PromptQuery, Query()]) -> FirstPrompt:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """A text to be given to the agent as it is. What the planner wrote is quoted in it."""
        async with of_known_session(core, session, UnknownItem):
            return FirstPrompt(prompt=await plan.prompt(core, session.workspace, session.id, query.agent))
