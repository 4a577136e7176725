"""What the deployment guide tells existing users to run works word for word on the product's schema."""

import asyncpg
import pytest

from coordination.store.migration import current, head, migrate, verify
from tests.migration.catalog import catalog
from tests.migration.guide_database import INDEXES, TABLES, fetch, guide_sql, run, statements


async def test_the_verification_finds_all_four_tables(migrated_dsn: str) -> None:
    tables, _ = statements("verification")
    assert {row["table_name"] for row in await fetch(migrated_dsn, tables)} == set(TABLES)


async def test_the_verification_finds_the_five_indexes(migrated_dsn: str) -> None:
    _, indexes = statements("verification")
    found = await fetch(migrated_dsn, indexes)
    assert {row["indexname"] for row in found} >= INDEXES
    assert {row["schemaname"] for row in found} == {"public"}


async def test_the_test_session_can_be_inserted(dsn: str) -> None:
    await run(dsn, guide_sql("insert"))
    (row,) = await fetch(dsn, "SELECT id, name, user_id, status, workspace_id FROM claude_code_sessions")
    assert tuple(row) == ("test_session", "Test Session", "test_user", "active", "local")


async def test_creating_everything_again_changes_nothing(dsn: str) -> None:
    before = await catalog(dsn)
    await run(dsn, guide_sql("create"))
    assert await catalog(dsn) == before
    assert await verify(dsn) == ()


async def test_the_rollback_drops_the_four_tables(dsn: str) -> None:
    for statement in statements("rollback"):
        await run(dsn, statement)
    tables, _ = statements("verification")
    assert await fetch(dsn, tables) == []


async def test_after_the_rollback_the_schema_can_be_made_anew(dsn: str) -> None:
    fresh = await catalog(dsn)
    await run(dsn, guide_sql("rollback"))
    assert "missing: table file_locks" in await verify(dsn)
    assert await migrate(dsn, "base") == (head(), None)
    assert [line for line in await catalog(dsn) if not line.startswith(("schema", "extension"))] == []
    await migrate(dsn)
    assert await catalog(dsn) == fresh


async def test_rows_of_the_guides_columns_can_be_inserted_in_every_table(dsn: str) -> None:
    await run(
        dsn,
        """
        INSERT INTO claude_code_agents (id, session_id, name) VALUES ('a', 'demo', 'planner');
        INSERT INTO file_locks (session_id, agent_id, file_path, operation, expires_at)
        VALUES ('demo', 'a', 'Docs/**', 'write', now() + interval '1 hour');
        INSERT INTO task_progress (session_id, agent_id, task_id, status, progress_percentage, affected_files)
        VALUES ('demo', 'a', 't', 'started', 10, '["a.py"]');
        """,
    )
    (lock,) = await fetch(dsn, "SELECT path_key, fencing_token, granted_at FROM file_locks")
    assert lock["path_key"] == "docs"
    assert lock["fencing_token"] > 0
    assert lock["granted_at"] is not None


async def test_a_plain_insert_cannot_take_a_path_that_is_locked(dsn: str) -> None:
    lock = (
        "INSERT INTO file_locks (session_id, agent_id, file_path, operation, expires_at)"
        " VALUES ('demo', 'x', '{}', 'write', now() + interval '1 hour')"
    )
    await run(dsn, lock.format("a.py"))
    with pytest.raises(asyncpg.UniqueViolationError):
        await run(dsn, lock.format("./A.py"))


ROWS_OF_A_SESSION = """
INSERT INTO claude_code_sessions (workspace_id, id, name, user_id) VALUES ('{0}', '{1}', 's', 'u');
INSERT INTO claude_code_agents (workspace_id, session_id, id, name) VALUES ('{0}', '{1}', 'a', 'a');
INSERT INTO file_locks (workspace_id, session_id, agent_id, file_path, operation, expires_at)
VALUES ('{0}', '{1}', 'a', 'f', 'write', now());
INSERT INTO task_progress (workspace_id, session_id, agent_id, task_id, status)
VALUES ('{0}', '{1}', 'a', 't', 'started');
INSERT INTO tasks (workspace_id, session_id, id) VALUES ('{0}', '{1}', 't');
INSERT INTO coordination_events (workspace_id, session_id, seq, kind, payload, concerns, created_at)
VALUES ('{0}', '{1}', 1, 'x', '{{}}', '{{}}', now());
INSERT INTO file_lock_waiters (workspace_id, session_id, agent_id, checkout, operation, paths, path_keys, probe,
                               range_low, range_high, queued_at, refreshed_at)
VALUES ('{0}', '{1}', 'a', '', 'read', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', now(), now());
INSERT INTO plan_analyses (workspace_id, session_id, id, agent_id, analysis, created_at)
VALUES ('{0}', '{1}', 'i', 'a', '{{}}', now());
INSERT INTO plans (workspace_id, session_id, revision, analysis_id, agent_count, agent_id, created_at)
VALUES ('{0}', '{1}', 1, 'i', 2, 'a', now());
INSERT INTO file_indexes (workspace_id, session_id, checkout) VALUES ('{0}', '{1}', '');
INSERT INTO indexed_files (workspace_id, session_id, checkout, refresh, path, digest, symbols, imports, partners,
                           weights)
VALUES ('{0}', '{1}', '', 1, 'a.py', 'd', '{{}}', '{{}}', '{{}}', '{{}}');
"""


async def test_deleting_a_session_deletes_all_of_its_rows_and_no_others(dsn: str) -> None:
    kept = [("local", "kept"), ("team", "gone")]
    await run(dsn, *(ROWS_OF_A_SESSION.format(*session) for session in [*kept, ("local", "gone")]))
    await run(dsn, "DELETE FROM claude_code_sessions WHERE id = 'gone' AND workspace_id = 'local'")
    # A token names a session that it is good for, whether it is there or not.
    tables = await fetch(
        dsn,
        "SELECT table_name FROM information_schema.columns"
        " WHERE column_name = 'session_id' AND table_name <> 'agent_tokens'",
    )
    assert len(tables) == 10
    for table in (row["table_name"] for row in tables):
        query = f"SELECT workspace_id, session_id FROM {table} ORDER BY 1, 2"  # noqa: S608 - named by the catalog
        assert [tuple(row) for row in await fetch(dsn, query)] == kept, table


async def test_the_revision_is_the_newest(migrated_dsn: str) -> None:
    assert await current(migrated_dsn) == head()
