"""Agents, tasks, plans and messages: what each list shows, page by page, and one of them by its id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from coordination.domain.path import normalise
from coordination.domain.plan.task import PlannedTask
from coordination.domain.task import Report, TaskStatus
from coordination.services import plan, task
from coordination.store import task as store
from tests.integration.rest.api import Api, agent

Row = dict[str, Any]
LISTS = ("agents", "tasks", "plans", "messages")
KEYS = {"agents": "agent_id", "tasks": "task_id", "plans": "revision", "messages": "id"}


async def page(api: Api, kind: str, **parameters: object) -> Row:
    answer = await api.get(f"/sessions/demo/{kind}", **parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def listed(api: Api, kind: str, **parameters: object) -> list[Any]:
    """The keys of a list's first page."""
    return [row[KEYS[kind]] for row in (await page(api, kind, **parameters))[kind]]


async def report(
    api: Api, name: str, task_id: str, status: TaskStatus = TaskStatus.STARTED, **more: Any
) -> None:
    await task.sync(api.core, agent(name), Report(task_id=task_id, status=status, **more))


async def hand_out(api: Api, *tasks: str) -> int:
    """Hand out a plan of such tasks, each on a file of its own; returns its revision."""
    planner = agent("planner")
    planned = [PlannedTask(one, f"Write {one}", (normalise(f"{one}.py"),)) for one in tasks]
    kept = await plan.analyse(api.core, planner, planned)
    return (await plan.distribute(api.core, planner, kept.id, 2)).revision


async def send(api: Api, text: str, *to: str) -> None:
    message: Row = {"text": text, "sender": "bob"} | ({"to": list(to)} if to else {})
    answer = await api.client.post("/sessions/demo/messages", json=message)
    assert answer.status_code == 200, answer.text


async def test_agents_are_listed_whether_present_or_not_and_each_can_be_looked_at(api: Api) -> None:
    await api.claim(agent("impl_a"), "a.py", "b.py")
    await api.join("planner", "gone")
    await api.core.database.fetch(
        "UPDATE claude_code_agents SET last_activity = now() - interval '1 hour' WHERE name = 'gone'"
    )
    found = {row["name"]: row for row in (await page(api, "agents"))["agents"]}
    assert list(found) == ["gone", "impl_a", "planner"]
    assert [row["presence"] for row in found.values()] == ["inactive", "active", "active"]
    assert found["gone"]["quiet_seconds"] > 3500
    assert (found["impl_a"]["lock_count"], found["impl_a"]["role"]) == (2, "implementer")
    for path in ("alice/impl_a", "alice%2Fimpl_a"):
        one = (await api.get(f"/sessions/demo/agents/{path}")).json()
        assert [lock["path"] for lock in one["locks"]] == ["a.py", "b.py"]
    assert (await api.get("/sessions/demo/agents/alice/gone")).json()["presence"] == "inactive"


async def test_an_agent_is_looked_at_by_its_whole_id(api: Api) -> None:
    await api.join("impl_a")
    answer = await api.get("/sessions/demo/agents/impl_a")
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such agent in this session.")


async def test_a_page_of_large_tasks_ends_before_it_has_become_large(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = tuple(f"{'x' * 200}{number}.py" for number in range(10))
    names = [f"t{number}" for number in range(5)]
    for name in names:
        await report(api, "impl_a", name, paths=paths, path_keys=paths)
    # 1: one task is more. 5,000: two of them have room.
    for room, sizes in ((1, [1, 1, 1, 1, 1]), (5_000, [2, 2, 1]), (50_000, [5])):
        monkeypatch.setattr(store, "PAGE_BYTES", room)
        pages = [await page(api, "tasks", limit=200)]
        while (cursor := pages[-1]["next_cursor"]) is not None:
            pages.append(await page(api, "tasks", limit=200, after=cursor))
        assert [len(one["tasks"]) for one in pages] == sizes
        assert [row["task_id"] for one in pages for row in one["tasks"]] == names
        assert len((await page(api, "tasks", limit=1))["tasks"]) == 1


async def test_tasks_are_listed_with_what_their_holders_reported(api: Api) -> None:
    await hand_out(api, "parser", "docs")
    await report(api, "impl_b", "own/one", progress_percentage=40, message="half", paths=("x.py",))
    tasks = {row["task_id"]: row for row in (await page(api, "tasks"))["tasks"]}
    assert list(tasks) == ["docs", "own/one", "parser"]
    assert tasks["docs"]["status"] == "pending"
    assert (tasks["docs"]["files"], tasks["docs"]["plan_revision"]) == (["docs.py"], 1)
    own = tasks["own/one"]
    assert (own["status"], own["agent_id"], own["assigned_to"]) == ("started", "alice/impl_b", None)
    assert (own["progress_percentage"], own["message"], own["affected_files"]) == (40, "half", ["x.py"])
    for path in ("own/one", "own%2Fone"):
        assert (await api.get(f"/sessions/demo/tasks/{path}")).json() == own


async def test_what_a_former_holder_reported_is_not_told_of_a_task_that_another_took(api: Api) -> None:
    await report(api, "impl_a", "t1", progress_percentage=90, message="nearly")
    await report(api, "impl_a", "t1", TaskStatus.FAILED)
    await report(api, "impl_b", "t1")
    [found] = (await page(api, "tasks"))["tasks"]
    assert (found["agent_id"], found["progress_percentage"], found["message"]) == ("alice/impl_b", None, None)


async def test_tasks_are_filtered_by_status_and_by_whose_they_are(api: Api) -> None:
    await hand_out(api, "t1", "t2")
    owners = {row["task_id"]: row["assigned_to"] for row in (await page(api, "tasks"))["tasks"]}
    mine, theirs = sorted(owners)
    other = owners[theirs].removeprefix("alice/")
    await report(api, other, mine)
    assert await listed(api, "tasks", status="pending") == [theirs]
    assert await listed(api, "tasks", status="started") == [mine]
    assert await listed(api, "tasks", status="failed") == []
    # It has the one and is meant for the other; for whom the first was meant has nothing any more.
    assert await listed(api, "tasks", agent=other) == [mine, theirs]
    assert await listed(api, "tasks", agent=owners[theirs]) == [mine, theirs]
    assert await listed(api, "tasks", agent=owners[mine]) == []
    assert await listed(api, "tasks", agent=other, status="started") == [mine]


async def test_each_plan_can_be_looked_at_as_it_was_handed_out_and_the_latest_as_it_is(api: Api) -> None:
    await hand_out(api, "t1", "t2", "t3")
    await report(api, "impl_a", "t1")
    await hand_out(api, "t3", "t4")
    await report(api, "impl_b", "t4")
    plans = (await page(api, "plans"))["plans"]
    assert [(row["revision"], row["agent_count"], row["agent_id"]) for row in plans] == [
        (1, 2, "alice/planner"),
        (2, 2, "alice/planner"),
    ]
    first, second = [(await api.get(f"/sessions/demo/plans/{number}")).json() for number in (1, 2)]
    told = [(row["task_id"], row["status"], row["agent_id"], row["files"]) for row in first["tasks"]]
    assert sorted(told) == [
        ("t1", "started", "alice/impl_a", ["t1.py"]),
        ("t2", "replaced", None, ["t2.py"]),
        # The second plan has it too, in the same words.
        ("t3", "pending", None, ["t3.py"]),
    ]
    assert {row["task_id"]: row["status"] for row in second["tasks"]} == {"t3": "pending", "t4": "started"}
    assert (await api.get("/sessions/demo/plan")).json() == second
    assert {name: value for name, value in first.items() if name != "tasks"} == plans[0]


async def test_messages_of_persons_and_agents_are_listed_in_order(api: Api) -> None:
    await api.join("impl_a", "impl_b")
    await send(api, "hello")
    await task.sync(api.core, agent("impl_a"), Report(message="your turn", to=("impl_b",)))
    messages = (await page(api, "messages"))["messages"]
    assert [(row["sender"], row["text"], row["to"]) for row in messages] == [
        ("bob", "hello", ["alice/impl_a", "alice/impl_b"]),
        ("alice/impl_a", "your turn", ["alice/impl_b"]),
    ]
    events = (await api.get("/sessions/demo/events")).json()["events"]
    assert [row["id"] for row in messages] == [row["seq"] for row in events if row["kind"] == "message.sent"]
    assert await listed(api, "messages", after=messages[0]["id"]) == [messages[1]["id"]]


Add = Callable[[Api, str], Awaitable[object]]


async def _joined(api: Api, name: str) -> None:
    await api.join(name)


async def _reported(api: Api, name: str) -> None:
    await report(api, "impl_a", name)


async def _handed_out(api: Api, name: str) -> None:
    await hand_out(api, f"{name}1", f"{name}2")


async def _sent(api: Api, name: str) -> None:
    await api.join("impl_a")
    await send(api, name)


ADDING: list[tuple[str, Add]] = [
    ("agents", _joined),
    ("tasks", _reported),
    ("plans", _handed_out),
    ("messages", _sent),
]


@pytest.mark.parametrize(("kind", "add"), ADDING, ids=[kind for kind, _ in ADDING])
async def test_rows_that_are_added_between_pages_make_none_come_twice_and_none_be_missed(
    api: Api, kind: str, add: Add
) -> None:
    for name in ("b", "d", "f", "h", "j"):
        await add(api, name)
    there = await listed(api, kind)
    seen: list[Any] = []
    cursor: dict[str, object] = {}
    # Before, at and behind the cursor.
    for added in ("a", "e", "k", "l", "m", "n"):
        found = await page(api, kind, limit=2, **cursor)
        assert len(found[kind]) <= 2
        seen += [row[KEYS[kind]] for row in found[kind]]
        if found["next_cursor"] is None:
            break
        cursor = {"after": found["next_cursor"]}
        await add(api, added)
    assert found["next_cursor"] is None
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen)
    assert set(there) <= set(seen)
    # What was added behind the cursor is no less there than what was there before.
    assert max(seen) == max(await listed(api, kind))


@pytest.mark.parametrize("kind", LISTS)
async def test_a_session_without_any_is_an_empty_list_and_no_session_is_an_error(api: Api, kind: str) -> None:
    await api.core.database.fetch(
        "INSERT INTO claude_code_sessions (id, name, user_id) VALUES ('e', 'e', 'eve')"
    )
    removed = {"removed_up_to": None} if kind == "messages" else {}
    assert (await api.get(f"/sessions/e/{kind}")).json() == {kind: [], "next_cursor": None, **removed}
    nowhere = await api.get(f"/sessions/nowhere/{kind}")
    assert (nowhere.status_code, nowhere.json()["detail"]) == (404, "There is no such session.")


@pytest.mark.parametrize(
    "path", ["agents/alice/nobody", "agents/", "agents/a%00b", "tasks/t9", "tasks/", "plans/9"]
)
async def test_what_is_not_there_is_told_after_whether_the_session_is(api: Api, path: str) -> None:
    await api.join("impl_a")
    answer = await api.get(f"/sessions/demo/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["detail"].endswith("in this session.")
    nowhere = await api.get(f"/sessions/nowhere/{path}")
    assert nowhere.json()["detail"] == "There is no such session."
