"""A database that the deployment guide's SQL made is adopted: rows stay, locks count, the schema is the same."""

from datetime import UTC, datetime
from typing import Any

from coordination.domain.agent import Agent
from coordination.domain.file_lock import Claim, Granted, Held, Operation, Wait
from coordination.domain.path import normalise, normalise_all
from coordination.store import agent as agents
from coordination.store import file_lock
from coordination.store import session as sessions
from coordination.store.database import Database
from coordination.store.migration import migrate, verify
from tests.migration.catalog import catalog
from tests.migration.guide_database import TABLES, fetch, guide_rows, guide_sql, run

ME = Agent("local", "demo", "carol", "impl_c", "implementer", "claude", checkout="0123456789ab")
LAST_DAY = datetime(9999, 1, 1, tzinfo=UTC)


async def claim(database: Database, path: str, operation: Operation = Operation.WRITE) -> Granted | Held:
    return await file_lock.claim(database, ME, Claim(normalise_all([path]), operation, 900), Wait.NO)


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {str(row["id"]): row for row in rows}


async def test_every_row_stays_with_its_values(guide_dsn: str) -> None:
    before = await guide_rows(guide_dsn)
    await migrate(guide_dsn)
    after = await guide_rows(guide_dsn)
    filled = {("vague", "status"), ("vague", "created_at"), ("demo-impl_a", "last_activity"), ("vague-agent", "status"),
              ("vague-agent", "last_activity"), ("eternal", "last_activity"),
              ("00000000-0000-0000-0000-000000000005", "expires_at")}  # fmt: skip
    changed = {
        (key, column)
        for table in TABLES
        for key, row in by_id(before[table]).items()
        for column, value in row.items()
        if by_id(after[table])[key][column] != value
    }
    assert changed == filled
    assert {table: len(rows) for table, rows in after.items()} == {
        table: len(rows) for table, rows in before.items()
    }


async def test_what_was_null_or_never_ends_gets_a_value_that_the_product_can_read(guide_dsn: str) -> None:
    await migrate(guide_dsn)
    after = await guide_rows(guide_dsn)
    vague, agent = (
        by_id(after["claude_code_sessions"])["vague"],
        by_id(after["claude_code_agents"])["vague-agent"],
    )
    assert (vague["status"], agent["status"]) == ("active", "connected")
    assert by_id(after["file_locks"])["00000000-0000-0000-0000-000000000005"]["expires_at"] == LAST_DAY
    database = Database(guide_dsn)
    try:
        assert {found.id for found in await sessions.page(database, "local", None, 10)} == {
            "demo",
            "empty",
            "vague",
        }
        status = await agents.status(
            database, "local", "vague", agent=None, include_inactive=True, after=None, limit=9
        )
        assert status is not None
        assert {found["agent_id"] for found in status["agents"]} == {"vague-agent", "eternal"}
    finally:
        await database.close()


async def test_agents_belong_to_the_user_of_their_session(guide_dsn: str) -> None:
    await migrate(guide_dsn)
    rows = await fetch(
        guide_dsn, "SELECT id, user_id FROM claude_code_agents WHERE session_id = 'demo' ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [("demo-impl_a", "alice"), ("demo-planner", "alice")]


async def test_live_locks_conflict_with_new_claims(guide_dsn: str) -> None:
    await migrate(guide_dsn)
    both = {"demo-planner", "demo-impl_a"}  # two spellings of one file
    gone = {"left the session"}
    holders = {"src/app.py": both, "src": both, "docs/guide/a.md": gone, "./DOCS": gone}
    database = Database(guide_dsn)
    try:
        for path, held_by in holders.items():
            outcome = await claim(database, path)
            assert isinstance(outcome, Held)
            assert {conflict.agent_id for conflict in outcome.conflicts} == held_by, path
        assert isinstance(await claim(database, "src/app.py", Operation.READ), Held)
    finally:
        await database.close()


async def test_expired_and_foreign_locks_conflict_with_nothing(guide_dsn: str) -> None:
    await migrate(guide_dsn)
    database = Database(guide_dsn)
    try:
        granted = await claim(database, "gone.py")
        assert isinstance(granted, Granted)
        tokens = await fetch(guide_dsn, "SELECT fencing_token FROM file_locks ORDER BY fencing_token DESC")
        assert granted.leases[0].fencing_token == tokens[0]["fencing_token"]
        assert len({row["fencing_token"] for row in tokens}) == len(tokens) == 5
        events = await fetch(guide_dsn, "SELECT kind FROM coordination_events ORDER BY seq")
        assert [row["kind"] for row in events] == ["agent.joined", "lock.expired", "lock.claimed"]
    finally:
        await database.close()


async def test_the_schema_is_that_of_a_fresh_database(guide_dsn: str, migrated_dsn: str) -> None:
    await migrate(guide_dsn)
    assert await catalog(guide_dsn) == await catalog(migrated_dsn)
    assert await verify(guide_dsn) == ()


async def test_creating_the_guides_tables_again_harms_nothing(guide_dsn: str) -> None:
    await migrate(guide_dsn)
    schema, rows = await catalog(guide_dsn), await guide_rows(guide_dsn)
    await run(guide_dsn, guide_sql("create"))
    assert (await catalog(guide_dsn), await guide_rows(guide_dsn)) == (schema, rows)


async def test_some_of_the_four_tables_are_adopted_too(empty_dsn: str, migrated_dsn: str) -> None:
    await run(empty_dsn, guide_sql("create"), "DROP TABLE file_locks, task_progress")
    await migrate(empty_dsn)
    assert await catalog(empty_dsn) == await catalog(migrated_dsn)


async def test_what_others_added_to_the_tables_stays(guide_dsn: str) -> None:
    await run(
        guide_dsn,
        """
        CREATE TABLE teams (id int PRIMARY KEY);
        ALTER TABLE claude_code_sessions ADD COLUMN team int REFERENCES teams (id);
        ALTER TABLE claude_code_agents ADD CONSTRAINT one_url UNIQUE (connection_url);
        ALTER TABLE file_locks ADD COLUMN note text DEFAULT 'x', FORCE ROW LEVEL SECURITY;
        CREATE POLICY own ON file_locks USING (agent_id = current_user);
        """,
    )
    await migrate(guide_dsn)
    lines = "\n".join(await catalog(guide_dsn))
    assert "claude_code_sessions_team_fkey" in lines
    assert "one_url" in lines
    assert "policy own" in lines
    assert await verify(guide_dsn) == ()
    database = Database(guide_dsn)
    try:
        assert isinstance(await claim(database, "src/app.py"), Held)
        assert isinstance(await claim(database, "other.py"), Granted)
    finally:
        await database.close()
    await migrate(guide_dsn, "base")
    lines = "\n".join(await catalog(guide_dsn))
    assert "claude_code_sessions_team_fkey" in lines
    assert "policy own" in lines
    assert "relation r file_locks rls=t" in lines


PATHS = (
    "a.py", "./a.py", "a//b", "a/./b/", "src/**", "src/**/**", "src/**/", "a/../b", "a/b/../../c", ".", "./", "**",
    "A/Bé.PY", "e\u0301.txt", "Straße.txt", "ΣΊΣΥΦΟΣ", "İstanbul", "app/[id]/page.tsx", "#x.py", "!x.py", "...", ".env",
    "..x/y", "a\\b", "a b", "resource:port/5432", "resource:/Port//5432/", "..a", "a/**/b", "\u017f.py", "\u00b5.c",
)  # fmt: skip


async def test_keys_are_those_that_claims_compute(migrated_dsn: str) -> None:
    rows = await fetch(
        migrated_dsn, "SELECT p, coordination_path_key(p) AS key FROM unnest($1::text[]) p", PATHS
    )
    assert {row["p"]: row["key"] for row in rows} == {
        path: normalise(path, literal=True).key for path in PATHS
    }


async def test_paths_that_no_claim_may_name_keep_a_key_of_their_own(migrated_dsn: str) -> None:
    paths = ["/home/u/repo/a.py", "../a.py", "../../a", "x" * 3000, ""]
    rows = await fetch(
        migrated_dsn, "SELECT coordination_path_key(p) AS key FROM unnest($1::text[]) p", paths
    )
    assert [row["key"] for row in rows] == ["/home/u/repo/a.py", "../a.py", "../../a", "x" * 256, ""]
