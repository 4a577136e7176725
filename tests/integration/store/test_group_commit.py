"""Calls that meet go together, and nobody is worse off for it: each is answered for itself, in order, once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from coordination.domain.errors import CheckoutTaken, RetryLater
from coordination.domain.file_lock import Granted, Held, Wait
from coordination.store.database import Database
from coordination.store.group_commit import MOST_CALLS, MOST_CHARACTERS, GroupCommit
from tests.integration.store.steps import Worker, agent, granted, kinds, leases, try_claim, worker

LOCK = "SELECT coordination_lock_session('local', 'demo')"
TAKE = """
    INSERT INTO tasks (session_id, id) SELECT 'demo', $1 FROM coordination_lock_session('local', 'demo')
    RETURNING to_jsonb(id)
"""
INSERT = "INSERT INTO tasks (session_id, id, description) VALUES ('demo', $1, $2) RETURNING to_jsonb(id)"
AGENTS = [agent(f"impl_{number}") for number in range(9)]


@asynccontextmanager
async def session_locked(database: Database) -> AsyncGenerator[Worker]:
    """Hold the lock that all decisions on the session wait for."""
    async with (
        worker(database.dsn, idle_in_transaction_session_timeout="0") as other,
        other.raw.transaction(),
    ):
        await other.raw.execute(LOCK)
        yield other


async def waiting(database: Database, *ended: int) -> int:
    """Return the backend that waits for the session's lock, once there is one besides those that were ended."""
    while True:
        rows = await database.fetch(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid <> ALL ($1::int[])",
            list(ended),
        )
        if rows:
            return rows[0]["pid"]


async def end(database: Database, *ended: int) -> int:
    """End the connection that waits for the session's lock, as a crash would, and return which it was."""
    pid = await waiting(database, *ended)
    await database.fetch("SELECT pg_terminate_backend($1)", pid)
    return pid


async def commits(database: Database, session: str = "demo") -> list[int]:
    """How many claims each transaction granted, in the order of the log."""
    rows = await database.fetch(
        """SELECT count(*) FROM coordination_events WHERE session_id = $1 AND kind = 'lock.claimed'
           GROUP BY xmin::text ORDER BY min(seq)""",
        session,
    )
    return [row[0] for row in rows]


async def test_claims_that_meet_share_a_commit_and_one_that_meets_none_waits_for_none(
    database: Database,
) -> None:
    outcomes = await asyncio.gather(*(try_claim(database, who, f"src/{who.name}.py") for who in AGENTS))
    assert all(isinstance(outcome, Granted) for outcome in outcomes)
    together = [1, MOST_CALLS, len(AGENTS) - 1 - MOST_CALLS]
    assert await commits(database) == together
    await granted(database, AGENTS[0], "alone.py")
    assert await commits(database) == [*together, 1]


async def test_the_first_to_come_wins_and_the_others_of_its_group_learn_who_it_was(
    database: Database,
) -> None:
    outcomes = await asyncio.gather(*(try_claim(database, who, "src/a.py") for who in AGENTS))
    assert isinstance(outcomes[0], Granted)
    for outcome in outcomes[1:]:
        assert isinstance(outcome, Held)
        assert [conflict.agent_id for conflict in outcome.conflicts] == [AGENTS[0].id]


async def test_waiters_of_one_group_stand_in_the_order_in_which_they_came(database: Database) -> None:
    await granted(database, agent("planner"), "src/a.py")
    outcomes = await asyncio.gather(
        *(try_claim(database, who, "src/a.py", wait=Wait.QUEUE) for who in AGENTS)
    )
    assert [outcome.queue_position for outcome in outcomes if isinstance(outcome, Held)] == [*range(1, 10)]


async def test_one_that_is_refused_spoils_nothing_for_its_group(database: Database) -> None:
    await granted(database, agent("impl_z", session="other", checkout="c" * 12), "z.py")
    group = [*AGENTS[:4], agent("impl_y", checkout="c" * 12), *AGENTS[4:]]
    outcomes = await asyncio.gather(
        *(try_claim(database, who, f"src/{who.name}.py") for who in group), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [Granted] * 4 + [CheckoutTaken] + [Granted] * 5
    held_now = await leases(database)
    assert len(held_now) == len(AGENTS)
    assert (await kinds(database)).count("lock.claimed") == len(AGENTS)


async def test_other_sessions_and_other_statements_go_their_own_ways(database: Database) -> None:
    async with session_locked(database):
        stuck = asyncio.create_task(try_claim(database, AGENTS[0], "a.py"))
        await waiting(database)
        free = agent("impl_a", session="free")
        assert isinstance(await try_claim(database, free, "a.py"), Granted)
        assert not stuck.done()
    assert isinstance(await stuck, Granted)


async def test_who_no_longer_waits_is_not_sent(database: Database) -> None:
    async with session_locked(database):
        first, gone, last = (
            asyncio.create_task(try_claim(database, who, f"src/{who.name}.py")) for who in AGENTS[:3]
        )
        await asyncio.sleep(0)
        gone.cancel()
    assert isinstance(await first, Granted)
    assert isinstance(await last, Granted)
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert [holder for holder, _, _ in await leases(database)] == [AGENTS[0].id, AGENTS[2].id]


@pytest.mark.parametrize("dies", [False, True])
async def test_who_goes_after_its_group_was_sent_takes_no_answer_from_the_others(
    database: Database, *, dies: bool
) -> None:
    async with session_locked(database) as other:
        first, gone, *others = (
            asyncio.create_task(try_claim(database, who, f"src/{who.name}.py")) for who in AGENTS[:4]
        )
        ended = await end(other)  # so that the others, a group by now, are on their way
        await waiting(other, ended)
        gone.cancel()
        if dies:
            await end(other, ended)
    with pytest.raises(RetryLater):
        await first
    with pytest.raises(asyncio.CancelledError):
        await gone
    for outcome in await asyncio.gather(*others, return_exceptions=True):
        assert isinstance(outcome, RetryLater if dies else Granted)
        assert "within" not in str(outcome)  # it was told what happened, and did not wait in vain


async def test_who_waited_too_long_for_others_is_told_so_and_nothing_of_it_is_done(
    database: Database,
) -> None:
    calls = GroupCommit(database, seconds=0.05)
    async with session_locked(database):
        first = asyncio.create_task(calls.fetch_json(("local", "demo"), TAKE, "first"))
        await waiting(database)
        with pytest.raises(RetryLater, match=r"within 0\.05 seconds"):
            await calls.fetch_json(("local", "demo"), TAKE, "late")
    assert await first == b'"first"'
    assert await calls.fetch_json(("local", "demo"), TAKE, "next") == b'"next"'
    assert [row["id"] for row in await database.fetch("SELECT id FROM tasks ORDER BY id")] == [
        "first",
        "next",
    ]


async def test_who_gave_up_while_a_group_was_decided_is_not_done_later(database: Database) -> None:
    calls = GroupCommit(database, seconds=0.5)

    async def take(task_id: str) -> object:
        return await asyncio.gather(
            calls.fetch_json(("local", "demo"), TAKE, task_id), return_exceptions=True
        )

    async with worker(database.dsn, idle_in_transaction_session_timeout="0") as other:
        async with session_locked(database):
            first, *group = (asyncio.create_task(take(name)) for name in ("first", "a", "b", "first"))
            await waiting(database)
            await other.raw.execute("BEGIN; INSERT INTO tasks (session_id, id) VALUES ('demo', 'b')")
        for told in await asyncio.gather(*group):
            assert isinstance(told, list)
            assert isinstance(told[0], RetryLater)
        # The group waits for "b" still. It will fail because there is a "first" already, and then nobody wants it.
        await other.raw.execute("ROLLBACK")
    assert await first == [b'"first"']
    assert await take("last") == [b'"last"']
    assert [row["id"] for row in await database.fetch("SELECT id FROM tasks ORDER BY id")] == [
        "first",
        "last",
    ]


async def test_a_deadlock_of_a_group_is_none_for_its_calls(database: Database) -> None:
    lock = "SELECT to_jsonb($1::int) FROM (SELECT pg_advisory_xact_lock($1::int)) AS locked"
    calls = GroupCommit(database, seconds=5)
    async with worker(database.dsn, idle_in_transaction_session_timeout="0", deadlock_timeout="5s") as other:
        await other.raw.execute("BEGIN; SELECT pg_advisory_xact_lock(2)")
        first, *group = (
            asyncio.create_task(calls.fetch_json(("local", "demo"), lock, number)) for number in (1, 1, 2)
        )
        await waiting(database)
        await other.raw.execute("SELECT pg_advisory_xact_lock(1)")
        await other.raw.execute("COMMIT")
    assert [await call for call in (first, *group)] == [b"1", b"1", b"2"]


async def test_a_connection_that_dies_is_told_to_the_whole_group(database: Database) -> None:
    async with session_locked(database) as other:
        calls = [asyncio.create_task(try_claim(database, who, f"src/{who.name}.py")) for who in AGENTS]
        ended: list[int] = []
        for _ in ("the first call", "a group", "the group of the others"):
            ended.append(await end(other, *ended))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {RetryLater}
    assert await leases(database) == []
    assert isinstance(await try_claim(database, AGENTS[0], "src/a.py"), Granted)


async def test_the_largest_group_goes_to_the_server_by_one_write(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the widest characters too; a process that is stopped has then sent all of a group or nothing."""
    calls = [
        [f"{number}", "\N{GRINNING FACE}" * (MOST_CHARACTERS // MOST_CALLS)] for number in range(MOST_CALLS)
    ]
    writes: list[tuple[int, int]] = []
    async with worker(database.dsn) as one:
        await granted(one, AGENTS[0], "a.py")
        await one.fetch_jsons(INSERT, [["prepared", ""]])
        transport: Any = one.raw._transport
        of_all = transport.__class__
        below = of_all.write

        def write(self: asyncio.Transport, sent: bytes) -> None:
            below(self, sent)
            if self is transport:
                writes.append((len(sent), self.get_write_buffer_size()))

        monkeypatch.setattr(of_all, "write", write)
        await one.fetch_jsons(INSERT, calls)
        monkeypatch.undo()
    ((size, unsent),) = writes
    assert size > 4 * MOST_CHARACTERS
    assert unsent == 0


@pytest.mark.parametrize(
    ("characters", "groups"),
    [
        (1, [1, MOST_CALLS, 3]),
        (MOST_CHARACTERS, [1] * (MOST_CALLS + 5)),
    ],
)
async def test_a_group_is_small_enough_for_one_write(
    database: Database, characters: int, groups: list[int]
) -> None:
    calls = GroupCommit(database, seconds=20)
    await asyncio.gather(
        *(
            calls.fetch_json(("local", "demo"), INSERT, f"t{number:02}", "x" * characters)
            for number in range(sum(groups))
        )
    )
    rows = await database.fetch("SELECT count(*) FROM tasks GROUP BY xmin::text ORDER BY min(id)")
    assert [row[0] for row in rows] == groups
