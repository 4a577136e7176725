"""The event feed: who is woken by what, that it heals, and events read by cursor."""

import asyncio
from contextlib import ExitStack

import pytest

from coordination.domain.errors import RetryLater
from coordination.services import event, feed, file_lock
from coordination.services.core import Core
from coordination.services.feed import EventFeed
from coordination.store import event as store
from coordination.store.database import Database
from tests.integration.services.terminal import until_listening
from tests.integration.store.steps import agent, granted, wanted

A = agent("impl_a")


async def test_a_commit_in_this_process_wakes_at_once(database: Database) -> None:
    alone = EventFeed(database)
    with (
        alone.subscribe("local", "demo") as all_of_it,
        alone.subscribe("local", "demo", freed_only=True) as freed,
    ):
        alone.announce("local", "demo", freed=False)
        assert (all_of_it.wake.is_set(), freed.wake.is_set()) == (True, False)
        alone.announce("local", "demo", freed=True)
        assert freed.wake.is_set()


async def test_other_sessions_and_former_readers_are_left_alone(database: Database) -> None:
    alone = EventFeed(database)
    with alone.subscribe("local", "demo") as first, alone.subscribe("local", "demo") as second:
        alone.announce("local", "another", freed=True)
        alone.announce("another", "demo", freed=True)
        assert not first.wake.is_set()
    alone.announce("local", "demo", freed=True)
    assert not second.wake.is_set()


async def test_a_notification_says_whether_something_became_free(
    core: Core, other_core: Core, database: Database
) -> None:
    await until_listening(other_core, database, sender=core)
    with (
        other_core.feed.subscribe("local", "demo") as all_of_it,
        other_core.feed.subscribe("local", "demo", freed_only=True) as freed,
    ):
        all_of_it.wake.clear()
        freed.wake.clear()
        core.feed.announce("local", "demo", freed=False)
        await all_of_it.wake.wait()
        assert not freed.wake.is_set()
        core.feed.announce("local", "demo", freed=False)
        core.feed.announce("local", "demo", freed=True)
        await freed.wake.wait()


async def test_more_notices_than_one_notification_holds_all_arrive(
    core: Core, other_core: Core, database: Database
) -> None:
    await until_listening(other_core, database, sender=core)
    names = [f"{'s' * 60}_{number}" for number in range(130)]
    with ExitStack() as subscribed:
        subscriptions = [subscribed.enter_context(other_core.feed.subscribe("local", name)) for name in names]
        for name in names:
            core.feed.announce("local", name, freed=True)
        for subscription in subscriptions:
            await subscription.wake.wait()


async def test_only_so_many_may_wait_and_who_leaves_makes_room(
    clean_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MOST_READERS", 2)
    core = Core(clean_dsn)
    await granted(core.database, A, "a.py")
    with core.feed.subscribe("local", "demo"), core.feed.subscribe("local", "another"):
        with pytest.raises(RetryLater, match="wait_seconds"):
            await file_lock.claim(core, agent("impl_b"), wanted("a.py"), wait_seconds=30)
        with pytest.raises(RetryLater, match="2 calls"):
            await event.read_events(core, "local", "demo", 100, 100, wait_seconds=30)
        assert await event.read_events(core, "local", "demo", 0, 1) != []
    assert core.feed.readers == 0
    assert await event.read_events(core, "local", "demo", 100, 100, wait_seconds=0.01) == []
    await core.database.close()


async def test_a_look_finds_what_no_notification_told(database: Database) -> None:
    alone = EventFeed(database)
    looking = asyncio.create_task(alone.look())
    with alone.subscribe("local", "demo", freed_only=True) as subscription:
        await subscription.wake.wait()  # the first look knows nothing yet, so it wakes
        subscription.wake.clear()
        await granted(database, A, "a.py")
        await subscription.wake.wait()
    assert alone.lag_seconds < 30
    looking.cancel()


async def test_whoever_waits_is_woken_when_the_feed_begins_to_listen(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "RETRY_SECONDS", 0.01)
    alone = EventFeed(database)
    listening = asyncio.create_task(alone.listen())
    with alone.subscribe("local", "demo", freed_only=True) as subscription:
        for _ in range(3):
            await subscription.wake.wait()
            subscription.wake.clear()
            assert alone.listening
            await database.fetch(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND query LIKE 'LISTEN%'"""
            )
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_events_are_read_by_cursor_without_gaps(core: Core, database: Database) -> None:
    for number in range(4):
        await granted(database, A, f"{number}.py")
    first = await event.read_events(core, "local", "demo", 0, 4)
    assert [found.seq for found in first] == [1, 2, 3, 4]
    assert [found.kind for found in first] == [
        "session.created",
        "agent.joined",
        "lock.claimed",
        "lock.claimed",
    ]
    assert first[2].payload["locks"][0]["path"] == "0.py"
    rest = await event.read_events(core, "local", "demo", 4, 100)
    assert [found.seq for found in rest] == [5, 6]
    assert await event.read_events(core, "local", "demo", 6, 100) == []
    assert await event.read_events(core, "local", "unheard of", 0, 100) == []


async def test_a_reader_waits_for_what_comes(core: Core) -> None:
    reading = asyncio.create_task(event.read_events(core, "local", "demo", 0, 100, wait_seconds=30))
    await asyncio.sleep(0)
    await file_lock.claim(core, A, wanted("a.py"))
    assert (await reading)[0].kind == "session.created"


async def test_a_reader_that_waited_in_vain_and_one_of_a_stopping_service_are_answered(core: Core) -> None:
    assert await event.read_events(core, "local", "demo", 0, 100, wait_seconds=0.01) == []
    reading = asyncio.create_task(event.read_events(core, "local", "demo", 0, 100, wait_seconds=30))
    core.stop_waiting()
    assert await reading == []


async def test_a_stop_ends_a_reader_at_once_and_not_at_its_next_look(
    clean_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event, "LOOK_SECONDS", 3600.0)
    alone = Core(clean_dsn, pool_size=1)
    reading = asyncio.create_task(event.read_events(alone, "local", "demo", 0, 100, wait_seconds=3600))
    while not alone.feed.readers:  # noqa: ASYNC110 - the next step of the loop begins the reading
        await asyncio.sleep(0)
    await alone.database.fetch("SELECT 1")  # on the one connection, so after the reader's look
    alone.stop_waiting()
    async with asyncio.timeout(30):
        assert await reading == []
    await alone.database.close()


async def test_the_last_numbers_of_several_sessions_are_read_at_once(database: Database) -> None:
    await granted(database, A, "a.py")
    assert await store.last_numbers(database, [("local", "demo"), ("local", "none")]) == {
        ("local", "demo"): 3,
        ("local", "none"): 0,
    }


async def test_a_process_that_listens_alone_sends_nothing_until_another_one_listens(
    core: Core, database: Database
) -> None:
    while not core.feed.alone:
        await database.fetch("SELECT 1")
    other = Core(database.dsn)
    async with other.running():
        await until_listening(other, database, sender=core)
        with other.feed.subscribe("local", "demo") as subscription:
            subscription.wake.clear()
            core.feed.announce("local", "demo", freed=True)
            await subscription.wake.wait()
