"""Routes on the tasks of a session: list them, planned or not, and look at one."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from coordination.domain.errors import UnknownItem
from coordination.domain.task import Task, TaskState
from coordination.services import task
from coordination.services.core import Core
from coordination.transport.rest.parameters import (
    AnySession,
    PageQuery,
    Text,
    of_known_session,
    possible_name,
    require_session,
)
from coordination.wire.rest import TaskPage


class TaskQuery(PageQuery):
    """Which tasks: those that stand at `status`, those of `agent`, or all."""

    status: Annotated[TaskState | None, Field(description="Only tasks that stand there.")] = None
    agent: Annotated[
        Text | None,
        Field(
            description="Only tasks that this agent has, by id or name, or that are for it while nobody has them."
        ),
    ] = None


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.get("/sessions/{session}/tasks", summary="List the tasks by id")
    async def list_tasks(session: AnySession, query: Annotated[TaskQuery, Query()]) -> TaskPage:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """All tasks of the session: those of plans, and those that agents named themselves."""
        page, more = await task.list_tasks(
            core,
            session.workspace,
            session.id,
            status=query.status,
            agent=query.agent,
            after=query.after,
            limit=query.limit,
        )
        if not page:
            await require_session(core, session)
        return TaskPage(tasks=page, next_cursor=page[-1].task_id if more else None)

    @router.get("/sessions/{session}/tasks/{task_id:path}", summary="Look at one task")
    async def read_task(  # pyright: ignore[reportUnusedFunction]  the router keeps it
        session: AnySession,
        task_id: Annotated[
            str,
            Path(
                description="The task's id. A slash in it may stand as it is or as %2F.",
                examples=["parser"],
            ),
        ],
    ) -> Task:
        """The task as it is now, with what its holder last reported."""
        async with of_known_session(core, session, UnknownItem):
            return await task.read_task(core, session.workspace, session.id, possible_name(task_id))
