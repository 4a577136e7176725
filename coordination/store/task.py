"""Statements on tasks, their progress, and the messages and news that travel with a sync."""

from typing import Final

import orjson
from pydantic import TypeAdapter

from coordination.domain.agent import Agent
from coordination.domain.task import Report, Synced
from coordination.store.agent import caller
from coordination.store.database import Database

SYNC: Final = """
    SELECT coordination_sync_progress($1, $2, $3, $4, $5::jsonb, $6, $7, $8::int, $9, $10::text[], $11::text[],
                                      $12::text[])
"""
CONFIRM_NEWS: Final = "SELECT to_jsonb(coordination_confirm_news($1, $2, $3, $4::bigint))"
SEND: Final = "SELECT to_jsonb(coordination_post_message($1, $2, $3, $4, $5::text[]))"

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


async def confirm_news(database: Database, agent: Agent, seq: int) -> None:
    """Remember that the agent was delivered all news up to event `seq`."""
    await database.fetch_json(CONFIRM_NEWS, agent.workspace, agent.session, agent.id, seq)


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
