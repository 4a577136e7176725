"""Use cases on tasks and messages: an agent's sync, a message from a person, and which there are."""

from coordination.domain.agent import Agent
from coordination.domain.errors import InvalidInput, UnknownItem
from coordination.domain.task import Message, Report, Synced, Task, TaskState
from coordination.domain.text import MAX_MESSAGE, clean
from coordination.services.claim_count import count_holds
from coordination.services.core import Core
from coordination.store import task as store


async def sync(core: Core, agent: Agent, report: Report) -> Synced:
    """Write what an agent reports and read what concerns it.

    The news cursor does not move: call `confirm_news` once the answer was delivered.

    Raises:
        InvalidInput: task and status do not come together, a message has neither task nor recipient, or the task is
            closed and the report does not start it again.
        TaskTaken: another live agent has the task.
        TaskWaits: it has not started, and waits for tasks that are not completed.
        UnknownItem: a recipient does not exist.
        CheckoutTaken: the caller's checkout belongs to another session.
        RetryLater: the database cannot answer now.
    """
    _check(report)
    synced = await store.sync(core.database, agent, report)
    count_holds(core.metrics, synced.released, "completed")
    if synced.task is not None or synced.sent_to is not None:
        core.feed.announce(agent.workspace, agent.session, freed=bool(synced.released))
    return synced


async def confirm_news(core: Core, agent: Agent, cursor: int) -> None:
    """Remember that the news up to a sync's cursor were delivered, so that they are not told again.

    Raises:
        InvalidInput: the session has no event of that number yet, so no sync can have answered it.
        RetryLater: the database cannot answer now.
    """
    if not await store.confirm_news(core.database, agent, cursor):
        raise InvalidInput(
            f"cursor: the session has fewer than {cursor} events. Send the cursor that a sync answered."
        )


async def send_message(
    core: Core, workspace: str, session: str, sender: str, text: str, to: list[str] | None
) -> list[str]:
    """Send a message from a person to agents by id or name; None means every agent of the session.

    Returns:
        The recipients' ids.

    Raises:
        InvalidInput: nothing readable is left of the text.
        UnknownItem: the session or a recipient does not exist.
    """
    message = clean(text, MAX_MESSAGE)
    if not message:
        raise InvalidInput("text: is empty. Send 1 to 1,000 readable characters.")
    recipients = await store.send(core.database, workspace, session, sender, message, to)
    core.feed.announce(workspace, session, freed=False)
    return recipients


async def list_tasks(
    core: Core,
    workspace: str,
    session: str,
    *,
    status: TaskState | None = None,
    agent: str | None = None,
    after: str | None = None,
    limit: int,
) -> tuple[list[Task], bool]:
    """Read at most `limit` tasks of a session, planned or not, by id.

    Returns:
        The tasks, fewer when they are large together, but at least one if there is one; and whether there are more.

    Args:
        core: the shared parts.
        workspace: the session's workspace.
        session: the session's id; of an unknown one there are no tasks.
        status: only those that stand there.
        agent: only those that this agent, by id or name, has; or that are meant for it while nobody has them.
        after: the id of the last task of the page before.
        limit: most tasks on the page.

    Raises:
        RetryLater: the database cannot answer now.
    """
    return await store.page(
        core.database, workspace, session, status=status, agent=agent, after=after, limit=limit
    )


async def read_task(core: Core, workspace: str, session: str, task_id: str) -> Task:
    """Read one task with what its holder last reported.

    Raises:
        UnknownItem: there is no such task in this session, or no such session.
        RetryLater: the database cannot answer now.
    """
    found = await store.read(core.database, workspace, session, task_id)
    if found is None:
        raise UnknownItem("There is no such task in this session.", next_call="coord tasks")
    return found


async def list_messages(core: Core, workspace: str, session: str, after: int, limit: int) -> list[Message]:
    """Read at most `limit` messages of a session whose number is greater than `after`, in order.

    Raises:
        RetryLater: the database cannot answer now. Of an unknown session there are no messages.
    """
    return await store.messages(core.database, workspace, session, after, limit)


def _check(report: Report) -> None:
    if (report.task_id is None) != (report.status is None):
        missing = "status" if report.status is None else "task_id"
        raise InvalidInput(f"{missing}: task_id and status go together; send both or neither.")
    if report.to is not None and not report.message:
        raise InvalidInput("message: is empty, and to names a recipient. Send both, or leave to out.")
    if report.task_id is None and report.to is None:
        for field in ("message", "progress_percentage", "paths"):
            if getattr(report, field) is not None:
                named = "affected_files" if field == "paths" else field
                raise InvalidInput(
                    f"{named}: belongs to a task (send task_id and status) or, a message, to somebody (send to)."
                )
