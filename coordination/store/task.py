"""Statements on tasks, their progress, and messages; and the news that travel with a sync."""

from typing import Final

import orjson
from pydantic import TypeAdapter

from coordination.domain.agent import Agent
from coordination.domain.task import Message, Report, Synced, Task
from coordination.store.agent import caller
from coordination.store.database import Database
from coordination.store.event import PAGE_BYTES

SYNC: Final = """
    SELECT coordination_sync_progress($1, $2, $3, $4, $5::jsonb, $6, $7, $8::int, $9, $10::text[], $11::text[],
                                      $12::text[])
"""
# No row when there is no such event yet: news that are still to come cannot have been delivered.
CONFIRM_NEWS: Final = """
    SELECT coordination_confirm_news($1, $2, $3, $4::bigint)
    WHERE $4::bigint <= coalesce((SELECT e.seq FROM coordination_events e
                                  WHERE e.workspace_id = $1 AND e.session_id = $2
                                  ORDER BY e.seq DESC LIMIT 1), 0)
"""
SEND: Final = "SELECT to_jsonb(coordination_post_message($1, $2, $3, $4, $5::text[]))"

# One after the other, so that what does not fit is not read: a task may affect half a megabyte of paths. Row 0 is the
# cursor; a task that has no room any more is a row without it, which tells that there is one.
PAGE: Final = """
    WITH RECURSIVE page AS (
        SELECT coalesce($3::text, '') AS id, NULL::text AS task, 0 AS number, 0::bigint AS bytes
        UNION ALL
        SELECT n.id, n.task, p.number + 1, p.bytes + octet_length(n.task)
        FROM page p CROSS JOIN LATERAL (
            SELECT t.id, coordination_describe_task(t)::text AS task FROM tasks t
            WHERE t.workspace_id = $1 AND t.session_id = $2 AND t.id > p.id
              AND ($4::text IS NULL OR t.status = $4::text)
              AND ($5::text IS NULL OR coalesce(t.agent_id, t.assigned_to) = $5::text
                   OR split_part(coalesce(t.agent_id, t.assigned_to), '/', 2) = $5::text)
            ORDER BY t.id LIMIT 1
        ) n
        WHERE p.number <= 1 OR (p.number <= $6 AND p.bytes <= $7)
    )
    SELECT number, CASE WHEN number = 1 OR (number <= $6 AND bytes <= $7) THEN task END AS task FROM page
"""
READ: Final = """
    SELECT coordination_describe_task(t)::text AS task FROM tasks t
    WHERE t.workspace_id = $1 AND t.session_id = $2 AND t.id = $3
"""
# The condition on the kind is that of idx_coordination_events_messages.
MESSAGES: Final = """
    SELECT e.seq AS id, e.agent_id AS sender, e.payload ->> 'text' AS text,
           ARRAY(SELECT jsonb_array_elements_text(e.payload -> 'to')) AS "to", e.created_at AS sent_at
    FROM coordination_events e
    WHERE e.workspace_id = $1 AND e.session_id = $2 AND e.kind = 'message.sent' AND e.seq > $3
    ORDER BY e.seq LIMIT $4
"""

_MESSAGES: Final = TypeAdapter(list[Message])
_TASK: Final = TypeAdapter(Task)
_SYNCED: Final = TypeAdapter(Synced)


async def sync(database: Database, agent: Agent, report: Report) -> Synced:
    """Write the report and read the news, in one round trip.

    Raises:
        CheckoutTaken: the caller's checkout belongs to another session.
        TaskTaken: another live agent has the task.
        TaskWaits: it has not started, and waits for tasks that are not completed.
        UnknownItem: a recipient does not exist.
        InvalidInput: the task is closed, and the report does not start it again.
        RetryLater: the database cannot answer now.
    """
    answer = await database.decide(
        SYNC,
        *caller(agent),
        report.task_id,
        report.status,
        report.progress_percentage,
        report.message,
        report.paths,
        report.path_keys,
        report.to,
    )
    return _SYNCED.validate_json(answer)


async def confirm_news(database: Database, agent: Agent, seq: int) -> bool:
    """Remember that the agent was delivered all news up to event `seq`; returns whether there is such an event."""
    return bool(await database.fetch(CONFIRM_NEWS, agent.workspace, agent.session, agent.id, seq))


async def send(
    database: Database, workspace: str, session: str, sender: str, text: str, to: list[str] | None
) -> list[str]:
    """Send a message from a person; `to` None means every agent of the session.

    Returns:
        The recipients' ids.

    Raises:
        UnknownItem: the session or a recipient does not exist.
    """
    recipients: list[str] = orjson.loads(
        await database.fetch_json(SEND, workspace, session, sender, text, to)
    )
    return recipients


async def page(
    database: Database,
    workspace: str,
    session: str,
    *,
    status: str | None,
    agent: str | None,
    after: str | None,
    limit: int,
) -> tuple[list[Task], bool]:
    """Read at most `limit` tasks of a session whose id follows `after`, by id.

    Returns:
        The tasks, fewer when they are large: one, or as many as `PAGE_BYTES` have room for; and whether there are more.

    Args:
        database: where.
        workspace: the session's workspace.
        session: the session's id.
        status: only tasks that stand there.
        agent: only tasks that this agent (its id or name) has, or that are meant for it and nobody has.
        after: the id of the last task of the page before.
        limit: most tasks.
    """
    rows = await database.fetch(PAGE, workspace, session, after, status, agent, limit, PAGE_BYTES)
    found = [row["task"] for row in sorted(rows, key=lambda row: row["number"]) if row["number"]]
    tasks = [_TASK.validate_json(task) for task in found if task is not None]
    return tasks, len(tasks) < len(found)


async def read(database: Database, workspace: str, session: str, task_id: str) -> Task | None:
    """Read one task; None when the session has none of that id."""
    rows = await database.fetch(READ, workspace, session, task_id)
    return _TASK.validate_json(rows[0]["task"]) if rows else None


async def messages(database: Database, workspace: str, session: str, after: int, limit: int) -> list[Message]:
    """Read at most `limit` messages of a session whose number is greater than `after`, in order."""
    rows = await database.fetch(MESSAGES, workspace, session, after, limit)
    return _MESSAGES.validate_python([dict(row) for row in rows])
