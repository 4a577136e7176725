"""The file index of a session's checkouts: refreshed as a whole, read as a whole, never mixed."""

from __future__ import annotations

import asyncio

import pytest

from coordination.domain.errors import InvalidInput, RefreshOver, UnknownItem
from coordination.domain.file_index import (
    CoChange,
    FileEntry,
    FileIndex,
    IndexedFile,
    IndexLines,
    KnownFile,
    Refresh,
    entries,
    fingerprint,
)
from coordination.services import agent as agents
from coordination.services import file_index
from coordination.services.core import Core
from coordination.store import file_index as store
from coordination.store.database import Database
from tests.integration.store.steps import agent

HERE, THERE = "a" * 12, "b" * 12
FIRST = FileIndex(
    (
        IndexedFile("a.py", ("run", "Item"), ("b.py",)),
        IndexedFile("b.py"),
        IndexedFile("ü [x]/page?.tsx", ("Page",)),
    ),
    (CoChange("a.py", "b.py", 0.5), CoChange("a.py", "gone.py", 0.25), CoChange("b.py", "a.py", 1.0)),
)
SECOND = FileIndex((IndexedFile("a.py", ("walk",)), IndexedFile("c.py", ("new",), ("a.py",))))
LOCAL = ("local", "demo")


@pytest.fixture(autouse=True)
async def session(core: Core) -> None:
    await agents.join(core, agent("planner"))


async def add(
    core: Core, begun: Refresh, *files: FileEntry, removed: tuple[str, ...] = (), checkout: str = HERE
) -> None:
    await file_index.add(core, *LOCAL, checkout, begun.refresh, files, removed)


async def finish(core: Core, begun: Refresh, index: FileIndex, checkout: str = HERE) -> None:
    known = [KnownFile(entry.file.path, entry.digest) for entry in entries(index)]
    await file_index.finish(core, *LOCAL, checkout, begun.refresh, len(known), "c0ffee", fingerprint(known))


async def refresh(
    core: Core, index: FileIndex, checkout: str = HERE, removed: tuple[str, ...] = ()
) -> Refresh:
    begun = await file_index.begin(core, *LOCAL, checkout)
    await add(core, begun, *entries(index), removed=removed, checkout=checkout)
    await finish(core, begun, index, checkout)
    return begun


async def read(core: Core, checkout: str = HERE) -> FileIndex | None:
    found = await file_index.read(core, *LOCAL, checkout)
    return None if found is None else found.whole()


async def test_what_was_sent_is_read(core: Core) -> None:
    assert await read(core) is None
    await refresh(core, FIRST)
    assert await read(core) == FIRST
    (summary,) = await file_index.summaries(core, *LOCAL)
    assert (summary.checkout, summary.files, summary.with_symbols, summary.commit) == (HERE, 3, 2, "c0ffee")


async def test_the_next_refresh_sends_only_what_differs(core: Core) -> None:
    await refresh(core, FIRST)
    known = await file_index.known(core, *LOCAL, HERE, "", 10)
    assert {file.path: file.digest for file in known} == {
        entry.file.path: entry.digest for entry in entries(FIRST)
    }
    begun = await file_index.begin(core, *LOCAL, HERE)
    assert (begun.files, begun.fingerprint) == (3, fingerprint(known))
    await add(core, begun, *entries(SECOND), removed=("b.py", "ü [x]/page?.tsx", "never/was.py"))
    assert await read(core) == FIRST
    await finish(core, begun, SECOND)
    assert await read(core) == SECOND


async def test_a_refresh_without_a_difference_counts_too(core: Core) -> None:
    await refresh(core, FIRST)
    (before,) = await file_index.summaries(core, *LOCAL)
    await finish(core, await file_index.begin(core, *LOCAL, HERE), FIRST)
    (after,) = await file_index.summaries(core, *LOCAL)
    assert after.refreshed_at > before.refreshed_at
    assert await read(core) == FIRST


async def test_a_part_that_is_sent_again_counts_once_and_the_last_word_counts(core: Core) -> None:
    begun = await file_index.begin(core, *LOCAL, HERE)
    await add(core, begun, *entries(FIRST))
    await add(core, begun, *entries(FIRST))
    await add(core, begun, removed=("b.py",))
    only = FileIndex((FIRST.files[0], FIRST.files[2]), FIRST.co_changes[:2])
    await finish(core, begun, only)
    assert await read(core) == only


async def test_a_refresh_of_which_a_part_is_missing_changes_nothing(core: Core) -> None:
    await refresh(core, FIRST)
    begun = await file_index.begin(core, *LOCAL, HERE)
    await add(core, begun, entries(SECOND)[0], removed=("b.py", "ü [x]/page?.tsx"))
    with pytest.raises(InvalidInput, match="would have 1 files, not 2"):
        await finish(core, begun, SECOND)
    assert await read(core) == FIRST
    await add(core, begun, entries(SECOND)[1])
    await finish(core, begun, SECOND)
    assert await read(core) == SECOND


async def test_a_refresh_that_names_every_file_needs_to_take_none_away(core: Core) -> None:
    await refresh(core, FIRST)
    await refresh(core, SECOND)
    assert await read(core) == SECOND


async def test_a_refresh_that_was_broken_off_leaves_nothing_to_the_next(
    core: Core, database: Database
) -> None:
    await refresh(core, FIRST)
    broken = await file_index.begin(core, *LOCAL, HERE)
    await add(core, broken, FileEntry(IndexedFile("stray.py"), (), "0"), removed=("a.py",))
    await finish(core, await file_index.begin(core, *LOCAL, HERE), FIRST)
    assert await read(core) == FIRST
    assert (await database.fetch("SELECT count(*) FROM indexed_files"))[0][0] == 3


async def test_of_two_refreshes_at_the_same_time_the_later_one_counts_alone(core: Core) -> None:
    earlier = await file_index.begin(core, *LOCAL, HERE)
    await add(core, earlier, *entries(FIRST))
    later = await file_index.begin(core, *LOCAL, HERE)
    with pytest.raises(RefreshOver):
        await add(core, earlier, *entries(FIRST))
    await add(core, later, *entries(SECOND))
    with pytest.raises(RefreshOver):
        await finish(core, earlier, FIRST)
    await finish(core, later, SECOND)
    assert await read(core) == SECOND
    for index, begun in ((FIRST, earlier), (SECOND, later)):
        with pytest.raises(RefreshOver):
            await finish(core, begun, index)


async def test_many_refreshes_at_once_leave_the_whole_of_one(core: Core, other_core: Core) -> None:
    async def one(number: int) -> FileIndex:
        index = FileIndex(tuple(IndexedFile(f"{number}/{file:02}.py", (f"f{number}",)) for file in range(20)))
        running = (core, other_core)[number % 2]
        begun = await file_index.begin(running, *LOCAL, HERE)
        for entry in entries(index):
            await add(running, begun, entry)
        before = await file_index.known(running, *LOCAL, HERE, "", 100)
        await add(
            running,
            begun,
            removed=tuple({file.path for file in before} - {file.path for file in index.files}),
        )
        await finish(running, begun, index)
        return index

    outcomes = await asyncio.gather(*map(one, range(8)), return_exceptions=True)
    whole = [outcome for outcome in outcomes if isinstance(outcome, FileIndex)]
    assert all(isinstance(outcome, FileIndex | RefreshOver) for outcome in outcomes)
    assert whole
    assert await read(core) in whole


async def test_checkouts_are_apart_and_an_unknown_one_gets_the_latest(core: Core) -> None:
    await refresh(core, FIRST)
    await refresh(core, SECOND, THERE)
    assert (await read(core, HERE), await read(core, THERE)) == (FIRST, SECOND)
    assert (await read(core, ""), await read(core, "c" * 12)) == (SECOND, SECOND)
    await finish(core, await file_index.begin(core, *LOCAL, HERE), FIRST)
    assert (await read(core, ""), await read(core, THERE)) == (FIRST, SECOND)
    assert [found.checkout for found in await file_index.summaries(core, *LOCAL)] == [HERE, THERE]


async def test_the_index_of_the_unknown_checkout_is_no_better_than_a_later_one(core: Core) -> None:
    await refresh(core, FIRST, "")
    assert await read(core, "") == FIRST
    await refresh(core, SECOND, THERE)
    assert await read(core, "") == SECOND


async def test_a_checkout_whose_first_refresh_is_on_its_way_has_no_index(core: Core) -> None:
    begun = await file_index.begin(core, *LOCAL, HERE)
    await add(core, begun, *entries(FIRST))
    assert await read(core) is None
    assert await file_index.known(core, *LOCAL, HERE, "", 10) == []
    assert await file_index.summaries(core, *LOCAL) == []


async def test_an_index_that_is_refreshed_while_it_is_read_is_read_as_a_whole(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader is made to read one file at a time, and a refresh comes in after its first part."""
    monkeypatch.setattr(store, "PART", 1)
    await refresh(core, FIRST)
    fetch, parts = core.database.fetch, 0

    async def fetch_and_be_overtaken(statement: str, *arguments: object) -> list[object]:
        nonlocal parts
        rows = await fetch(statement, *arguments)
        parts += statement == store.READ
        if statement == store.READ and parts == 1:
            await refresh(core, SECOND, removed=("b.py", "ü [x]/page?.tsx"))
        return list(rows)

    monkeypatch.setattr(core.database, "fetch", fetch_and_be_overtaken)
    assert await read(core) == SECOND


async def test_paths_are_normalised_and_what_is_named_twice_counts_once(core: Core) -> None:
    begun = await file_index.begin(core, *LOCAL, HERE)
    spelt = FileEntry(
        IndexedFile("./src//a.py", ("f", "f"), ("src/./b.py", "src/b.py")),
        (CoChange("x", "./c.py", 0.5), CoChange("x", "c.py", 0.25)),
        "1",
    )
    done = await file_index.add(
        core, *LOCAL, HERE, begun.refresh, [spelt, spelt], ["./d.py", "d.py", "src/a.py"]
    )
    assert done == (1, 1)
    await file_index.finish(core, *LOCAL, HERE, begun.refresh, 1, "", "0")
    assert await read(core) == FileIndex(
        (IndexedFile("src/a.py", ("f",), ("src/b.py",)),), (CoChange("src/a.py", "c.py", 0.25),)
    )


@pytest.mark.parametrize("path", ["../a.py", "/etc/passwd", "a\nb", "", "resource:port", "."])
async def test_a_path_that_cannot_be_is_refused_and_nothing_is_written(core: Core, path: str) -> None:
    begun = await file_index.begin(core, *LOCAL, HERE)
    wrong = [
        FileEntry(IndexedFile(path), (), "1"),
        FileEntry(IndexedFile("a.py", (), (path,)), (), "1"),
        FileEntry(IndexedFile("a.py"), (CoChange("a.py", path, 1),), "1"),
    ]
    for entry in wrong:
        with pytest.raises(InvalidInput):
            await add(core, begun, entries(FIRST)[0], entry)
    with pytest.raises(InvalidInput):
        await add(core, begun, *entries(FIRST), removed=(path,))
    await finish(core, begun, FileIndex(()))
    assert await read(core) == FileIndex(())


async def test_a_session_that_is_not_there_has_no_index(core: Core) -> None:
    with pytest.raises(UnknownItem):
        await file_index.begin(core, "local", "nowhere", HERE)
    with pytest.raises(UnknownItem):
        await file_index.begin(core, "team", "demo", HERE)
    with pytest.raises(RefreshOver):
        await file_index.add(core, "local", "nowhere", HERE, 1, [], [])
    assert await file_index.read(core, "local", "nowhere", HERE) is None


async def test_workspaces_are_apart(core: Core, database: Database) -> None:
    await refresh(core, FIRST)
    await database.fetch(
        "INSERT INTO claude_code_sessions (workspace_id, id, name, user_id) VALUES ('team', 'demo', 'x', 'x')"
    )
    assert await file_index.read(core, "team", "demo", HERE) is None
    with pytest.raises(RefreshOver):
        await file_index.add(core, "team", "demo", HERE, 1, [], [])
    begun = await file_index.begin(core, "team", "demo", HERE)
    await file_index.finish(core, "team", "demo", HERE, begun.refresh, 0, "", "0")
    assert await file_index.read(core, "team", "demo", HERE) == IndexLines()
    assert await read(core) == FIRST


async def test_a_deleted_session_leaves_no_index(core: Core, database: Database) -> None:
    await refresh(core, FIRST)
    await database.fetch("DELETE FROM claude_code_sessions WHERE id = 'demo'")
    rows = await database.fetch(
        "SELECT (SELECT count(*) FROM file_indexes) + (SELECT count(*) FROM indexed_files)"
    )
    assert rows[0][0] == 0


async def test_a_large_index_is_read_in_parts(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PART", 7)
    for number in (6, 7, 8, 14):
        index = FileIndex(tuple(IndexedFile(f"{file:03}.py", (f"f{file}",)) for file in range(number)))
        await refresh(core, index)
        assert await read(core) == index
