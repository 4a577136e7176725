"""Routes on an agent's sync: report, read the news, and confirm that they arrived."""

from fastapi import APIRouter

from coordination.domain.errors import InvalidInput
from coordination.domain.task import Synced, TaskStatus
from coordination.services import task
from coordination.services.core import Core
from coordination.transport.rest.acting import JoinedSession, actor
from coordination.transport.rest.description import REPORT
from coordination.transport.rest.parameters import of_known_session
from coordination.transport.task import report
from coordination.wire.acting import NewsConfirmation, NewsConfirmed, SyncReport


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.post(
        "/sessions/{session}/sync",
        summary="Report on a task, send a message, read the news",
        responses=REPORT,
    )
    async def sync_progress(session: JoinedSession, told: SyncReport) -> Synced:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """The news come again with each sync until they are confirmed: an answer that got lost loses none."""
        agent = actor(core, session, told)
        reported = report(
            agent,
            task_id=told.task_id,
            status=None if told.status is None else TaskStatus(told.status),
            progress_percentage=told.progress_percentage,
            message=told.message,
            affected_files=told.affected_files,
            to=told.to,
        )
        return await task.sync(core, agent, reported)

    @router.post("/sessions/{session}/news/confirm", summary="Confirm that news arrived")
    async def confirm_news(session: JoinedSession, arrived: NewsConfirmation) -> NewsConfirmed:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Send the cursor of the sync that you have read. An earlier one than before changes nothing."""
        agent = actor(core, session, arrived)
        async with of_known_session(core, session, InvalidInput):
            await task.confirm_news(core, agent, arrived.cursor)
        return NewsConfirmed(cursor=arrived.cursor)
