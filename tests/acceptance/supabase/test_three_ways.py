"""Three ways to migrate: `coord migrate`, SQL pasted into an editor, `supabase db push`. They make the same schema, and
each recognises what another one applied.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from coordination.store.migration import current, head, migrate, verify
from migrations import freeze
from tests.acceptance.supabase.cluster import Cluster
from tests.acceptance.supabase.command_line import ROOT, CommandLine
from tests.migration.catalog import catalog
from tests.migration.guide_database import guide_rows, guide_sql, run

pytestmark = pytest.mark.acceptance

UP = (freeze.HERE / "sql" / "up.sql").read_text(encoding="utf-8")
WAYS = ("coord", "editor", "push")


class Ways:
    """The three ways, each on a database by its URL."""

    def __init__(self, command_line: CommandLine, home: Path) -> None:
        self._command_line = command_line
        self._home = home
        self.by_name: dict[str, Callable[[str], Awaitable[str]]] = {
            "coord": self.coord,
            "editor": self.editor,
            "push": self.push,
        }

    async def coord(self, dsn: str) -> str:
        """Run `coord migrate` as a step before a deployment does: nobody is there to answer a question."""
        return await asyncio.to_thread(self._coord, dsn)

    async def editor(self, dsn: str) -> str:
        """Run `up.sql` as the SQL editor does, all at once."""
        await run(dsn, UP)
        return ""

    async def push(self, dsn: str) -> str:
        """Run `supabase db push`."""
        return await asyncio.to_thread(self._command_line.push, dsn)

    def _coord(self, dsn: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "coordination", "migrate"],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self._home),
                "DATABASE_URL": dsn,
                "PYTHONPATH": str(ROOT),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        return done.stdout


@pytest.fixture
def ways(command_line: CommandLine, tmp_path: Path) -> Ways:
    """The three ways, on any database."""
    home = tmp_path / "person"
    home.mkdir()
    return Ways(command_line, home)


async def made(dsn: str) -> list[str]:
    """What is in the schema public; the CLI keeps its history in a schema of its own."""
    return [line for line in await catalog(dsn) if line != "schema supabase_migrations"]


async def test_they_make_the_same_schema_and_recognise_each_other(cluster: Cluster, ways: Ways) -> None:
    schemas: list[list[str]] = []
    for first in WAYS:
        with cluster.database() as dsn:
            await ways.by_name[first](dsn)
            schemas.append(await made(dsn))
            assert (await current(dsn), await verify(dsn)) == (head(), ())
            for other in (way for way in WAYS if way != first):
                await ways.by_name[other](dsn)
                assert await made(dsn) == schemas[0], (first, other)
    assert all(schema == schemas[0] for schema in schemas)


async def test_they_adopt_the_same_database(cluster: Cluster, ways: Ways) -> None:
    found: list[object] = []
    for way in WAYS:
        with cluster.database() as dsn:
            await run(dsn, guide_sql("create"), guide_sql("adopted_rows"))
            await ways.by_name[way](dsn)
            assert await verify(dsn) == ()
            # Of rows what is not made of the moment in which they came.
            rows = {table: len(rows) for table, rows in (await guide_rows(dsn)).items()}
            found.append((await made(dsn), rows))
    assert all(one == found[0] for one in found)


async def test_each_goes_on_where_another_stopped(
    project: str, ways: Ways, command_line: CommandLine
) -> None:
    await migrate(project, "0003")
    assert "Finished supabase db push" in command_line.push(project)
    assert await verify(project) == ()
    await migrate(project, "0003")
    await ways.editor(project)
    assert await verify(project) == ()
    await migrate(project, "0003")
    assert "Migrated from 0003" in await ways.coord(project)
    assert await verify(project) == ()


async def test_the_history_is_whole_whoever_came_first(
    migrated: str, ways: Ways, command_line: CommandLine
) -> None:
    names = [name.partition("_")[0] for name in freeze.supabase_migrations()]
    assert "Finished supabase db push" in command_line.push(migrated)
    assert command_line.history(migrated) == [(name, name) for name in names]
    assert "up to date" in command_line.push(migrated)
    assert "Nothing to do" in await ways.coord(migrated)


async def test_all_of_them_at_once_end_well(project: str, ways: Ways) -> None:
    every = [ways.coord(project), ways.coord(project), ways.editor(project), ways.push(project)]
    said = await asyncio.gather(*every)
    assert (await current(project), await verify(project)) == (head(), ())
    assert len(said) == len(every)


def test_what_it_says_with_exit_codes(clusters: Callable[[int], Cluster], tmp_path: Path) -> None:
    def coord(url: str, *arguments: str) -> int:
        return subprocess.run(
            [sys.executable, "-m", "coordination", "migrate", *arguments],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "DATABASE_URL": url,
                "PYTHONPATH": str(ROOT),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        ).returncode

    with clusters(15).database() as dsn:
        codes = [coord(dsn, "--check"), coord(dsn), coord(dsn, "--check"), coord(dsn, "--to", "base")]
        codes.append(coord(dsn.replace("127.0.0.1", "127.0.0.2")))
    assert codes == [5, 0, 0, 2, 1]
