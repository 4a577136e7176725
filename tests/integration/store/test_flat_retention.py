"""What a step of removing the past reads does not grow with what is kept, whatever the planner believes of it."""

import pytest

from coordination.domain.retention import Retention
from coordination.store import retention
from coordination.store.database import Database
from tests.integration.store.steps import agent, granted, worker

KEPT = Retention(events_days=30, closed_days=60)
EVENTS = 20_000
FILL = """
    INSERT INTO coordination_events (session_id, seq, kind, payload, concerns, created_at)
    SELECT 'demo', n, 'lock.claimed', '{}', '{}', now() - interval '40 days'
    FROM generate_series($1::int, $2::int) n
"""
READ = """
    SELECT (seq_tup_read + idx_tup_fetch)::int AS rows
    FROM pg_stat_xact_user_tables WHERE relname = 'coordination_events'
"""


@pytest.mark.parametrize("known", [None, "few", "all"])
async def test_a_step_and_a_look_read_the_rows_they_are_about(
    own_database: Database, known: str | None
) -> None:
    await granted(own_database, agent("impl_a"), "a.py")
    await own_database.fetch(
        "UPDATE coordination_events SET created_at = now() - interval '40 days' RETURNING 1"
    )
    await own_database.fetch(FILL, 4, 300)
    if known == "few":
        await own_database.fetch("ANALYZE coordination_events")
    await own_database.fetch(FILL, 301, EVENTS)
    if known == "all":
        await own_database.fetch("ANALYZE coordination_events")
    async with worker(own_database.dsn, statement_timeout="0") as one:
        await one.raw.execute("BEGIN")
        assert (await retention.due(one, ("", ""), KEPT))[0] == [("local", "demo")]
        step = await retention.sweep(one, "local", "demo", KEPT, 0)
        rows = await one.fetch(READ)
        await one.raw.execute("ROLLBACK")
    assert step is not None
    assert step.events == retention.STEP_EVENTS
    assert rows[0]["rows"] < 10 * retention.STEP_EVENTS
