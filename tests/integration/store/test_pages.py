"""A page of a list is read along an index from its cursor on: what is before it, and other sessions, cost nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import orjson
import pytest

from coordination.store import agent, file_lock, plan, task
from coordination.store.database import Database

_FILL = """
    INSERT INTO claude_code_agents (session_id, id, name)
    SELECT s, 'alice/' || n, n FROM unnest(ARRAY['demo', 'other']) s, generate_series(1, 2000) n;
    INSERT INTO file_locks (session_id, agent_id, file_path, operation, expires_at)
    SELECT 'demo', 'alice/' || n, n || '.py', 'write', now() + interval '1 hour' FROM generate_series(1, 2000) n;
    INSERT INTO tasks (session_id, id, status)
    SELECT s, n, 'pending' FROM unnest(ARRAY['demo', 'other']) s, generate_series(1, 2000) n;
    INSERT INTO plans (session_id, revision, analysis_id, agent_count, agent_id, created_at)
    SELECT s, n, 'a', 2, 'alice/planner', now() FROM unnest(ARRAY['demo', 'other']) s, generate_series(1, 2000) n;
    INSERT INTO coordination_events (session_id, seq, agent_id, kind, payload, concerns, created_at)
    SELECT s, n, 'bob', CASE WHEN n % 100 = 0 THEN 'message.sent' ELSE 'lock.claimed' END,
           '{"text": "hello", "to": []}', '{}', now()
    FROM unnest(ARRAY['demo', 'other']) s, generate_series(1, 4000) n;
    ANALYZE;
"""
PAGES: list[tuple[str, tuple[object, ...]]] = [
    (agent.PAGE, ("alice/1500", 50)),
    (task.PAGE, ("1500", None, None, 50, task.PAGE_BYTES)),
    (plan.PAGE, (1500, 50)),
    (task.MESSAGES, (2000, 10)),
    (file_lock.PAGE, ("1500.py", 50)),
]


@pytest.fixture
async def filled(dsn: str) -> AsyncGenerator[Database]:
    """A database of some size and of this test alone; the statistics are those of its rows."""
    database = Database(dsn)
    async with database.connection() as connection:
        await connection.execute(_FILL)
    yield database
    await database.close()


async def test_every_page_is_read_along_an_index_and_nothing_is_sorted(filled: Database) -> None:
    for statement, arguments in PAGES:
        for mode in ("force_custom_plan", "force_generic_plan"):
            steps = await _steps(filled, statement, arguments, mode)
            kinds = {step["Node Type"] for step in steps}
            assert kinds.isdisjoint({"Seq Scan", "Sort", "Bitmap Heap Scan"}), (statement, mode, kinds)


async def test_a_page_reads_no_row_before_its_cursor(filled: Database) -> None:
    for statement, arguments in PAGES[:-1]:
        steps = await _steps(filled, statement, arguments, "force_generic_plan", "ANALYZE")
        dropped = sum(step.get("Rows Removed by Filter", 0) for step in steps)
        # The one row at the cursor.
        assert dropped <= 1, (statement, steps)


async def _steps(
    database: Database, statement: str, arguments: tuple[object, ...], mode: str, how: str = "COSTS"
) -> list[dict[str, Any]]:
    """How Postgres answers a page of session `demo`, step by step."""
    async with database.connection() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL plan_cache_mode = {mode}")
        found = await connection.fetchval(
            f"EXPLAIN ({how}, FORMAT JSON) {statement}",
            "local",
            "demo",
            *arguments,
        )
    return list(_flat(orjson.loads(found)[0]["Plan"]))


def _flat(step: dict[str, Any]) -> list[dict[str, Any]]:
    return [step, *(below for part in step.get("Plans", []) for below in _flat(part))]
