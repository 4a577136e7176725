"""The functions in the database are those of the source tree, as the newest revision froze them."""

import re
from pathlib import Path

import asyncpg
import pytest

from coordination.store.schema_version import known
from migrations import freeze

REFRESH = "run: make freeze"
CURRENT = {file.name: file.read_text(encoding="utf-8") for file in sorted(freeze.CURRENT.glob("*.sql"))}
DEFINITIONS = """
SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name, pg_get_functiondef(p.oid) AS body
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace ORDER BY 1
"""


def test_each_function_is_frozen_as_it_is() -> None:
    frozen = freeze.newest_bodies(known())
    differing = {name for name in CURRENT.keys() | frozen.keys() if CURRENT.get(name) != frozen.get(name)}
    assert CURRENT
    assert differing == set(), REFRESH


async def test_the_database_has_exactly_the_functions_of_the_source_tree(migrated_dsn: str) -> None:
    connection = await asyncpg.connect(migrated_dsn)
    undo = connection.transaction()
    try:
        migrated = [tuple(row) for row in await connection.fetch(DEFINITIONS)]
        await undo.start()
        for body in CURRENT.values():
            await connection.execute(body)
        assert [tuple(row) for row in await connection.fetch(DEFINITIONS)] == migrated, REFRESH
        assert len(migrated) == len(CURRENT)
        await undo.rollback()
    finally:
        await connection.close()


@pytest.mark.parametrize("name", CURRENT)
def test_a_file_holds_the_one_function_that_it_is_named_after(name: str) -> None:
    found = re.findall(r"^CREATE OR REPLACE FUNCTION (\w+)", CURRENT[name], flags=re.MULTILINE)
    assert found == [f"coordination_{Path(name).stem}"]
    assert len(found[0]) < 64, "Postgres would cut the name"


def test_no_signature_depends_on_a_table_that_the_guide_drops() -> None:
    signatures = {
        name: re.sub(r"--.*", "", body).partition("AS $function$")[0] for name, body in CURRENT.items()
    }
    table = re.compile(r"\b(claude_code_sessions|claude_code_agents|file_locks|task_progress)\b")
    assert [name for name, signature in signatures.items() if table.search(signature)] == []
