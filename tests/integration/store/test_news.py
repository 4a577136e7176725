"""News by cursor: what concerns an agent is told until it was delivered, and never missed."""

from typing import Any

import pytest

from coordination.domain.agent import Agent
from coordination.domain.file_lock import Wait
from coordination.domain.task import News, Report, Synced, TaskStatus
from coordination.store import file_lock, task
from coordination.store.database import Database
from tests.integration.store.steps import READ, agent, expire, granted, held, wanted

A, B, C = agent("impl_a"), agent("impl_b"), agent("impl_c")


async def sync(
    database: Database, who: Agent, report: Report | None = None, *, delivered: bool = True
) -> Synced:
    """Sync, and confirm the news when the answer was delivered."""
    synced = await task.sync(database, who, report or Report())
    if delivered:
        await task.confirm_news(database, who, synced.news.cursor)
    return synced


async def news(database: Database, who: Agent, *, delivered: bool = True) -> News:
    return (await sync(database, who, delivered=delivered)).news


async def say(database: Database, who: Agent, text: str, *to: str) -> None:
    await sync(database, who, Report(message=text, to=to))


def told(read: News) -> list[str]:
    return [item.kind for item in read.items]


async def plan(database: Database, *tasks: tuple[str, str, tuple[str, ...]]) -> None:
    """Write planned tasks: id, whose they are, what they wait for."""
    for position, (name, whose, after) in enumerate(tasks):
        await database.fetch(
            """INSERT INTO tasks (session_id, id, description, assigned_to, depends_on, position)
               VALUES ('demo', $1, $2, $3, $4, $5) RETURNING 1""",
            name,
            f"do {name}",
            whose,
            list(after),
            position,
        )


async def test_news_repeat_until_they_were_delivered(database: Database) -> None:
    await sync(database, A)
    await sync(database, B)
    await say(database, B, "one", "impl_a")
    lost = await news(database, A, delivered=False)
    again = await news(database, A)
    assert lost == again
    assert [item.payload["text"] for item in again.items] == ["one"]
    assert told(await news(database, A)) == []


async def test_what_comes_between_an_answer_and_its_delivery_is_not_missed(database: Database) -> None:
    await sync(database, A)
    await sync(database, B)
    await say(database, B, "one", "impl_a")
    first = await news(database, A, delivered=False)
    await say(database, B, "two", "impl_a")
    await task.confirm_news(database, A, first.cursor)
    assert [item.payload["text"] for item in (await news(database, A)).items] == ["two"]


async def test_a_late_confirmation_of_an_old_answer_brings_nothing_back(database: Database) -> None:
    await sync(database, A)
    await sync(database, B)
    old = await news(database, A, delivered=False)
    await say(database, B, "one", "impl_a")
    await news(database, A)
    await task.confirm_news(database, A, old.cursor)
    assert told(await news(database, A)) == []


async def test_a_newcomer_is_not_told_what_was_before_it_came(database: Database) -> None:
    await sync(database, A)
    await task.send(database, "local", "demo", "alice", "old", None)
    assert told(await news(database, B)) == []
    await task.send(database, "local", "demo", "alice", "new", None)
    assert told(await news(database, B)) == ["message.sent"]


async def test_more_than_an_answer_holds_comes_with_the_next_and_is_announced(database: Database) -> None:
    await sync(database, A)
    await sync(database, B)
    for number in range(45):
        await say(database, B, str(number), "impl_a")
    pages: list[Any] = []
    while not pages or pages[-1].more:
        pages.append(await news(database, A))
    assert [len(page.items) for page in pages] == [20, 20, 5]
    texts = [item.payload["text"] for page in pages for item in page.items]
    assert texts == [str(number) for number in range(45)]
    ids = [item.id for page in pages for item in page.items]
    assert ids == sorted(set(ids))


async def test_a_long_log_without_news_is_read_in_steps_and_loses_nothing(database: Database) -> None:
    await sync(database, A)
    await sync(database, B)
    await database.fetch(
        """INSERT INTO coordination_events (session_id, seq, agent_id, kind, payload, concerns, created_at)
           SELECT 'demo', 3 + n, 'alice/impl_b', 'task.progressed', '{}', '{}', now()
           FROM generate_series(1, 1500) n RETURNING 1"""
    )
    await say(database, B, "at last", "impl_a")
    first = await news(database, A)
    assert (told(first), first.more) == ([], True)
    second = await news(database, A)
    assert (told(second), second.more) == (["message.sent"], False)


async def test_a_holder_is_told_what_it_lost_to_the_clock_by_its_own_sync(database: Database) -> None:
    await granted(database, A, "a.py", "b.py")
    await expire(database, "a.py")
    synced = await sync(database, A)
    assert told(synced.news) == ["lock.expired"]
    assert [lock["path"] for lock in synced.news.items[0].payload["locks"]] == ["a.py"]
    assert [lease.path for lease in synced.leases] == ["b.py"]


async def test_a_holder_is_told_what_it_lost_when_somebody_else_was_granted_it(database: Database) -> None:
    await granted(database, A, "a.py")
    await expire(database, "a.py")
    await granted(database, B, "a.py")
    assert told(await news(database, A)) == ["lock.expired"]
    assert told(await news(database, B)) == []


async def test_a_holder_is_told_what_a_person_took(database: Database) -> None:
    await granted(database, A, "a.py")
    await file_lock.revoke(database, "local", "demo", "alice", ["a.py"], None)
    read = await news(database, A)
    assert [(item.kind, item.from_agent) for item in read.items] == [("lock.revoked", "alice")]


@pytest.mark.parametrize("mine", ["src/a.py", "src", "."])
async def test_claims_and_releases_on_the_files_of_an_open_task_are_told(
    database: Database, mine: str
) -> None:
    key = "" if mine == "." else mine
    await sync(database, B)
    await sync(database, A, Report("t1", TaskStatus.STARTED, paths=(mine,), path_keys=(key,)))
    await granted(database, B, "src/a.py")
    await file_lock.release(database, B, None, None)
    await granted(database, B, "src/a.py")
    await file_lock.revoke(database, "local", "demo", "alice", None, B.id)
    await granted(database, B, "src/a.py")
    await expire(database, "src/a.py")
    await file_lock.expire(database)
    assert told(await news(database, A)) == [
        *("lock.claimed", "lock.released", "lock.claimed", "lock.revoked", "lock.claimed", "lock.expired"),
    ]
    await granted(database, B, "docs/a.md" if mine != "." else "resource:port/1", operation=READ)
    assert told(await news(database, A)) == []
    await sync(database, A, Report("t1", TaskStatus.COMPLETED))
    await granted(database, B, "src/a.py")
    assert [kind for kind in told(await news(database, A)) if kind.startswith("lock.")] == []


async def test_what_happens_to_awaited_files_is_told(database: Database) -> None:
    await granted(database, A, "src/a.py")
    await held(database, B, "src", wait=Wait.PARK)
    await file_lock.release(database, A, None, None)
    assert told(await news(database, B)) == ["lock.released"]


async def test_a_task_that_waits_for_nothing_more_is_told_to_its_agent(database: Database) -> None:
    await sync(database, B)
    await plan(
        database, ("t1", A.id, ()), ("t2", A.id, ()), ("t3", B.id, ("t1", "t2")), ("t4", C.id, ("t3",))
    )
    await sync(database, A, Report("t1", TaskStatus.COMPLETED))
    assert told(await news(database, B)) == []
    await sync(database, A, Report("t2", TaskStatus.FAILED))
    assert told(await news(database, B)) == []
    await sync(database, A, Report("t2", TaskStatus.STARTED))
    await sync(database, A, Report("t2", TaskStatus.COMPLETED))
    read = await news(database, B)
    assert [(item.kind, item.payload["task_id"], item.payload["after"]) for item in read.items] == [
        ("task.unblocked", "t3", "t2")
    ]


async def test_the_next_task_is_the_first_planned_one_that_waits_for_nothing(database: Database) -> None:
    await plan(database, ("late", B.id, ("t1",)), ("t1", A.id, ()), ("soon", B.id, ()), ("t0", A.id, ()))
    assert (await sync(database, C)).next_task is None
    following = (await sync(database, B)).next_task
    assert following is not None
    assert (following.task_id, following.description) == ("soon", "do soon")
    await sync(database, A, Report("t1", TaskStatus.COMPLETED))
    following = (await sync(database, B)).next_task
    assert following is not None
    assert following.task_id == "late"


async def test_own_leases_come_with_time_left_first_to_end_first(database: Database) -> None:
    await file_lock.claim(database, A, wanted("long.py", minutes=60), Wait.NO)
    await file_lock.claim(database, A, wanted("short.py", minutes=1), Wait.NO)
    await granted(database, A, *(f"{number}.py" for number in range(25)))
    synced = await sync(database, A)
    assert synced.lease_count == 27
    assert len(synced.leases) == 20
    assert synced.leases[0].path == "short.py"
    assert 0 < synced.leases[0].expires_in_seconds <= 60
    assert "long.py" not in {lease.path for lease in synced.leases}
