"""Indexes are prepared for planning before anybody asks, a few of them, and again after what went wrong."""

from __future__ import annotations

import asyncio

import pytest

from coordination.domain.errors import InvalidInput, RetryLater
from coordination.domain.file_index import FileEntry, FileIndex, IndexedFile, IndexSummary, entries
from coordination.domain.path import normalise_all
from coordination.domain.plan.task import PlannedTask
from coordination.services import agent as agents
from coordination.services import file_index, plan
from coordination.services.core import Core
from coordination.services.corpora import MOST_KEPT, Corpora
from coordination.store import file_index as store
from coordination.store.database import Database
from tests.integration.store.steps import agent

PLACE = ("local", "demo")
PLANNER = agent("planner")


@pytest.fixture
async def idle(clean_dsn: str) -> Core:
    """A service whose background work does not run, in a session."""
    core = Core(clean_dsn)
    await agents.join(core, PLANNER)
    return core


async def refresh(core: Core, *known: str | IndexedFile, checkout: str = "a" * 12) -> IndexSummary:
    indexed = tuple(IndexedFile(one) if isinstance(one, str) else one for one in known)
    files: list[FileEntry] = entries(FileIndex(indexed))
    begun = await file_index.begin(core, *PLACE, checkout)
    await file_index.add(core, *PLACE, checkout, begun.refresh, files, [])
    return await file_index.finish(core, *PLACE, checkout, begun.refresh, len(files), "", "0")


async def test_a_refresh_that_was_finished_is_prepared_beside_the_calls(core: Core) -> None:
    await agents.join(core, PLANNER)
    made = await refresh(core, "pay.py")
    async with asyncio.timeout(10):
        while (found := core.corpora.get(*PLACE, made)) is None:  # noqa: ASYNC110 - nobody waits for it
            await asyncio.sleep(0)
    assert found.paths == ("pay.py",)


async def test_whoever_plans_then_needs_no_file_of_it_any_more(idle: Core, database: Database) -> None:
    await refresh(idle, "pay.py")
    await idle.corpora.prepare_wanted()
    await database.fetch("DELETE FROM indexed_files")
    kept = await plan.analyse(idle, PLANNER, [PlannedTask("t", "Mend pay.py")])
    assert [found.path for found in kept.analysis.predicted["t"]] == ["pay.py"]
    await idle.database.close()


async def test_of_many_refreshes_the_last_few_are_prepared(idle: Core) -> None:
    made = [await refresh(idle, "a.py", checkout=f"{number:012}") for number in range(MOST_KEPT + 2)]
    await idle.corpora.prepare_wanted()
    prepared = [idle.corpora.get(*PLACE, one) is not None for one in made]
    assert prepared == [False, False, *[True] * MOST_KEPT]
    await idle.database.close()


async def test_what_the_database_cannot_tell_stays_wanted(idle: Core) -> None:
    made = await refresh(idle, "a.py")
    await idle.database.close()
    for _ in range(2):
        with pytest.raises(RetryLater):
            await idle.corpora.prepare_wanted()
    assert idle.corpora.get(*PLACE, made) is None


async def test_a_service_that_stops_prepares_nothing_more(idle: Core) -> None:
    made = await refresh(idle, "a.py")
    idle.stop_waiting()
    with pytest.raises(RetryLater, match="stops"):
        await idle.corpora.of(*PLACE, made)
    assert idle.corpora.get(*PLACE, made) is None
    await idle.database.close()


async def test_what_is_kept_has_no_more_names_in_all_than_one_may_have(idle: Core) -> None:
    made: list[IndexSummary] = []
    for number, names in enumerate((2, 2, 1, 9)):
        file = IndexedFile("a.py", tuple("abcdefghi"[: names - 1]), ("b.py",))
        made.append(await refresh(idle, file, checkout=f"{number:012}"))
    few = Corpora(idle.database, idle.stopping, most_names=3)
    kept: list[list[bool]] = []
    for one in made:
        await few.of(*PLACE, one)
        kept.append([few.get(*PLACE, each) is not None for each in made])
    assert kept == [
        [True, False, False, False],
        [False, True, False, False],
        [False, True, True, False],
        [False, False, False, True],
    ]
    await idle.database.close()


async def test_an_index_with_too_many_names_is_refused_to_whoever_plans_and_not_prepared(
    idle: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = IndexedFile("a.py", ("a", "b"), ("b.py",))
    await refresh(idle, file)
    monkeypatch.setattr(store, "MOST_NAMES", 2)
    await idle.corpora.prepare_wanted()
    for project_files in (None, normalise_all(["a.py"])):
        with pytest.raises(InvalidInput, match="more than 2 symbols and imports"):
            await plan.analyse(idle, PLANNER, [PlannedTask("t", "Mend it")], project_files=project_files)
    monkeypatch.setattr(store, "MOST_NAMES", 3)
    assert (await plan.analyse(idle, PLANNER, [PlannedTask("t", "Mend a.py")])).warnings == ()
    await idle.database.close()
