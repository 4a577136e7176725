"""Supabase's advisors, its lint of functions, and squawk have nothing to say of what the migrations make.

The lint needs plpgsql_check, which is to be had for Debian's Postgres 15 and not for the programs that the embedded
Postgres brings; so there it is shown that the functions are the same, character by character.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from coordination.store import migration_text
from coordination.store.schema_version import known
from migrations import freeze
from tests.acceptance.supabase.cluster import MAJORS, Cluster
from tests.acceptance.supabase.command_line import CommandLine
from tests.migration.guide_database import fetch, guide_sql, run

pytestmark = pytest.mark.acceptance

SQUAWK = Path(sys.executable).with_name("squawk")
BODIES = """
SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, p.prosrc, p.proconfig FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'coordination%' ORDER BY 1, 2
"""


def test_the_advisors_have_nothing_to_say(migrated: str, command_line: CommandLine) -> None:
    asked = ("db", "advisors", f"--remote={migrated}", "--type", "all")
    assert command_line.findings(*asked, "--level", "warn", "--fail-on", "error") == []
    # Said of every table without a policy, and of indexes that nobody has used yet.
    remarks = {finding["name"] for finding in command_line.findings(*asked, "--level", "info")}
    assert remarks <= {"rls_enabled_no_policy", "unused_index"}


async def test_the_advisors_would_tell_of_an_open_table(migrated: str, command_line: CommandLine) -> None:
    await run(migrated, "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY", "GRANT SELECT ON tasks TO anon")
    done = command_line("db", "advisors", f"--remote={migrated}", "--level", "warn", "--fail-on", "error")
    assert done.returncode != 0
    assert "rls_disabled_in_public" in done.stdout


async def test_the_advisors_say_nothing_of_an_adopted_database(
    project: str, command_line: CommandLine
) -> None:
    await run(project, guide_sql("create"), guide_sql("adopted_rows"))
    command_line.push(project)
    asked = ("db", "advisors", f"--remote={project}", "--level", "warn", "--fail-on", "error")
    assert command_line.findings(*asked) == []


def test_the_lint_of_functions_has_nothing_to_say(
    clusters: Callable[[int], Cluster], command_line: CommandLine
) -> None:
    cluster = clusters(15)
    with cluster.database(migrated=True) as dsn:
        # On the platform `postgres` may do this.
        cluster.administer(
            dsn.rpartition("/")[2].partition("?")[0], "CREATE EXTENSION plpgsql_check SCHEMA extensions"
        )
        asked = (
            "db",
            "lint",
            f"--remote={dsn}",
            "--schema",
            "public",
            "--level",
            "warning",
            "--fail-on",
            "warning",
        )
        done = command_line(*asked)
        assert (done.returncode, "No schema errors found" in done.stdout + done.stderr) == (0, True), (
            done.stdout
        )
        cluster.administer(
            dsn.rpartition("/")[2].partition("?")[0], "ALTER TABLE public.tasks DROP COLUMN work"
        )
        assert command_line(*asked).returncode != 0


async def test_the_functions_are_the_same_on_every_version(clusters: Callable[[int], Cluster]) -> None:
    found: list[list[tuple[object, ...]]] = []
    for major in MAJORS:
        with clusters(major).database(migrated=True) as dsn:
            found.append([tuple(row) for row in await fetch(dsn, BODIES)])
    assert len(found[0]) > 40
    assert all(bodies == found[0] for bodies in found)


@pytest.mark.parametrize("revision", known())
def test_squawk_has_nothing_to_say_of_a_revision(revision: str, tmp_path: Path) -> None:
    # Not of the table of revisions, which comes before: that is Alembic's.
    ours = migration_text.statements(revision).partition("-- Running upgrade")
    file = tmp_path / f"{revision}.sql"
    opening = "".join(f"{statement};\n" for statement in migration_text.opening())
    file.write_text(opening + "".join(ours[1:]) + "\n", encoding="utf-8")
    assert squawk(file) == (0, "")
    file.write_text(file.read_text(encoding="utf-8") + "DROP TABLE tasks;\n", encoding="utf-8")
    code, said = squawk(file)
    assert (code != 0, "ban-drop-table" in said) == (True, True)


def squawk(file: Path) -> tuple[int, str]:
    """What squawk says of a file by the rules of this project."""
    rules = str(freeze.HERE / "checks" / "squawk.toml")
    done = subprocess.run(
        [SQUAWK, "--config", rules, "--reporter", "gcc", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout
