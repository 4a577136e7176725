"""A stream of several sessions: pages on demand, fair, without gap or repetition, and bounded."""

from __future__ import annotations

import asyncio

import pytest

from coordination.domain.errors import InvalidInput, RetryLater, UnknownItem
from coordination.services import event_stream, feed
from coordination.services.core import Core
from coordination.services.event_stream import MOST_SESSIONS, open_stream
from coordination.store.database import Database
from tests.integration.store.steps import agent, granted, worker


async def happen(database: Database, session: str, number: int) -> None:
    """Let so many claims be granted in a session, whose first one also begins it with two events."""
    for path in range(number):
        await granted(database, agent("impl_a", session=session), f"{path}.py")


async def test_a_page_is_read_when_it_is_asked_for_and_not_before(
    core: Core, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "PAGE_EVENTS", 3)
    await happen(database, "demo", 6)
    with open_stream(core, "local") as stream:
        await stream.follow("demo", 0)
        core.feed.announce("local", "demo", freed=True)
        assert stream.cursor == {"demo": 0}
        for last in (3, 6, 8):
            page = await stream.read()
            assert page is not None
            assert page[1][-1].seq == last
            assert stream.cursor == {"demo": last}
        assert await stream.read() is None


async def test_sessions_with_much_to_read_take_turns(
    core: Core, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "PAGE_EVENTS", 2)
    for session in ("a", "b"):
        await happen(database, session, 2)
    with open_stream(core, "local") as stream:
        for session in ("a", "b"):
            await stream.follow(session, 0)
        pages = [await stream.read() for _ in range(5)]
    assert [(page[0], [event.seq for event in page[1]]) if page else None for page in pages] == [
        ("a", [1, 2]),
        ("b", [1, 2]),
        ("a", [3, 4]),
        ("b", [3, 4]),
        None,
    ]


async def test_what_happens_while_it_begins_is_not_missed(core: Core, database: Database) -> None:
    await happen(database, "demo", 1)
    with open_stream(core, "local") as stream:
        assert await stream.follow("demo", None) == 3
        await happen(database, "demo", 2)  # nobody announces it
        page = await stream.read()
        assert page is not None
        assert [event.seq for event in page[1]] == [4, 5]


async def test_a_look_finds_what_no_wake_up_told(core: Core, database: Database) -> None:
    await happen(database, "demo", 1)
    with open_stream(core, "local") as stream:
        await stream.follow("demo", None)
        assert await stream.read() is None
        await happen(database, "demo", 2)
        await stream.check()
        page = await stream.read()
        assert page is not None
        assert page[1][-1].seq == 5


async def test_it_is_woken_by_what_it_follows_by_a_nudge_and_by_a_stop(
    core: Core, database: Database
) -> None:
    for session in ("demo", "another"):
        await happen(database, session, 1)
    with open_stream(core, "local") as stream, open_stream(core, "local") as idle:
        await stream.follow("demo", None)
        await stream.follow("another", None)
        assert stream.leave("another")
        assert not stream.leave("another")
        await stream.read()
        core.feed.announce("local", "another", freed=True)
        assert not await stream.wait(0.01)
        core.feed.announce("local", "demo", freed=False)
        assert await stream.wait(30)
        assert await stream.read() is None
        stream.nudge()
        assert await stream.wait(30)
        waiting = [asyncio.create_task(one.wait(30)) for one in (stream, idle)]
        await asyncio.sleep(0)
        core.stop_waiting()
        assert await asyncio.gather(*waiting) == [True, True]
        assert stream.stopping


async def test_what_was_due_stays_due_while_the_database_cannot_answer(
    core: Core, database: Database
) -> None:
    await happen(database, "demo", 1)
    with open_stream(core, "local") as stream:
        await stream.follow("demo", 0)
        async with worker(database.dsn, idle_in_transaction_session_timeout="0") as holder:
            await holder.raw.execute("BEGIN; LOCK TABLE coordination_events IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(RetryLater):
                await stream.read()
            await holder.raw.execute("ROLLBACK")
        page = await stream.read()
        assert page is not None
        assert page[1][-1].seq == 3


async def test_a_session_is_followed_once_within_its_events_and_ten_at_a_time(
    core: Core, database: Database
) -> None:
    with open_stream(core, "local") as stream:
        with pytest.raises(UnknownItem):
            await stream.follow("nowhere", None)
        for number in range(MOST_SESSIONS):
            await happen(database, f"s{number}", 1)
            await stream.follow(f"s{number}", None)
        with pytest.raises(InvalidInput, match="already"):
            await stream.follow("s0", None)
        with pytest.raises(InvalidInput, match="at most 10"):
            await stream.follow("demo", None)
        stream.leave("s0")
        with pytest.raises(InvalidInput, match="has 3 events"):
            await stream.follow("s0", 4)
        assert await stream.follow("s0", 3) == 3
    assert not core.feed._readers


async def test_a_session_that_was_deleted_is_noticed_also_when_it_began_again(
    core: Core, database: Database
) -> None:
    await happen(database, "demo", 5)
    with open_stream(core, "local") as stream:
        await stream.follow("demo", None)
        await database.fetch("DELETE FROM claude_code_sessions WHERE id = 'demo'")
        await happen(database, "demo", 1)
        with pytest.raises(UnknownItem, match="deleted"):
            await stream.check()
        assert stream.cursor == {}
        await stream.check()


@pytest.mark.parametrize("how", ["woken", "looking"])
async def test_events_of_a_session_that_began_again_are_none_of_the_one_before(
    core: Core, database: Database, how: str
) -> None:
    await happen(database, "demo", 3)
    with open_stream(core, "local") as stream:
        assert await stream.follow("demo", None) == 5
        assert await stream.read() is None
        await database.fetch("DELETE FROM claude_code_sessions WHERE id = 'demo'")
        await happen(database, "demo", 6 if how == "woken" else 3)
        core.feed.announce("local", "demo", freed=False)
        with pytest.raises(UnknownItem, match="deleted") as gone:
            await (stream.read() if how == "woken" else stream.check())
        assert gone.value.details == {"session": "demo"}
        assert stream.cursor == {}
        assert await stream.follow("demo", 0) == 0
        page = await stream.read()
        assert page is not None
        assert page[1][0].seq == 1


async def test_streams_leave_room_for_calls_that_wait(
    core: Core, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MOST_STREAMS", 1)
    monkeypatch.setattr(feed, "MOST_READERS", 2)
    with open_stream(core, "local"):
        with pytest.raises(RetryLater, match="1 streams"), open_stream(core, "local"):
            pass
        with core.feed.subscribe("local", "demo"), pytest.raises(RetryLater):
            core.feed.subscribe("local", "demo").__enter__()
    with (
        core.feed.subscribe("local", "a"),
        core.feed.subscribe("local", "b"),
        pytest.raises(RetryLater),
        open_stream(core, "local"),
    ):
        pass
    assert core.feed.readers == 0
