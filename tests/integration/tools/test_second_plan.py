"""A plan after another one: what was begun stays, what fails or is said anew is never lost, and files stay apart."""

import pytest

from coordination.domain.errors import UnknownItem
from coordination.services import plan
from coordination.store.database import Database
from tests.integration.tools.endpoint import Endpoint
from tests.integration.tools.planning import ANALYSE, DISTRIBUTE, analysed, distributed, task


async def test_a_second_plan_of_sentences_has_tasks_of_its_own(mcp: Endpoint, database: Database) -> None:
    for sentences in (["Write a.py", "Write b.py"], ["Mend c.py", "Mend d.py", "Mend d.py"]):
        analysed = await mcp.call("planner", ANALYSE, {"tasks": sentences})
        answer = await mcp.call("planner", DISTRIBUTE, {"analysis_id": analysed.content["analysis_id"]})
        assert "kept" not in answer.content
        for id_ in [one["id"] for one in answer.content["tasks"]]:
            await mcp.sync("impl_a", task_id=id_, status="completed")
    rows = await database.fetch("SELECT description FROM tasks ORDER BY description")
    assert [row["description"] for row in rows] == [
        *("Mend c.py", "Mend d.py", "Mend d.py"),
        *("Write a.py", "Write b.py"),
    ]


async def test_a_failed_task_that_is_planned_again_can_be_begun_again(
    mcp: Endpoint, database: Database
) -> None:
    await distributed(mcp, task("a", "a.py"), task("b", "b.py", after=("a",)), task("c"))
    await mcp.sync("impl_b", task_id="a", status="failed", message="no")
    answer = await distributed(mcp, {**task("a", "a.py"), "description": "Try b again"}, task("c"))
    assert "kept" not in answer.content
    (row,) = await database.fetch("SELECT description, status, agent_id, taken_at FROM tasks WHERE id = 'a'")
    assert tuple(row) == ("Try b again", "pending", None, None)
    assert (await mcp.sync("impl_a")).content["next_task"]["task_id"] == "a"
    (event,) = await database.fetch(
        "SELECT payload->'again' AS again FROM coordination_events"
        " WHERE kind = 'plan.distributed' ORDER BY seq DESC LIMIT 1"
    )
    assert event["again"] == '["a"]'
    begun = await mcp.sync("impl_a", task_id="a", status="started")
    assert begun.content["task"] == {"task_id": "a", "status": "started"}


@pytest.mark.parametrize("status", ["started", "completed"])
async def test_other_words_for_a_task_that_has_started_are_refused_and_nothing_is_written(
    mcp: Endpoint, database: Database, status: str
) -> None:
    await distributed(mcp, task("a", "a.py"), task("b", "b.py"))
    await mcp.sync("impl_a", task_id="a", status=status)
    before = await database.fetch("SELECT * FROM tasks ORDER BY id")
    id_ = await analysed(mcp, {**task("a", "a.py"), "description": "Another thing"}, task("new", "n.py"))
    refused = await mcp.call("planner", DISTRIBUTE, {"analysis_id": id_})
    assert (refused.is_error, refused.content["code"]) == (True, "invalid_input")
    assert f'"a" ({status}) began with another description' in refused.content["message"]
    assert await database.fetch("SELECT * FROM tasks ORDER BY id") == before
    assert [row["revision"] for row in await database.fetch("SELECT revision FROM plans")] == [1]


async def test_tasks_that_lost_their_plan_are_replaced_too(mcp: Endpoint, database: Database) -> None:
    await distributed(mcp, task("a", "a.py"), task("b", "b.py"))
    await mcp.sync("impl_b", task_id="b", status="started")
    # What taking revision 0003 back, and making it again, leaves of a plan.
    await database.fetch("UPDATE tasks SET plan_revision = NULL, files = '{}', work = NULL")
    await database.fetch("DELETE FROM plans")
    await distributed(mcp, task("c", "c.py"), task("d", "d.py"))
    rows = await database.fetch("SELECT id, plan_revision FROM tasks ORDER BY id")
    assert [tuple(row) for row in rows] == [("b", None), ("c", 1), ("d", 1)]
    assert (await mcp.sync("impl_a")).content["next_task"]["task_id"] == "c"


async def test_what_shares_a_file_with_a_task_that_somebody_has_waits_though_the_plan_leaves_that_out(
    mcp: Endpoint,
) -> None:
    await distributed(mcp, task("a", "src/x.py"), task("b", "b.py"))
    await mcp.sync("impl_a", task_id="a", status="started")
    answer = await distributed(mcp, task("new", "SRC"), task("c", "c.py"), task("e", "e.py"))
    assert {one["id"]: one.get("waits_for") for one in answer.content["tasks"]} == {
        "new": ["a"],
        "c": None,
        "e": None,
    }
    refused = await mcp.sync("impl_b", task_id="new", status="started")
    assert refused.content["code"] == "task_waits"
    await mcp.sync("impl_a", task_id="a", status="completed")
    begun = await mcp.sync("impl_b", task_id="new", status="started")
    assert begun.content["task"] == {"task_id": "new", "status": "started"}


@pytest.mark.parametrize("kept", ["b", "c"])
async def test_what_is_kept_comes_before_all_that_the_new_plan_puts_on_its_file(
    mcp: Endpoint, kept: str
) -> None:
    await distributed(mcp, task("b", "b.py"), task("c", "c.py"))
    await mcp.sync("impl_b", task_id=kept, status="started")
    answer = await distributed(mcp, task("b", "s.py"), task("c", "s.py"), task("z", "z.py"))
    assert answer.content["kept"] == [kept]
    (other,) = {"b", "c"} - {kept}
    (waits,) = [one.get("waits_for") for one in answer.content["tasks"] if one["id"] == other]
    assert waits == [kept]
    refused = await mcp.sync("impl_a", task_id=other, status="started")
    assert f'"{other}" waits for "{kept}" (started, alice/impl_b)' in refused.content["message"]


async def test_a_blocked_task_does_not_hold_up_what_it_is_planned_after(mcp: Endpoint) -> None:
    await distributed(mcp, task("a", "x.py"), task("b", "b.py"))
    await mcp.sync("impl_a", task_id="a", status="blocked")
    await distributed(mcp, task("first", "x.py"), task("a", "x.py", after=("first",)), task("c", "c.py"))
    begun = await mcp.sync("impl_b", task_id="first", status="started")
    assert begun.content["task"] == {"task_id": "first", "status": "started"}


async def test_who_is_at_a_task_gets_the_next_one_on_its_file_and_others_get_the_rest(mcp: Endpoint) -> None:
    await distributed(mcp, task("a", "x.py"), task("b", "b.py"))
    await mcp.sync("impl_a", task_id="a", status="started")
    await mcp.sync("impl_b", task_id="b", status="completed")
    answer = await distributed(mcp, task("c", "c.py"), task("new", "x.py"))
    assert [(one["id"], one["agent"], one.get("waits_for")) for one in answer.content["tasks"]] == [
        ("new", "impl_a", ["a"]),
        ("c", "impl_b", None),
    ]
    assert (await mcp.sync("impl_b")).content["next_task"]["task_id"] == "c"


async def test_another_persons_agent_keeps_its_files_and_is_started_in_no_terminal_of_the_planner(
    mcp: Endpoint,
) -> None:
    await distributed(mcp, task("a", "x.py"), task("b", "b.py"))
    await mcp.sync("bob__session__demo__impl_z", task_id="a", status="started")
    answer = await distributed(mcp, task("new", "x.py"), task("c", "c.py"))
    assert {one["id"]: one["agent"] for one in answer.content["tasks"]} == {
        "new": "bob/impl_z",
        "c": "impl_a",
    }
    assert [one["agent"] for one in answer.content["terminals"]] == ["impl_a"]


async def test_who_plans_is_started_in_no_second_terminal(mcp: Endpoint) -> None:
    await distributed(mcp, task("a", "a.py"), task("b", "b.py"))
    await mcp.sync("planner", task_id="a", status="started")
    answer = await distributed(mcp, task("a", "a.py"), task("b", "b.py"), task("c", "c.py"))
    assert {one["id"]: one["agent"] for one in answer.content["tasks"]}["a"] == "planner"
    assert "planner" not in {one["agent"] for one in answer.content["terminals"]}


async def test_that_more_agents_have_work_than_were_asked_for_is_told(mcp: Endpoint) -> None:
    tasks = [task(id_, f"{id_}.py") for id_ in "abcd"]
    first = await distributed(mcp, *tasks, preferred_agent_count=4)
    for one in first.content["tasks"]:
        await mcp.sync(one["agent"], task_id=one["id"], status="blocked", message="Stuck.")
    answer = await distributed(mcp, *tasks, preferred_agent_count=2)
    assert len(answer.content["terminals"]) == 4
    (warning,) = answer.content["warnings"]
    assert warning.startswith("4 agents have work, and not 2")
    assert warning in answer.text.splitlines()
    for one in first.content["tasks"]:
        await mcp.sync(one["agent"], task_id=one["id"], status="completed")
    answer = await distributed(mcp, *tasks, task("e"), task("f"), preferred_agent_count=2)
    assert "warnings" not in answer.content


async def test_what_is_completed_is_in_no_first_prompt_and_opens_no_terminal(mcp: Endpoint) -> None:
    await distributed(mcp, task("a", "a.py"), task("b", "b.py"))
    for status in ("started", "completed"):
        await mcp.sync("impl_a", task_id="a", status=status)
    answer = await distributed(mcp, task("a", "a.py"), *(task(id_, f"{id_}.py") for id_ in "bcd"))
    mine = {one["id"]: one["agent"] for one in answer.content["tasks"]}
    for name in {*mine.values()}:
        left = [id_ for id_, whose in mine.items() if whose == name and id_ != "a"]
        assert (name in {one["agent"] for one in answer.content["terminals"]}) is bool(left)
        if left:
            prompt = await plan.prompt(mcp.core, "local", "demo", name)
            assert [id_ for id_ in "abcd" if f'task "{id_}"' in prompt] == left
    for id_, name in mine.items():
        await mcp.sync(name, task_id=id_, status="completed")
    with pytest.raises(UnknownItem, match="It has tasks for: nobody any more"):
        await plan.prompt(mcp.core, "local", "demo", "impl_a")
