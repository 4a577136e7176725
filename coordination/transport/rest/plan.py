"""Routes on the plan of a session: what was handed out, and what each agent is told first."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from coordination.domain.plan.handed_out import Plan
from coordination.services import plan
from coordination.services.core import Core
from coordination.transport.rest.parameters import WORKSPACE, SessionId, Text, require_session
from coordination.wire.plan import FirstPrompt


class PromptQuery(BaseModel):
    """Whose prompt is meant: an agent's id or name."""

    model_config = ConfigDict(extra="forbid")

    agent: Text


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.get("/sessions/{session}/plan", summary="The latest plan, its tasks as they are now")
    async def read_plan(session: SessionId) -> Plan:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        await require_session(core, session)
        return await plan.latest(core, WORKSPACE, session)

    @router.get("/sessions/{session}/prompt", summary="What an agent of the plan is told first")
    async def read_prompt(session: SessionId, query: Annotated[PromptQuery, Query()]) -> FirstPrompt:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        await require_session(core, session)
        return FirstPrompt(prompt=await plan.prompt(core, WORKSPACE, session, query.agent))
