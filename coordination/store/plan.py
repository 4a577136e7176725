"""Statements on plans: keep and read analyses, hand a plan out, read its tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from pydantic import TypeAdapter

from coordination.domain.agent import Agent
from coordination.domain.plan.analysis import Analysis
from coordination.domain.plan.handed_out import HandedOut, Plan
from coordination.store.agent import caller
from coordination.store.database import Database

KEEP: Final = "SELECT coordination_keep_analysis($1, $2, $3, $4, $5::jsonb, $6, $7::jsonb)"
READ: Final = """
    SELECT a.analysis, a.agent_id FROM plan_analyses a WHERE a.workspace_id = $1 AND a.session_id = $2 AND a.id = $3
"""
DISTRIBUTE: Final = """
    SELECT coordination_distribute_plan($1, $2, $3, $4, $5::jsonb, $6, $7::int, $8::jsonb)
"""
LATEST: Final = """
    SELECT to_jsonb(p) || jsonb_build_object('tasks', coordination_planned_tasks($1, $2))
    FROM (SELECT p.revision, p.analysis_id, p.agent_count, p.agent_id, p.created_at FROM plans p
          WHERE p.workspace_id = $1 AND p.session_id = $2 ORDER BY p.revision DESC LIMIT 1) p
"""


@dataclass(frozen=True, slots=True)
class Distributed:
    """What handing out left: the plan's revision, its tasks as they are now, and which of them had started before."""

    revision: int
    tasks: tuple[HandedOut, ...]
    kept: tuple[str, ...]


_ANALYSIS: Final = TypeAdapter(Analysis)
_DISTRIBUTED: Final = TypeAdapter(Distributed)
_PLAN: Final = TypeAdapter(Plan)


async def keep(database: Database, agent: Agent, analysis_id: str, analysis: Analysis) -> None:
    """Keep an analysis in the caller's session, which has at most twenty.

    Raises:
        CheckoutTaken: the caller's checkout belongs to another session.
        RetryLater: the database cannot answer now.
    """
    await database.fetch_json(KEEP, *caller(agent), analysis_id, _ANALYSIS.dump_json(analysis).decode())


async def read(
    database: Database, workspace: str, session: str, analysis_id: str
) -> tuple[Analysis, str] | None:
    """Read an analysis and who asked for it last; None when the session has none of that id (any more)."""
    rows = await database.fetch(READ, workspace, session, analysis_id)
    return (_ANALYSIS.validate_json(rows[0]["analysis"]), rows[0]["agent_id"]) if rows else None


async def distribute(
    database: Database, agent: Agent, analysis_id: str, agents: int, tasks: Sequence[HandedOut]
) -> Distributed:
    """Make the tasks rows of the session, in this order; what had started of an earlier plan is kept.

    Raises:
        CheckoutTaken: the caller's checkout belongs to another session.
        RetryLater: the database cannot answer now.
    """
    rows = [
        {
            "id": task.task_id,
            "description": task.description,
            "assigned_to": task.assigned_to,
            "depends_on": task.depends_on,
            "files": task.files,
            "work": task.work,
            "place": place,
        }
        for place, task in enumerate(tasks)
    ]
    answer = await database.fetch_json(
        DISTRIBUTE, *caller(agent), analysis_id, agents, orjson.dumps(rows).decode()
    )
    return _DISTRIBUTED.validate_json(answer)


async def latest(database: Database, workspace: str, session: str) -> Plan | None:
    """Read the latest plan of a session with its tasks as they are now; None when none was handed out."""
    answer = await database.fetch_json(LATEST, workspace, session)
    return None if answer == b"null" else _PLAN.validate_json(answer)
