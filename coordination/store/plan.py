"""Statements on plans: keep and read analyses, hand a plan out, read its tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from pydantic import TypeAdapter

from coordination.domain.agent import Agent
from coordination.domain.plan.analysis import Analysis
from coordination.domain.plan.begun import Begun
from coordination.domain.plan.handed_out import HandedOut, Plan, PlanSummary
from coordination.store.agent import caller
from coordination.store.database import Database

KEEP: Final = "SELECT coordination_keep_analysis($1, $2, $3, $4, $5::jsonb, $6, $7::jsonb)"
READ: Final = """
    SELECT a.analysis, a.agent_id FROM plan_analyses a WHERE a.workspace_id = $1 AND a.session_id = $2 AND a.id = $3
"""
DISTRIBUTE: Final = """
    SELECT coordination_distribute_plan($1, $2, $3, $4, $5::jsonb, $6, $7::int, $8::jsonb)
"""
# What is left of a task is what its holder last said, of its estimate; a completed one counts if it is planned again.
BEGUN: Final = """
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'agent', t.agent_id, 'files', t.files,
               'is_blocked', t.status = 'blocked',
               'left', CASE WHEN t.status = 'completed' THEN 0
                            ELSE t.work * (100 - least(coalesce(p.progress_percentage, 0), 90)) / 100 END)
               ORDER BY t.id), '[]')
    FROM tasks t
    LEFT JOIN task_progress p ON p.workspace_id = t.workspace_id AND p.session_id = t.session_id
        AND p.agent_id = t.agent_id AND p.task_id = t.id
    WHERE t.workspace_id = $1 AND t.session_id = $2 AND t.agent_id IS NOT NULL
      AND (t.status IN ('started', 'in_progress', 'blocked') OR t.status = 'completed' AND t.id = ANY ($3::text[]))
"""
LATEST: Final = """
    SELECT to_jsonb(p) || jsonb_build_object('tasks', coordination_planned_tasks($1, $2, p.revision))
    FROM (SELECT p.revision, p.analysis_id, p.agent_count, p.agent_id, p.created_at FROM plans p
          WHERE p.workspace_id = $1 AND p.session_id = $2 ORDER BY p.revision DESC LIMIT 1) p
"""
# Of an earlier plan the tasks as they were handed out, with what became of them. Another one of the same name, with
# other words, is another task.
REVISION: Final = """
    SELECT to_jsonb(p) || jsonb_build_object('tasks', CASE
        WHEN NOT EXISTS (SELECT FROM plans l WHERE l.workspace_id = $1 AND l.session_id = $2 AND l.revision > $3)
        THEN coordination_planned_tasks($1, $2, $3)
        ELSE (SELECT coalesce(jsonb_agg(h.task || jsonb_build_object(
                         'status', coalesce(t.status, 'replaced'), 'agent_id', t.agent_id) ORDER BY h.place), '[]')
              FROM plans o
              CROSS JOIN LATERAL jsonb_array_elements(o.handed_out) WITH ORDINALITY AS h(task, place)
              LEFT JOIN tasks t ON t.workspace_id = $1 AND t.session_id = $2 AND t.id = h.task ->> 'task_id'
                  AND t.description IS NOT DISTINCT FROM h.task ->> 'description'
              WHERE o.workspace_id = $1 AND o.session_id = $2 AND o.revision = $3) END)
    FROM (SELECT p.revision, p.analysis_id, p.agent_count, p.agent_id, p.created_at FROM plans p
          WHERE p.workspace_id = $1 AND p.session_id = $2 AND p.revision = $3) p
"""
PAGE: Final = """
    SELECT p.revision, p.analysis_id, p.agent_count, p.agent_id, p.created_at FROM plans p
    WHERE p.workspace_id = $1 AND p.session_id = $2 AND p.revision > $3
    ORDER BY p.revision LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Distributed:
    """What handing out left: the plan's revision, its tasks as they are now, and which of them had started before.

    And what whoever planned should know.
    """

    revision: int
    tasks: tuple[HandedOut, ...]
    kept: tuple[str, ...]
    warnings: tuple[str, ...] = ()


_BEGUN: Final = TypeAdapter(list[Begun])
_ANALYSIS: Final = TypeAdapter(Analysis)
_DISTRIBUTED: Final = TypeAdapter(Distributed)
_PLAN: Final = TypeAdapter(Plan)
_PLANS: Final = TypeAdapter(list[PlanSummary])


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


async def begun(database: Database, workspace: str, session: str, planned: Sequence[str]) -> list[Begun]:
    """Read the tasks of a session that somebody has, and those of the `planned` ones that are completed, by id.

    Raises:
        RetryLater: the database cannot answer now.
    """
    return _BEGUN.validate_json(await database.fetch_json(BEGUN, workspace, session, list(planned)))


async def latest(database: Database, workspace: str, session: str) -> Plan | None:
    """Read the latest plan of a session with its tasks as they are now; None when none was handed out."""
    answer = await database.fetch_json(LATEST, workspace, session)
    return None if answer == b"null" else _PLAN.validate_json(answer)


async def revision(database: Database, workspace: str, session: str, number: int) -> Plan | None:
    """Read a plan of a session by its revision; None when there is none.

    Of the latest plan the tasks are as they are now; of an earlier one as they were handed out, with the status that
    they have now, `replaced` when a later plan has taken their place.
    """
    answer = await database.fetch_json(REVISION, workspace, session, number)
    return None if answer == b"null" else _PLAN.validate_json(answer)


async def page(database: Database, workspace: str, session: str, after: int, limit: int) -> list[PlanSummary]:
    """Read at most `limit` plans of a session whose revision is greater than `after`, in order."""
    rows = await database.fetch(PAGE, workspace, session, after, limit)
    return _PLANS.validate_python([dict(row) for row in rows])
