"""Each guard of a refresh is needed: with the guard the promise holds, without it the promise breaks."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from coordination.domain.errors import InvalidInput, RefreshOver, UnknownItem
from coordination.domain.file_index import FileEntry, IndexedFile, IndexLines
from coordination.store import file_index
from coordination.store.database import Database
from tests.integration.store.steps import blocked, weaken, worker

CHECKOUT = "a" * 12
KEY = ("local", "demo", CHECKOUT)


def named(*paths: str) -> list[FileEntry]:
    return [FileEntry(IndexedFile(path), (), "0") for path in paths]


async def session(database: Database) -> None:
    await database.fetch("INSERT INTO claude_code_sessions (id, name, user_id) VALUES ('demo', 'x', 'x')")


async def base(database: Database) -> None:
    """Let the session have an index of one file."""
    await session(database)
    begun = await file_index.begin(database, *KEY)
    await file_index.add(database, *KEY, begun.refresh, named("base.py"), [])
    await file_index.finish(database, *KEY, begun.refresh, 1, "", "0")


async def paths(database: Database) -> list[str]:
    found = await file_index.read(database, *KEY) or IndexLines()
    return list(found.paths)


async def two_at_once(database: Database) -> list[str]:
    """Let an earlier refresh go on writing while a later one is on its way; return what counts afterwards."""
    await session(database)
    earlier = await file_index.begin(database, *KEY)
    later = await file_index.begin(database, *KEY)
    try:
        await file_index.add(database, *KEY, earlier.refresh, named("earlier.py"), [])
    except RefreshOver:
        await file_index.add(database, *KEY, later.refresh, named("later.py"), [])
    await file_index.finish(database, *KEY, later.refresh, 1, "", "0")
    return await paths(database)


async def test_two_refreshes_do_not_mix(database: Database) -> None:
    assert await two_at_once(database) == ["later.py"]


async def test_they_would_mix_if_a_batch_did_not_ask_whether_its_refresh_goes_on(
    own_database: Database,
) -> None:
    await weaken(own_database, "add_to_index", "AND i.given = p_refresh AND i.finished < p_refresh", "")
    assert await two_at_once(own_database) == ["earlier.py"]


async def broken_off(database: Database) -> list[str]:
    """Break a refresh off and finish another one that has nothing to send."""
    await base(database)
    broken = await file_index.begin(database, *KEY)
    await file_index.add(database, *KEY, broken.refresh, named("stray.py"), [])
    later = await file_index.begin(database, *KEY)
    try:
        await file_index.finish(database, *KEY, later.refresh, 1, "", "0")
    except InvalidInput:
        return ["refused"]
    return await paths(database)


async def test_what_was_broken_off_is_gone(database: Database) -> None:
    assert await broken_off(database) == ["base.py"]


async def test_it_would_stay_if_it_were_not_removed_at_the_next_beginning(own_database: Database) -> None:
    await weaken(own_database, "begin_index", "AND f.refresh > v_index.finished", "AND false")
    assert await broken_off(own_database) == ["refused"]


async def a_batch_in_flight(database: Database) -> list[str]:
    """Begin another refresh while a batch of the one before is written and not committed yet."""
    await base(database)
    earlier = await file_index.begin(database, *KEY)
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(worker(database.dsn))
        beginner = await stack.enter_async_context(worker(database.dsn))
        transaction = writer.raw.transaction()
        await transaction.start()
        await file_index.add(writer, *KEY, earlier.refresh, named("earlier.py"), [])
        beginning = asyncio.ensure_future(file_index.begin(beginner, *KEY))
        looking = asyncio.ensure_future(blocked(database, beginner))
        await asyncio.wait({beginning, looking}, return_when=asyncio.FIRST_COMPLETED)
        await transaction.commit()
        later = await beginning
        looking.cancel()
    try:
        await file_index.finish(database, *KEY, later.refresh, 1, "", "0")
    except InvalidInput:
        return ["refused"]
    return await paths(database)


async def test_whoever_begins_waits_for_a_batch_in_flight_and_removes_it(database: Database) -> None:
    assert await a_batch_in_flight(database) == ["base.py"]


async def test_it_would_come_too_late_to_be_removed_without_the_lock(own_database: Database) -> None:
    await weaken(own_database, "add_to_index", "FOR SHARE", "")
    assert await a_batch_in_flight(own_database) == ["refused"]


async def short_of_a_part(database: Database) -> list[str]:
    """Finish a refresh of which a part never arrived."""
    await session(database)
    begun = await file_index.begin(database, *KEY)
    await file_index.add(database, *KEY, begun.refresh, named("a.py"), [])
    try:
        await file_index.finish(database, *KEY, begun.refresh, 2, "", "0")
    except InvalidInput:
        return ["refused"]
    return await paths(database)


async def test_half_an_index_is_never_read(database: Database) -> None:
    assert await short_of_a_part(database) == ["refused"]
    assert await paths(database) == []


async def test_it_would_be_without_the_count(own_database: Database) -> None:
    await weaken(own_database, "finish_index", "v_files <> p_files OR", "")
    assert await short_of_a_part(own_database) == ["a.py"]


async def deleted_while(database: Database, step: str) -> int:
    """Delete the session while a step of a refresh is not committed yet; return how many rows are left of its index."""
    await base(database)
    begun = await file_index.begin(database, *KEY)
    async with AsyncExitStack() as stack:
        sender = await stack.enter_async_context(worker(database.dsn))
        remover = await stack.enter_async_context(worker(database.dsn))
        transaction = sender.raw.transaction()
        await transaction.start()
        if step == "begin":
            await file_index.begin(sender, "local", "demo", "b" * 12)
        else:
            await file_index.add(sender, *KEY, begun.refresh, named("late.py"), [])
        deleting = asyncio.ensure_future(remover.fetch("DELETE FROM claude_code_sessions"))
        looking = asyncio.ensure_future(blocked(database, remover))
        await asyncio.wait({deleting, looking}, return_when=asyncio.FIRST_COMPLETED)
        await transaction.commit()
        await deleting
        looking.cancel()
    left = await database.fetch(
        "SELECT (SELECT count(*) FROM file_indexes) + (SELECT count(*) FROM indexed_files) AS rows"
    )
    return left[0]["rows"]


@pytest.mark.parametrize("step", ["begin", "add"])
async def test_a_session_that_is_deleted_meanwhile_leaves_nothing(database: Database, step: str) -> None:
    assert await deleted_while(database, step) == 0
    with pytest.raises(UnknownItem):
        await file_index.begin(database, *KEY)


async def test_it_would_leave_an_index_without_the_lock_on_the_session(own_database: Database) -> None:
    await weaken(own_database, "begin_index", "FOR KEY SHARE", "")
    assert await deleted_while(own_database, "begin") == 1


async def test_it_would_leave_a_file_without_the_lock_on_the_index(own_database: Database) -> None:
    await weaken(own_database, "add_to_index", "FOR SHARE", "")
    assert await deleted_while(own_database, "add") == 1
