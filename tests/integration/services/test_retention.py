"""What is past its time goes, in steps, and nothing else; whoever has not read it is told."""

import pytest

from coordination.domain.retention import Retention
from coordination.domain.session import SessionState
from coordination.domain.task import Report, TaskStatus
from coordination.services import agent as agents
from coordination.services import event, plan, session, task
from coordination.services.core import Core
from coordination.services.event_stream import open_stream
from coordination.store import retention as store
from coordination.store.database import Database
from tests.integration.services.past import KEPT, numbers, pass_days, step, sweep
from tests.integration.services.tenants import furnish, hand_out, index, rows
from tests.integration.store.steps import agent, expire, granted, worker

A, B = agent("impl_a"), agent("impl_b")


async def happen(database: Database, number: int) -> None:
    """Let so many claims be granted: with the session's beginning and the agent's joining there are two more events."""
    for path in range(number):
        await granted(database, A, f"{path}.py")


async def close(core: Core, name: str = "demo") -> None:
    await session.configure(core, "local", name, "eve", status=SessionState.CLOSED, across_checkouts=None)


async def test_events_past_their_time_go_and_the_numbers_go_on(core: Core, database: Database) -> None:
    await happen(database, 6)
    await pass_days(database, 31, up_to=5)
    removed = await sweep(core)
    assert (removed.events, removed.sessions) == (5, 0)
    assert await numbers(database) == [6, 7, 8]
    await granted(database, A, "new.py")
    assert await numbers(database) == [6, 7, 8, 9]


async def test_the_last_event_stays_however_old_so_that_no_number_is_given_twice(
    core: Core, database: Database
) -> None:
    await happen(database, 3)
    await pass_days(database, 1000)
    assert (await sweep(core)).events == 4
    assert await numbers(database) == [5]
    await granted(database, A, "new.py")
    assert await numbers(database) == [5, 6]
    assert (await sweep(core)).events == 1


async def test_what_is_left_has_no_gap_when_the_clock_was_set_back(core: Core, database: Database) -> None:
    await happen(database, 6)
    await pass_days(database, 31)
    await database.fetch("UPDATE coordination_events SET created_at = now() WHERE seq = 4 RETURNING 1")
    assert (await sweep(core)).events == 3
    assert await numbers(database) == [4, 5, 6, 7, 8]


@pytest.mark.parametrize("kept", [Retention(), Retention(closed_days=60), Retention(events_days=400)])
async def test_nothing_goes_before_its_time_and_nothing_with_0_days(
    core: Core, database: Database, kept: Retention
) -> None:
    await furnish(core, "local")
    for name in ("demo", "planned", "indexed", "theirs", "shut"):
        await pass_days(database, 59, session=name)
    before = await rows(database, "local")
    removed = await sweep(core, kept)
    assert (removed.events, removed.sessions, removed.indexes) == (0, 0, 0)
    assert await rows(database, "local") == before


async def test_a_step_is_bounded_and_says_where_to_go_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "STEP_EVENTS", 3)
    await happen(database, 6)
    await pass_days(database, 31)
    taken = [await step(database), await step(database, after=3), await step(database, after=6)]
    assert [(one.events, one.up_to, one.more) for one in taken if one] == [
        (3, 3, True),
        (3, 6, True),
        (1, 7, True),
    ]
    end = await step(database, after=7)
    assert end is not None
    assert (end.events, end.more) == (0, False)


async def test_it_leaves_a_session_in_which_somebody_writes(core: Core, database: Database) -> None:
    await happen(database, 3)
    await pass_days(database, 31)
    async with worker(database.dsn, idle_in_transaction_session_timeout="0") as busy:
        await busy.raw.execute("BEGIN; SELECT coordination_lock_session('local', 'demo')")
        assert await step(database) is None
        assert (await sweep(core)).events == 0
    assert (await sweep(core)).events == 4


async def test_a_closed_session_goes_with_all_its_rows_after_its_time(core: Core, database: Database) -> None:
    await furnish(core, "local")
    await hand_out(core, agent("planner"))
    await index(core, "local", "demo", {"a.py": "1"}, files=1)
    await close(core)
    await expire(
        database,
        *[
            lock["path_key"]
            for lock in await database.fetch("SELECT path_key FROM file_locks WHERE session_id = 'demo'")
        ],
    )
    await pass_days(database, 59)
    assert (await sweep(core)).sessions == 0
    await pass_days(database, 2)
    removed = await sweep(core)
    assert removed.sessions == 1
    left = await rows(database, "local")
    assert [line for lines in left.values() for line in lines if '"session_id": "demo"' in line] == []
    assert not any('"id": "demo"' in line for line in left["claude_code_sessions"])
    assert len(left["claude_code_sessions"]) > 3


async def test_a_closed_session_stays_while_somebody_holds_a_lease_there(
    core: Core, database: Database
) -> None:
    await happen(database, 1)
    await close(core)
    await pass_days(database, 61)
    assert (await sweep(core)).sessions == 0
    await expire(database, "0.py")
    assert (await sweep(core)).sessions == 1


async def test_a_session_that_is_open_stays_however_quiet_it_is(core: Core, database: Database) -> None:
    await happen(database, 1)
    await pass_days(database, 4000)
    assert (await sweep(core)).sessions == 0
    assert (await agents.read_status(core, "local", "demo")).session == "demo"


async def test_finished_tasks_go_but_not_those_of_the_newest_plan_nor_what_others_wait_for(
    core: Core, database: Database
) -> None:
    for name, status in (("done", TaskStatus.COMPLETED), ("failed", TaskStatus.FAILED), ("open", None)):
        await task.sync(core, A, Report(task_id=name, status=TaskStatus.STARTED))
        if status:
            await task.sync(core, A, Report(task_id=name, status=status))
    await database.fetch(
        "INSERT INTO tasks (session_id, id, status, depends_on)"
        " VALUES ('demo', 'later', 'blocked', '{failed}') RETURNING 1"
    )
    planner = agent("planner")
    await hand_out(core, planner)
    await pass_days(database, 31)
    await hand_out(core, planner)
    for name in ("p1", "p2"):
        for status in (TaskStatus.STARTED, TaskStatus.COMPLETED):
            await task.sync(core, A, Report(task_id=name, status=status))
    await pass_days(database, 31, up_to=9)
    await sweep(core)
    kept, _ = await task.list_tasks(core, "local", "demo", limit=100)
    assert sorted(one.task_id for one in kept) == ["failed", "later", "open", "p1", "p2"]
    progress = await database.fetch("SELECT task_id FROM task_progress ORDER BY 1")
    assert [row["task_id"] for row in progress] == ["failed", "open", "p1", "p2"]
    assert [one.revision for one in await plan.list_plans(core, "local", "demo", 0, 100)] == [2]


async def test_an_index_goes_that_nobody_refreshed_where_nobody_works(core: Core, database: Database) -> None:
    for name in ("demo", "used"):
        await agents.join(core, agent("planner", session=name))
        await index(core, "local", name, {"a.py": "1"}, files=1)
        await pass_days(database, 31, session=name)
    await database.fetch(
        "UPDATE claude_code_agents SET checkout = i.checkout, last_activity = now() FROM file_indexes i"
        " WHERE i.session_id = 'used' AND claude_code_agents.session_id = 'used' RETURNING 1"
    )
    assert (await sweep(core)).indexes == 1
    left = await rows(database, "local")
    for table in ("file_indexes", "indexed_files"):
        assert [('"used"' in line) for line in left[table]] == [True]


async def test_an_agent_that_comes_back_is_told_that_news_went(core: Core, database: Database) -> None:
    await agents.join(core, B)
    await task.sync(core, A, Report(message="one", to=("impl_b",)))
    await happen(database, 2)
    await pass_days(database, 31)
    await task.sync(core, A, Report(message="two", to=("impl_b",)))
    await sweep(core)
    synced = await task.sync(core, B, Report())
    assert synced.news.removed_up_to == 6
    assert [item.payload["text"] for item in synced.news.items] == ["two"]
    await task.confirm_news(core, B, synced.news.cursor)
    assert (await task.sync(core, B, Report())).news.removed_up_to is None


async def test_a_stream_with_an_older_number_is_told_and_goes_on(core: Core, database: Database) -> None:
    await happen(database, 6)
    await pass_days(database, 31, up_to=5)
    await sweep(core)
    with open_stream(core, "local") as stream:
        await stream.follow("demo", 2)
        page = await stream.read()
        assert page is not None
        assert page.removed_up_to == 5
        assert [one.seq for one in page.events] == [6, 7, 8]
        await granted(database, A, "new.py")
        await stream.check()
        page = await stream.read()
        assert page is not None
        assert page.removed_up_to is None


async def test_the_latest_events_up_to_a_number_are_none_where_they_went(
    core: Core, database: Database
) -> None:
    await happen(database, 8)
    await pass_days(database, 31, up_to=6)
    await sweep(core)
    assert await event.read_latest(core, "local", "demo", 3, 4) == []
    assert [one.seq for one in await event.read_latest(core, "local", "demo", 3, 8)] == [7, 8]
    assert await event.first_number(core, "local", "demo") == 7


async def test_the_sweep_of_one_workspace_leaves_the_others_alone(core: Core, database: Database) -> None:
    await furnish(core, "red")
    await furnish(core, "local")
    await pass_days(database, 31)
    await database.fetch(
        "UPDATE coordination_events SET created_at = now() WHERE workspace_id = 'red' RETURNING 1"
    )
    before = await rows(database, "red")
    assert KEPT.events_days == 30
    assert (await sweep(core)).events > 0
    assert (await rows(database, "red"))["coordination_events"] == before["coordination_events"]


INVITATIONS = """
    INSERT INTO workspace_invitations (workspace_id, id, digest, user_id, role, created_by, created_at, expires_at)
    SELECT 'past', n::text, n::text::bytea, n::text, 'member', 'eve', now(), now() - make_interval(days => n)
    FROM unnest(ARRAY[-1, 29, 31]) n
"""
TOKENS = """
    INSERT INTO agent_tokens (workspace_id, id, digest, user_id, scopes, created_by, created_at, expires_at, revoked_at)
    SELECT 'past', name, name::bytea, 'eve', '{read}', 'eve', now(), now() - make_interval(days => expired),
           now() - make_interval(days => revoked)
    FROM (VALUES ('endless', NULL, NULL), ('expired', 31, NULL), ('revoked', -9, 31), ('lately', 29, 1))
        AS t(name, expired, revoked)
"""


async def test_credentials_go_thirty_days_after_they_ended(core: Core, database: Database) -> None:
    await database.fetch(INVITATIONS)
    await database.fetch(TOKENS)
    assert (await sweep(core, Retention())).credentials == 3
    for table, left in (("workspace_invitations", ["-1", "29"]), ("agent_tokens", ["endless", "lately"])):
        gone = await database.fetch(f"DELETE FROM {table} WHERE workspace_id = 'past' RETURNING id")  # noqa: S608 - the names above
        assert sorted(row["id"] for row in gone) == left
