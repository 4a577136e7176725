"""create_task_distribution: the plan becomes tasks, agents are led through them, and what has started is kept."""

from typing import Any

import pytest

from coordination.domain.plan.assignment import agent_names
from coordination.services.core import Core
from coordination.store.database import Database
from tests.integration.tools.endpoint import Endpoint, endpoint
from tests.integration.tools.planning import ANALYSE, DISTRIBUTE, analysed, distributed, task


async def test_tasks_are_handed_out_and_every_terminal_is_told_how_to_begin(mcp: Endpoint) -> None:
    answer = await distributed(mcp, task("a", "a.py"), task("b", "b.py"), task("c", "a.py"))
    assert (answer.content["session"], answer.content["revision"]) == ("demo", 1)
    assert [(one["id"], one["agent"], one["status"]) for one in answer.content["tasks"]] == [
        ("a", "impl_a", "pending"),
        ("c", "impl_a", "pending"),
        ("b", "impl_b", "pending"),
    ]
    assert answer.content["terminals"] == [
        {
            "agent": name,
            "command": f'COORD_AGENT={name} claude "$(coord prompt {name} demo)"',
            "prompt": f"coord prompt {name} demo",
            "resource": f"coordination://prompt/{name}",
        }
        for name in ("impl_a", "impl_b")
    ]
    assert "Show the person" in answer.content["advice"]
    assert answer.text.splitlines()[1:] == [one["command"] for one in answer.content["terminals"]]


async def test_an_answer_to_twenty_agents_is_small_and_has_every_command(mcp: Endpoint) -> None:
    session = "s" * 64
    tasks = [task(f"t{number}", f"f{number}.py") for number in range(20)]
    analysed = await mcp.call("planner", ANALYSE, {"tasks": tasks}, session=session)
    given = {"analysis_id": analysed.content["analysis_id"], "preferred_agent_count": 20}
    answer = await mcp.call("planner", DISTRIBUTE, given, session=session)
    assert answer.size < 4_096
    commands = [one["command"] for one in answer.content["terminals"]]
    assert len(commands) == 20
    assert commands[-1] == f'COORD_AGENT=impl_t claude "$(coord prompt impl_t {session})"'
    assert f"`coord plan {session}` shows what is left out" in answer.content["advice"]


async def test_an_answer_stays_small_where_coord_is_called_by_a_long_line(core: Core) -> None:
    coord = f"COORDINATION_DATA_DIR=/{'folder/' * 30}data PORT=8123 /{'folder/' * 10}coord"
    async with endpoint(core, presence=False, coord=coord) as mcp:
        tasks = [task(f"t{number}", f"f{number}.py") for number in range(20)]
        answer = await distributed(mcp, *tasks, preferred_agent_count=20)
    assert answer.size < 4_096
    assert len(answer.text) < 1_500
    first = answer.content["terminals"][0]["command"]
    assert first == f'COORD_AGENT=impl_a claude "$({coord} prompt impl_a demo)"'
    assert f"`{coord} plan demo` shows what is left out" in answer.content["advice"]


async def test_of_a_hundred_kept_tasks_the_first_are_named_and_the_others_counted(mcp: Endpoint) -> None:
    ids = [f"{number:03}-" + "x" * 120 for number in range(100)]
    tasks = [task(id_, f"{id_[:3]}.py") for id_ in ids]
    await distributed(mcp, *tasks)
    for number, id_ in enumerate(ids):
        await mcp.sync(agent_names(20)[number % 20], task_id=id_, status="started")
    answer = await distributed(mcp, *tasks, preferred_agent_count=20)
    assert answer.size < 4_096
    assert (len(answer.content["kept"]), answer.content["more_kept"]) == (2, 98)
    assert len(answer.content["terminals"]) >= 2
    assert "tasks" not in answer.content


async def test_whoever_asks_for_more_agents_than_pay_is_told(mcp: Endpoint) -> None:
    tasks = [task(f"t{number}", f"f{number}.py") for number in range(20)]
    pay = (await mcp.call("planner", ANALYSE, {"tasks": tasks})).content["recommended_agent_count"]
    assert 1 < pay < 20
    answer = await distributed(mcp, *tasks, preferred_agent_count=pay)
    assert "warnings" not in answer.content
    answer = await distributed(mcp, *tasks, preferred_agent_count=20)
    (warning,) = answer.content["warnings"]
    assert warning.startswith(f"20 agents are more than pay; recommended: {pay}.")
    assert warning in answer.text.splitlines()


async def test_more_agents_than_the_one_that_pays_get_a_warning_too(mcp: Endpoint) -> None:
    tasks = [{"id": id_, "description": "x"} for id_ in "ab"]
    analysed = await mcp.call("planner", ANALYSE, {"tasks": tasks, "complexity_level": "simple"})
    assert analysed.content["recommended_agent_count"] == 1
    given = {"analysis_id": analysed.content["analysis_id"], "preferred_agent_count": 2}
    answer = await mcp.call("planner", DISTRIBUTE, given)
    assert answer.content["warnings"] == ["2 agents are more than pay; recommended: 1. Tell the person."]


async def test_a_task_that_its_agent_made_itself_starts_no_terminal(mcp: Endpoint) -> None:
    await mcp.sync("impl_c", task_id="own", status="started")
    answer = await distributed(mcp, task("a", "a.py"), task("b", "b.py"), task("own"))
    assert {one["agent"] for one in answer.content["terminals"]} == {"impl_a", "impl_b"}


async def test_an_agent_is_led_from_task_to_task_and_told_when_another_frees_its_next(mcp: Endpoint) -> None:
    await distributed(mcp, task("a", "a.py"), task("b", "b.py", after=("a",)), task("c"))
    assert (await mcp.sync("impl_a")).content["next_task"]["task_id"] == "a"
    assert (await mcp.sync("impl_b")).content["next_task"]["task_id"] == "c"
    for name, id_ in (("impl_a", "a"), ("impl_b", "c")):
        await mcp.sync(name, task_id=id_, status="started")
    ended = await mcp.sync("impl_b", task_id="c", status="completed")
    assert "next_task" not in ended.content
    (warning,) = ended.content["warnings"]
    assert warning.startswith('You are not done: "b" is yours and waits for "a" (started, alice/impl_a).')
    assert warning in ended.text
    await mcp.sync("impl_a", task_id="a", status="completed")
    told = (await mcp.sync("impl_b")).content
    assert ("task.unblocked", "b") in [(item["kind"], item.get("task_id")) for item in told["news"]]
    assert told["next_task"]["task_id"] == "b"


async def test_whoever_waits_for_a_task_that_it_failed_itself_is_told_to_begin_it_again(
    mcp: Endpoint,
) -> None:
    await distributed(mcp, task("a", "a.py"), task("b", "b.py", after=("a",)), task("c"))
    ended = await mcp.sync("impl_a", task_id="a", status="failed", message="no")
    assert "warnings" not in ended.content  # b is impl_b's
    await mcp.sync("impl_b", task_id="c", status="completed")
    assert "again in a minute" in (await mcp.sync("impl_b")).content["warnings"][0]
    await mcp.sync("impl_b", task_id="a", status="started")
    ended = await mcp.sync("impl_b", task_id="a", status="failed", message="no")
    (warning,) = ended.content["warnings"]
    assert warning.startswith('You are not done: "b" is yours and waits for "a", which you reported failed.')
    assert 'begin it again with sync_progress(task_id="a", status="started")' in warning
    assert "minute" not in warning


async def test_an_agent_whose_plan_means_another_user_is_told_whom_it_means(mcp: Endpoint) -> None:
    await distributed(mcp, task("a", "a.py"), task("b", "b.py"))
    (warning,) = (await mcp.sync("bob__session__demo__impl_a")).content["warnings"]
    assert warning.startswith(
        "You are bob/impl_a, and the plan has no task for you. It has tasks for alice/impl_a"
    )
    assert 'sync_progress(task_id="a", status="started")' in warning
    assert "warnings" not in (await mcp.sync("bob__session__demo__impl_z")).content
    await mcp.sync("impl_a")
    assert "warnings" not in (await mcp.sync("bob__session__demo__impl_a")).content


async def test_the_planner_is_told_what_was_completed_or_is_stuck_and_why(mcp: Endpoint) -> None:
    await distributed(mcp, task("a", "a.py"), task("b", "b.py"), task("c", after=("a", "b")))
    await mcp.sync("impl_a", task_id="a", status="started")
    await mcp.sync("impl_a", task_id="a", status="in_progress", progress_percentage=50)
    await mcp.sync("impl_a", task_id="a", status="completed")
    await mcp.sync("impl_b", task_id="b", status="blocked", message="no access to \x1b[31mstaging")
    await mcp.sync("impl_b", task_id="own", status="failed")
    refused = await mcp.sync("impl_b", task_id="c", status="started")
    assert (refused.content["code"], refused.content["next_call"]) == ("task_waits", "sync_progress()")
    assert '"c" waits for "b" (blocked, alice/impl_b)' in refused.content["message"]
    told = (await mcp.sync("planner")).content["news"]
    assert [(item["kind"], item["task_id"], item.get("message")) for item in told] == [
        ("task.completed", "a", None),
        ("task.blocked", "b", {"author": "alice/impl_b", "untrusted_text": "no access to staging"}),
    ]
    assert (await mcp.sync("impl_c")).content["news"] == []


async def test_an_agent_at_a_task_is_not_sent_to_the_next_one(mcp: Endpoint) -> None:
    longer = task("b", "b.py", "b2.py")
    tasks = (task("a", "a.py"), longer, task("c", "c.py"), task("d", after=("b",)))
    await distributed(mcp, *tasks, preferred_agent_count=2)
    begun = (await mcp.sync("impl_b")).content
    assert begun["next_call"] == 'sync_progress(task_id="a", status="started")'
    await mcp.sync("impl_b", task_id="a", status="started")
    reads = (await mcp.sync("impl_b")).content
    assert reads["next_task"]["task_id"] == "c"
    assert "next_call" not in reads
    for status in ("blocked", "failed"):
        stuck = (await mcp.sync("impl_b", task_id="a", status=status)).content
        assert stuck["next_call"] == 'sync_progress(task_id="c", status="started")'
    await mcp.sync("impl_a", task_id="b", status="started")
    assert "warnings" not in (await mcp.sync("impl_a")).content


async def test_a_planner_is_not_told_of_its_own_reports(mcp: Endpoint) -> None:
    await distributed(mcp, task("a", "a.py"), task("b", "b.py"))
    await mcp.sync("planner", task_id="a", status="completed")
    assert (await mcp.sync("planner")).content["news"] == []


async def test_a_new_plan_replaces_what_has_not_started_and_keeps_what_has(
    mcp: Endpoint, database: Database
) -> None:
    await distributed(mcp, task("a", "a.py"), task("b", "b.py"), task("old", "o.py"))
    await mcp.sync("impl_a", task_id="a", status="started")
    answer = await distributed(mcp, task("a", "other.py"), task("b", "b2.py"), task("new", "n.py"))
    assert (answer.content["revision"], answer.content["kept"]) == (2, ["a"])
    rows = await database.fetch("SELECT id, status, files FROM tasks ORDER BY id")
    assert [(row["id"], row["status"], row["files"]) for row in rows] == [
        ("a", "started", ["a.py", "other.py"]),
        ("b", "pending", ["b2.py"]),
        ("new", "pending", ["n.py"]),
    ]


async def test_tasks_that_agents_made_themselves_stay(mcp: Endpoint, database: Database) -> None:
    await mcp.sync("impl_a", task_id="own", status="blocked")
    await distributed(mcp, task("a", "a.py"), task("b", "b.py"))
    rows = await database.fetch("SELECT status FROM tasks WHERE id = 'own'")
    assert [row["status"] for row in rows] == ["blocked"]


async def test_a_task_of_one_agent_is_not_begun_by_another_while_its_file_is_written(mcp: Endpoint) -> None:
    await distributed(mcp, task("a", "x.py"), task("b", "b.py"), task("c", "x.py"))
    await mcp.sync("impl_a", task_id="a", status="started")
    refused = await mcp.sync("impl_b", task_id="c", status="started")
    assert refused.content["code"] == "task_waits"
    assert '"c" waits for "a" (started, alice/impl_a)' in refused.content["message"]
    ended = await mcp.sync("impl_a", task_id="a", status="completed")
    assert ended.content["next_task"]["task_id"] == "c"


async def test_tasks_that_share_a_file_wait_for_one_another(mcp: Endpoint) -> None:
    chain = [task("a", "x.py", "p.py"), task("b", "x.py", "y.py"), task("c", "y.py", "q.py")]
    answer = await distributed(mcp, *chain, preferred_agent_count=2)
    assert {one["id"]: one.get("waits_for") for one in answer.content["tasks"]} == {
        "a": None,
        "b": ["a", "c"],
        "c": None,
    }


async def test_the_answer_of_the_analysis_does_instead_of_its_id(mcp: Endpoint) -> None:
    tasks = [task("a", "a.py"), task("b", "b.py")]
    whole = (await mcp.call("planner", ANALYSE, {"tasks": tasks})).content
    answer = await mcp.call("planner", DISTRIBUTE, {"analysis_result": whole})
    assert answer.content["revision"] == 1


async def test_more_agents_than_have_work_are_refused_and_nothing_is_written(
    mcp: Endpoint, database: Database
) -> None:
    id_ = await analysed(mcp, task("a", "a.py"), task("b", "b.py"))
    refused = await mcp.call("planner", DISTRIBUTE, {"analysis_id": id_, "preferred_agent_count": 9})
    assert refused.content["code"] == "invalid_input"
    assert "only 2 would get a task" in refused.content["message"]
    assert (
        refused.content["next_call"]
        == f'create_task_distribution(analysis_id="{id_}", preferred_agent_count=2)'
    )
    assert not await database.fetch("SELECT 1 FROM tasks UNION ALL SELECT 1 FROM plans")


async def test_where_one_agent_alone_would_have_a_task_the_next_call_asks_for_no_number(
    mcp: Endpoint,
) -> None:
    id_ = await analysed(mcp, task("a", "a.py"))
    refused = await mcp.call("planner", DISTRIBUTE, {"analysis_id": id_, "preferred_agent_count": 2})
    assert refused.content["next_call"] == f'create_task_distribution(analysis_id="{id_}")'


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "invalid_input"),
        ({"analysis_id": "x"}, "invalid_input"),
        ({"analysis_id": "0" * 16}, "not_found"),
        ({"analysis_result": {}}, "invalid_input"),
        ({"analysis_result": {"analysis_id": 7}}, "invalid_input"),
        ({"analysis_result": {"analysis_id": "' OR 1=1"}}, "not_found"),
        ({"analysis_id": "0" * 16, "analysis_result": {"analysis_id": "0" * 16}}, "invalid_input"),
        ({"analysis_id": "0" * 16, "preferred_agent_count": 1}, "invalid_input"),
        ({"analysis_id": "0" * 16, "preferred_agent_count": 21}, "invalid_input"),
    ],
)
async def test_what_is_no_analysis_is_refused(mcp: Endpoint, arguments: dict[str, Any], code: str) -> None:
    refused = await mcp.call("planner", DISTRIBUTE, arguments)
    assert (refused.is_error, refused.content["code"]) == (True, code)


async def test_an_analysis_of_another_session_is_not_there(mcp: Endpoint) -> None:
    id_ = await analysed(mcp, task("a", "a.py"), task("b", "b.py"))
    refused = await mcp.call("planner", DISTRIBUTE, {"analysis_id": id_}, session="other")
    assert refused.content["code"] == "not_found"
