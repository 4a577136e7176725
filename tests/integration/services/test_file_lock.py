"""Waiting for one's turn: what wakes a waiter, what keeps its place, and what a client that goes away leaves behind."""

import asyncio

import pytest

from coordination.domain.errors import LeaseLost, RetryLater, WaitCycle
from coordination.domain.file_lock import Claim, Granted, Held
from coordination.domain.path import normalise, normalise_all
from coordination.domain.session import AcrossCheckouts
from coordination.domain.task import Report, TaskStatus
from coordination.services import file_lock, session, task
from coordination.services.core import Core
from coordination.store import file_lock as store
from coordination.store.database import Database
from tests.integration.services.terminal import Terminal, in_queue, until_listening, waiting
from tests.integration.store.steps import READ, agent, granted, held, waiters, wanted, worker

A, B, C = agent("impl_a"), agent("impl_b"), agent("impl_c")


@pytest.fixture
def without_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waiters wake by what they are told alone, and not look by themselves each second."""
    monkeypatch.setattr(file_lock, "LOOK_SECONDS", 3600.0)


@pytest.mark.usefixtures("without_looks")
async def test_a_release_wakes_the_waiter(core: Core, database: Database) -> None:
    await granted(database, A, "a.py")
    turn = waiting(core, B, "a.py")
    await in_queue(database, 1)
    await file_lock.release(core, A, None)
    assert isinstance(await turn, Granted)
    assert await waiters(database) == []


@pytest.mark.usefixtures("without_looks")
async def test_the_end_of_a_lease_wakes_the_waiter(core: Core, database: Database) -> None:
    claim = Claim((normalise("a.py"),), wanted("a.py").operation, ttl_seconds=1)
    await file_lock.claim(core, A, claim)
    outcome = await waiting(core, B, "a.py")
    assert isinstance(outcome, Granted)
    assert outcome.previous_holders == {"a.py": A.id}


@pytest.mark.usefixtures("without_looks")
async def test_a_revocation_wakes_the_waiter(core: Core, database: Database) -> None:
    await granted(database, A, "src/a.py")
    turn = waiting(core, B, "src/a.py")
    await in_queue(database, 1)
    taken = await file_lock.revoke(core, "local", "demo", "alice", ["src//a.py"], None)
    assert [lease.path for lease in taken] == ["src/a.py"]
    assert isinstance(await turn, Granted)


@pytest.mark.usefixtures("without_looks")
async def test_the_end_of_a_task_wakes_the_waiter(core: Core, database: Database) -> None:
    await task.sync(core, A, Report("t1", TaskStatus.STARTED))
    await granted(database, A, "a.py")
    turn = waiting(core, B, "a.py")
    await in_queue(database, 1)
    await task.sync(core, A, Report("t1", TaskStatus.COMPLETED))
    assert isinstance(await turn, Granted)


@pytest.mark.usefixtures("without_looks")
async def test_a_waiter_that_gives_up_wakes_those_behind_it(core: Core, database: Database) -> None:
    await granted(database, A, "a.py")
    gone = Terminal()
    first = waiting(core, B, "a.py", "b.py", client=gone)
    await in_queue(database, 1)
    second = waiting(core, C, "b.py")
    await in_queue(database, 2)
    gone.closed.set()
    assert isinstance(await second, Granted)
    assert isinstance(await first, Held)


@pytest.mark.usefixtures("without_looks")
async def test_a_setting_that_frees_a_path_wakes_the_waiter(core: Core, database: Database) -> None:
    here, there = agent("impl_a", checkout="aaaaaaaaaaaa"), agent("impl_b", checkout="bbbbbbbbbbbb")
    await granted(database, here, "a.py")
    options = {"workspace": "local", "session": "demo", "by": "alice", "status": None}
    await session.configure(core, **options, across_checkouts=AcrossCheckouts.BLOCK)  # pyright: ignore[reportArgumentType]  the dict's values are of several types
    turn = waiting(core, there, "a.py")
    await in_queue(database, 1)
    await session.configure(core, **options, across_checkouts=AcrossCheckouts.WARN)  # pyright: ignore[reportArgumentType]  the dict's values are of several types
    assert isinstance(await turn, Granted)


@pytest.mark.usefixtures("without_looks")
async def test_another_servers_release_wakes_the_waiter(
    core: Core, other_core: Core, database: Database
) -> None:
    await until_listening(other_core, database, sender=core)
    await granted(database, A, "a.py")
    turn = waiting(other_core, B, "a.py")
    await in_queue(database, 1)
    await file_lock.release(core, A, None)
    assert isinstance(await turn, Granted)


async def test_a_waiter_whose_server_hears_nothing_looks_by_itself(
    clean_dsn: str, core: Core, database: Database
) -> None:
    deaf = Core(clean_dsn)  # none of its background work runs
    await granted(database, A, "a.py")
    turn = waiting(deaf, B, "a.py")
    await in_queue(database, 1)
    await file_lock.release(core, A, None)
    assert isinstance(await turn, Granted)
    await deaf.database.close()


async def test_a_waiter_outlives_its_listener(core: Core, other_core: Core, database: Database) -> None:
    await until_listening(other_core, database, sender=core)
    await granted(database, A, "a.py")
    turn = waiting(other_core, B, "a.py")
    await in_queue(database, 1)
    await database.fetch(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND query LIKE 'LISTEN%'"""
    )
    await until_listening(other_core, database, yes=False)
    await file_lock.release(core, A, None)
    assert isinstance(await turn, Granted)
    await until_listening(other_core, database, sender=core)


async def test_a_wait_that_ends_keeps_its_place_and_the_next_call_resumes_it(
    core: Core, database: Database
) -> None:
    await granted(database, A, "a.py")
    first = await waiting(core, B, "a.py", seconds=0.01)
    assert isinstance(first, Held)
    rows = await database.fetch(
        "SELECT parked_until > clock_timestamp() + interval '100 s' FROM file_lock_waiters"
    )
    assert [row[0] for row in rows] == [True]
    await held(database, C, "a.py")
    turn = waiting(core, B, "a.py")
    while not await database.fetch("SELECT 1 FROM file_lock_waiters WHERE parked_until IS NULL"):
        pass
    assert await in_queue(database, 1) == [first.ticket]
    await file_lock.release(core, A, None)
    assert isinstance(await turn, Granted)


async def test_a_claim_that_does_not_wait_enters_no_queue(core: Core, database: Database) -> None:
    await granted(database, A, "a.py")
    outcome = await file_lock.claim(core, B, wanted("a.py"))
    assert isinstance(outcome, Held)
    assert await waiters(database) == []


async def test_a_circle_ends_the_wait_at_once(core: Core, database: Database) -> None:
    await granted(database, A, "a.py")
    await granted(database, B, "b.py")
    turn = waiting(core, A, "b.py")
    await in_queue(database, 1)
    with pytest.raises(WaitCycle):
        await waiting(core, B, "a.py")
    await file_lock.release(core, B, None)
    assert isinstance(await turn, Granted)


async def test_a_database_that_is_busy_is_told_as_retry_later(core: Core, database: Database) -> None:
    await granted(database, A, "a.py")
    async with worker(database.dsn, idle_in_transaction_session_timeout="0") as busy:
        await busy.raw.execute("BEGIN; SELECT coordination_lock_session('local', 'demo')")
        with pytest.raises(RetryLater):
            await file_lock.claim(core, B, wanted("b.py"))


async def test_many_waiters_take_turns_and_all_are_served(
    core: Core, other_core: Core, database: Database
) -> None:
    await granted(database, A, "hot.py")
    served: list[str] = []

    async def take_turn(server: Core, name: str) -> None:
        who = agent(name)
        assert isinstance(await waiting(server, who, "hot.py", seconds=45), Granted)
        served.append(name)
        await file_lock.release(server, who, None)

    turns = [
        asyncio.create_task(take_turn((core, other_core)[number % 2], f"worker_{number}"))
        for number in range(16)
    ]
    await in_queue(database, 16)
    rows = await database.fetch("SELECT agent_id FROM file_lock_waiters ORDER BY ticket")
    await file_lock.release(core, A, None)
    await asyncio.gather(*turns)
    assert served == [row[0].partition("/")[2] for row in rows]


async def test_renewing_and_releasing_what_is_not_held_names_what_was_lost(
    core: Core, database: Database
) -> None:
    await granted(database, A, "kept.py")
    named = normalise_all([f"lost_{number}.py" for number in range(7)] + ["kept.py"])
    with pytest.raises(
        LeaseLost, match=r'"lost_4.py" and 2 more\. Nothing was renewed\. Still yours: "kept.py"'
    ) as lost:
        await file_lock.renew(core, A, named, 900)
    assert lost.value.next_call == 'claim_file_lock(action="renew", file_paths=["kept.py"])'
    with pytest.raises(LeaseLost, match=r"Nothing was renewed.*claim the path again") as lost:
        await file_lock.renew(core, B, normalise_all(["kept.py"]), 900)
    assert lost.value.next_call == 'claim_file_lock(file_paths=["kept.py"])'
    # Who wants to give up a file must not be led to claim it.
    with pytest.raises(LeaseLost, match=r"Nothing was released.*nothing to give back") as lost:
        await file_lock.release(core, B, normalise_all(["kept.py"]))
    assert lost.value.next_call == "check_agent_status()"
    renewed = await file_lock.renew(core, A, None, 3600)
    assert [lease.path for lease in renewed] == ["kept.py"]
    assert [lease.path for lease in await file_lock.list_locks(core, "local", "demo", None, 10)] == [
        "kept.py"
    ]


async def test_readers_wake_together(core: Core, database: Database) -> None:
    await granted(database, A, "a.py")
    turns = [waiting(core, who, "a.py", operation=READ) for who in (B, C)]
    await in_queue(database, 2)
    await file_lock.release(core, A, None)
    assert [type(outcome) for outcome in await asyncio.gather(*turns)] == [Granted, Granted]


async def test_places_that_died_are_swept_by_the_background_work(
    core: Core, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await granted(database, A, "a.py")
    await database.fetch("UPDATE file_locks SET expires_at = clock_timestamp() RETURNING 1")
    await core._expire()  # its loop only repeats this
    assert await database.fetch("SELECT 1 FROM file_locks") == []
    assert (await store.expire(database)) == []
