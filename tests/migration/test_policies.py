"""Who reads what through Supabase's API: anon nothing, a person the rows of his own workspaces, nobody writes."""

import asyncpg

from coordination.store.migration import migrate, verify
from tests.migration.guide_database import fetch, guide_sql, run
from tests.migration.tenants import (
    COLUMN,
    HIDDEN,
    PEOPLE,
    expected,
    fill,
    logged_in,
    refused,
    workspaces_seen,
    writes,
)

EVERY_TABLE = (*COLUMN, "coordination_schema_version")


async def test_a_person_reads_the_own_workspaces_and_no_other(tenants_dsn: str) -> None:
    for person in PEOPLE:
        async with logged_in(tenants_dsn, person) as connection:
            seen = {table: await workspaces_seen(connection, table) for table in COLUMN}
        assert seen == {table: expected(person, table) for table in COLUMN}, person


async def test_whoever_is_not_logged_in_reads_nothing(tenants_dsn: str) -> None:
    async with logged_in(tenants_dsn, None) as connection:
        columns = COLUMN | {"coordination_schema_version": "version_num"}
        # Names are constants.
        open_to_all = [
            table
            for table, column in columns.items()
            if not await refused(connection, f"SELECT {column} FROM {table}")  # noqa: S608 - see above
        ]
    assert open_to_all == []


async def test_a_member_has_the_own_token_and_an_owner_everybodys(tenants_dsn: str) -> None:
    seen: dict[str, list[str]] = {}
    for person in PEOPLE:
        async with logged_in(tenants_dsn, person) as connection:
            rows = await connection.fetch("SELECT id FROM agent_tokens ORDER BY id")
            seen[person] = [row["id"] for row in rows]
    # The stranger's name in the other workspace is that of a member here.
    assert seen == {
        "owner": ["of-max", "of-olga", "of-vera"],
        "member": ["of-max"],
        "viewer": ["of-vera"],
        "stranger": ["of-max"],
        "newcomer": [],
    }


async def test_nobody_writes_in_any_table(tenants_dsn: str) -> None:
    for person in (None, "owner", "member"):
        async with logged_in(tenants_dsn, person) as connection:
            done = [
                statement
                for table in EVERY_TABLE
                for statement in writes(table)
                if not await refused(connection, statement)
            ]
        assert done == [], person


async def test_secrets_and_addresses_are_granted_to_nobody(tenants_dsn: str) -> None:
    async with logged_in(tenants_dsn, "owner") as connection:
        for table, columns in HIDDEN.items():
            for column in columns:
                assert await refused(connection, f"SELECT {column} FROM {table}")  # noqa: S608 - constants


async def test_no_function_and_no_sequence_is_for_them(tenants_dsn: str) -> None:
    found = await fetch(
        tenants_dsn,
        "SELECT proname AS name, has_function_privilege(r.rolname, p.oid, 'EXECUTE') AS open FROM pg_proc p"
        " JOIN pg_roles r ON r.rolname IN ('anon', 'authenticated') WHERE pronamespace = 'public'::regnamespace"
        " UNION ALL SELECT relname, has_sequence_privilege(r.rolname, c.oid, 'USAGE, SELECT, UPDATE') FROM pg_class c"
        " JOIN pg_roles r ON r.rolname IN ('anon', 'authenticated')"
        " WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace",
    )
    assert len(found) > 80
    assert [row["name"] for row in found if row["open"]] == []


async def test_a_policy_that_says_true_opens_nothing(supabase_dsn: str) -> None:
    await run(
        supabase_dsn,
        guide_sql("create"),
        "ALTER TABLE claude_code_sessions ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY anybody ON claude_code_sessions USING (true)",
        "GRANT ALL ON claude_code_sessions TO anon, authenticated",
    )
    await migrate(supabase_dsn)
    await fill(supabase_dsn)
    for person in PEOPLE:
        async with logged_in(supabase_dsn, person) as connection:
            rows = await workspaces_seen(connection, "claude_code_sessions")
            assert rows == expected(person, "claude_code_sessions")
    assert await verify(supabase_dsn) == ()


async def test_who_leaves_reads_nothing_from_then_on(tenants_dsn: str) -> None:
    async with logged_in(tenants_dsn, "member") as connection:
        assert await workspaces_seen(connection, "tasks") == ["team"]
        await run(
            tenants_dsn, "DELETE FROM workspace_members WHERE workspace_id = 'team' AND user_id = 'max'"
        )
        assert {table: await workspaces_seen(connection, table) for table in COLUMN} == {
            table: [] for table in COLUMN
        }


async def test_a_token_without_a_person_in_it_reads_nothing(tenants_dsn: str) -> None:
    connection = await asyncpg.connect(tenants_dsn)
    try:
        await connection.execute("SET ROLE authenticated")
        for claims in ("", "{}", '{"sub": null}'):
            await connection.execute("SELECT set_config('request.jwt.claims', $1, false)", claims)
            assert [await workspaces_seen(connection, table) for table in COLUMN] == [[] for _ in COLUMN]
    finally:
        await connection.close()
