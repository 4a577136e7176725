"""The way back leaves the deployment guide's schema, with the rows that it can hold, and nothing of ours."""

from coordination.store.migration import current, head, migrate
from tests.migration.catalog import catalog
from tests.migration.guide_database import fetch, guide_rows, guide_sql, run


async def test_an_adopted_database_becomes_what_it_was(guide_dsn: str) -> None:
    schema = await catalog(guide_dsn)
    await migrate(guide_dsn)
    rows = await guide_rows(guide_dsn)
    assert await migrate(guide_dsn, "base") == (head(), None)
    assert await catalog(guide_dsn) == schema
    assert await guide_rows(guide_dsn) == rows
    assert await current(guide_dsn) is None


async def test_a_fresh_database_becomes_what_the_guide_makes(dsn: str, empty_dsn: str) -> None:
    await run(empty_dsn, guide_sql("create"))
    await migrate(dsn, "base")
    assert await catalog(dsn) == await catalog(empty_dsn)


async def test_up_down_and_up_again_keeps_rows_and_ends_in_the_same_schema(guide_dsn: str) -> None:
    await migrate(guide_dsn)
    schema, rows = await catalog(guide_dsn), await guide_rows(guide_dsn)
    await migrate(guide_dsn, "base")
    await migrate(guide_dsn)
    assert await catalog(guide_dsn) == schema
    assert await guide_rows(guide_dsn) == rows


async def test_what_only_the_product_can_hold_is_reduced_to_what_the_guide_can(guide_dsn: str) -> None:
    await migrate(guide_dsn)
    await run(
        guide_dsn,
        """
        INSERT INTO claude_code_sessions (id, name, user_id, workspace_id) VALUES ('theirs', 'x', 'x', 'team');
        INSERT INTO claude_code_sessions (id, name, user_id) VALUES ('a', 'x', 'x'), ('b', 'x', 'x');
        INSERT INTO claude_code_agents (id, session_id, name) VALUES
            ('u/planner', 'a', 'planner'), ('u/planner', 'b', 'planner'), ('u/alone', 'a', 'alone'),
            ('u/lost', '?', 'lost');
        INSERT INTO file_locks (session_id, agent_id, file_path, operation, expires_at, slot) VALUES
            ('a', 'u/planner', 'r.py', 'read', '2027-01-01Z', 'u/planner'),
            ('a', 'u/alone', 'r.py', 'read', '2027-01-02Z', 'u/alone'),
            ('b', 'u/planner', 'r.py', 'read', '2027-01-01Z', 'u/planner');
        """,
    )
    await migrate(guide_dsn, "base")
    agents = await fetch(
        guide_dsn, "SELECT id FROM claude_code_agents WHERE session_id IN ('a', 'b', '?') ORDER BY id"
    )
    assert [row["id"] for row in agents] == ["a:u/planner", "b:u/planner", "u/alone"]
    locks = await fetch(
        guide_dsn,
        "SELECT session_id, agent_id FROM file_locks WHERE file_path = 'r.py' ORDER BY session_id",
    )
    assert [tuple(row) for row in locks] == [("a", "u/alone"), ("b", "u/planner")]
    assert await fetch(guide_dsn, "SELECT FROM claude_code_sessions WHERE id = 'theirs'") == []


async def test_going_back_where_nothing_was_applied_changes_nothing(guide_dsn: str) -> None:
    schema = await catalog(guide_dsn)
    assert await migrate(guide_dsn, "base") == (None, None)
    assert await catalog(guide_dsn) == schema
