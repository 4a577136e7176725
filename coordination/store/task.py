"""Statements on tasks, their progress, and the messages and news that travel with a sync."""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from coordination.domain.agent import Agent
from coordination.store.agent import caller
from coordination.store.database import Database

SYNC: Final = """
    SELECT coordination_sync_progress($1, $2, $3, $4, $5::jsonb, $6, $7, $8::int, $9, $10::text[], $11::text[],
                                      $12::text[])
"""
CONFIRM_NEWS: Final = "SELECT coordination_confirm_news($1, $2, $3, $4::bigint)"
SEND: Final = "SELECT to_jsonb(coordination_post_message($1, $2, $3, $4, $5::text[]))"


@dataclass(frozen=True, slots=True)
class Report:
    """What an agent reports in one sync; a field that is None keeps its value.

    `paths` and `path_keys` run in parallel; `to` holds agents' ids or names.
    """

    task_id: str | None = None
    status: str | None = None
    progress_percentage: int | None = None
    message: str | None = None
    paths: list[str] | None = None
    path_keys: list[str] | None = None
    to: list[str] | None = None


async def sync(database: Database, agent: Agent, report: Report) -> dict[str, Any]:
    """Write the report and read the news, in one round trip. Raises CheckoutTaken, TaskTaken,
    UnknownItem (a recipient) or InvalidInput (the task is closed)."""
    answer = await database.fetch_json(
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
    return orjson.loads(answer)


async def confirm_news(database: Database, agent: Agent, seq: int) -> None:
    """Remember that the agent was delivered all news up to event `seq`."""
    await database.fetch_json(CONFIRM_NEWS, agent.workspace, agent.session, agent.id, seq)


async def send(
    database: Database, workspace: str, session: str, sender: str, text: str, to: list[str] | None
) -> list[str]:
    """Send a message from a person; `to` None means every agent of the session. Returns the recipients' ids."""
    return orjson.loads(await database.fetch_json(SEND, workspace, session, sender, text, to))
