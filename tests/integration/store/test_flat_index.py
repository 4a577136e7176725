"""What a step of a refresh reads grows with the files of its checkout alone, whatever the planner believes of them."""

from __future__ import annotations

import pytest

from coordination.domain.file_index import FileEntry, IndexedFile
from coordination.store import file_index
from coordination.store.database import Database
from tests.integration.store.steps import worker

FILES = 600
KEY = ("local", "demo", "a" * 12)
SESSION = "INSERT INTO claude_code_sessions (id, name, user_id) VALUES ('demo', 'x', 'x')"
READ = """
    SELECT (seq_tup_read + idx_tup_fetch)::int AS rows FROM pg_stat_xact_user_tables WHERE relname = 'indexed_files'
"""


def named(first: int, digest: str) -> list[FileEntry]:
    return [FileEntry(IndexedFile(f"{number:04}.py"), (), digest) for number in range(first, FILES)]


async def refresh(database: Database, entries: list[FileEntry]) -> None:
    begun = await file_index.begin(database, *KEY)
    await file_index.add(database, *KEY, begun.refresh, entries, [])
    await file_index.finish(database, *KEY, begun.refresh, FILES, "", "0")


@pytest.mark.parametrize("known", [None, "empty", "full"])
@pytest.mark.parametrize("first", [FILES, FILES - 5, FILES // 2, 0])
async def test_a_refresh_reads_each_file_a_few_times(
    own_database: Database, known: str | None, first: int
) -> None:
    await own_database.fetch(SESSION)
    if known == "empty":
        await own_database.fetch("ANALYZE indexed_files, file_indexes")
    await refresh(own_database, named(0, "1"))
    if known == "full":
        await own_database.fetch("ANALYZE indexed_files, file_indexes")
    async with worker(own_database.dsn) as one:
        await one.raw.execute("BEGIN")
        await refresh(one, named(first, "2"))
        rows = await one.fetch(READ)
        await one.raw.execute("COMMIT")
    assert rows[0]["rows"] < 12 * FILES
    digests = [file.digest for file in await file_index.known(own_database, *KEY, "", FILES + 1)]
    assert digests == ["1"] * first + ["2"] * (FILES - first)
