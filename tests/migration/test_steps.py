"""Each revision can be reached from the one before and left again, with what the one before knows unharmed."""

import pytest

from coordination.store.migration import current, migrate
from coordination.store.schema_version import known
from tests.migration.catalog import catalog
from tests.migration.guide_database import fetch, guide_rows, guide_sql, run

STEPS = list(zip(known(), known()[1:], strict=False))


@pytest.mark.parametrize(("before", "after"), STEPS)
async def test_a_step_down_leaves_what_the_revision_before_made(
    supabase_dsn: str, before: str, after: str
) -> None:
    # Some of it is there only where Supabase's roles are.
    guide_dsn = supabase_dsn
    await run(guide_dsn, guide_sql("create"), guide_sql("adopted_rows"))
    await migrate(guide_dsn, before)
    schema, rows = await catalog(guide_dsn), await guide_rows(guide_dsn)
    assert await migrate(guide_dsn, after) == (before, after)
    assert await catalog(guide_dsn) != schema
    assert await guide_rows(guide_dsn) == rows
    assert await migrate(guide_dsn, before) == (after, before)
    assert (await catalog(guide_dsn), await guide_rows(guide_dsn)) == (schema, rows)
    assert await current(guide_dsn) == before


@pytest.mark.parametrize(("before", "after"), STEPS)
async def test_a_session_can_be_deleted_at_every_revision(empty_dsn: str, before: str, after: str) -> None:
    for revision in (before, after, before):
        await migrate(empty_dsn, revision)
        await run(
            empty_dsn,
            """
            INSERT INTO claude_code_sessions (id, name, user_id) VALUES ('demo', 'Demo', 'alice');
            INSERT INTO tasks (session_id, id) VALUES ('demo', 't');
            DELETE FROM claude_code_sessions;
            """,
        )
        assert await fetch(empty_dsn, "SELECT FROM tasks") == []
