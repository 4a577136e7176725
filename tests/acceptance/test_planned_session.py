"""A planner and three implementers with the real Claude Code, from a goal to its last completed task.

The scene is `planned_session.py`; it is played once for each pinned version, and each test is one sentence about what
was seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from tests.acceptance.checkout import clone
from tests.acceptance.claude import NEWER, OLDER, Claude
from tests.acceptance.four_terminals import CLAIM, STATUS, SYNC, USER
from tests.acceptance.model_api import ModelApi
from tests.acceptance.planned_session import (
    ANALYSE,
    DISTRIBUTE,
    GOAL,
    HISTORY,
    IMPLEMENTER_TOOLS,
    PLAN,
    PLANNER_TOOLS,
    PROMPT,
    TASKS,
    Played,
    play,
)
from tests.acceptance.script import Json
from tests.acceptance.service import Service, coord

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="the first test of each version plays the whole scene with real clients"),
]

WAITS = {"python": "token", "latex": "html"}
"""Tasks that wait for one of another agent: because the planner said so, and because of a file."""


@pytest.fixture(scope="module", params=[NEWER, OLDER])
def played(
    request: pytest.FixtureRequest,
    programs: dict[str, Path],
    repository: Path,
    service: Service,
    tmp_path_factory: pytest.TempPathFactory,
) -> Played:
    """The scene as it went for this version."""
    folder = tmp_path_factory.mktemp(request.param)
    session = f"planned-{request.param}"
    with ModelApi(folder / "model.jsonl") as model:
        claude = Claude(programs[request.param], folder, clone(repository, folder / "checkout"), model)
        claude.run(coord(), "connect", session, "--user", USER, environment=service.settings)
        return play(claude, model, service, session)


def test_every_terminal_connects_and_ends_well_and_contacts_nobody_else(played: Played) -> None:
    assert set(played.outcomes) == {"planner", *PLAN}
    for outcome in played.outcomes.values():
        assert outcome.exit_code == 0, outcome.errors
        assert outcome.servers == {"coordination": "connected"}
    assert played.model.outside == []


def test_a_planner_sees_five_tools_and_an_implementer_three(played: Played) -> None:
    for name in played.outcomes:
        seen = {tool for tool in played.model.requests(name)[0].tool_names if tool.startswith("mcp__")}
        assert seen == (PLANNER_TOOLS if name == "planner" else IMPLEMENTER_TOOLS), name


def test_the_typed_prompt_brings_the_steps_and_the_whole_goal_before_the_model(played: Played) -> None:
    assert PROMPT.removeprefix("/") in played.outcomes["planner"].start["slash_commands"]
    first = json.dumps(played.model.requests("planner")[0].messages)
    assert "Nothing is handed out before the person agrees." in first
    # The client passes on one word; that the model reads the others is why the prompt points to them.
    assert json.dumps(f'it begins: "{GOAL.split()[0]}"')[1:-1] in first
    assert f"<command-args>{GOAL}" in first
    for name in PLAN:
        assert PROMPT.removeprefix("/") not in played.outcomes[name].start["slash_commands"]


def test_the_planner_is_told_to_have_the_files_indexed_and_then_knows_them(played: Played) -> None:
    unknown, known = (result.content for result in played.answers("planner", ANALYSE))
    assert f"coord index {played.session}`" in unknown["warnings"][0]
    assert "warnings" not in known
    assert played.indexed["files"] > 1000
    assert played.indexed["co_changes"] > 0


def test_the_analysis_foresees_named_files_and_what_history_says(played: Played) -> None:
    analysis = played.answers("planner", ANALYSE)[-1].content
    files = {
        task["id"]: {file["path"]: file["reason"] for file in task["files"]} for task in analysis["tasks"]
    }
    for task in TASKS:
        named = [word.strip(",") for word in task["description"].split() if word.strip(",").endswith(".py")]
        assert set(named) <= set(files[task["id"]])
    assert "together" in files["svg"][HISTORY[1]]
    pairs = {frozenset(conflict["tasks"]) for conflict in analysis["conflicts"]}
    assert pairs == {frozenset({"html", "latex"}), frozenset({"latex", "svg"})}
    assert analysis["waits_for"] == {"latex": ["svg", "html"]}
    assert {one["agent"]: tuple(one["tasks"]) for one in analysis["assignments"]} == PLAN


def test_the_planner_is_told_what_to_ask_the_person_and_what_to_show(played: Played) -> None:
    analysis = played.answers("planner", ANALYSE)[-1].content
    assert "Show the person the split" in analysis["advice"]
    (answer,) = played.answers("planner", DISTRIBUTE)
    assert "Show the person" in answer.content["advice"]
    assert [line["agent"] for line in answer.content["terminals"]] == list(PLAN)
    for line in answer.content["terminals"]:
        assert line["command"] == f'COORD_AGENT={line["agent"]} claude "$({line["prompt"]})"'


def test_every_implementer_begins_with_its_own_tasks(played: Played) -> None:
    for name, tasks in PLAN.items():
        told = played.first_prompts[name]
        first = played.model.requests(name)[0]
        assert json.dumps(told)[1:-1].strip() in json.dumps(first.messages)
        places = [told.index(f'task "{task}"') for task in tasks]
        assert places == sorted(places)
        assert told.count('task "') == len(tasks)


def test_implementers_take_what_the_answers_name(played: Played) -> None:
    for name, tasks in PLAN.items():
        begun = played.answers(name, SYNC)[0].content
        assert begun["next_task"]["task_id"] == tasks[0]
        assert begun["next_call"] == f'sync_progress(task_id="{tasks[0]}", status="started")'
        for task in tasks:
            statuses = [content["task"]["status"] for content in played.reports(name, task)]
            assert statuses == ["started", "in_progress", "completed"]
    after_token = played.reports("impl_a", "token")[-1]
    assert after_token["next_task"]["task_id"] == "javascript"


def test_a_task_cannot_begin_before_what_it_waits_for_and_its_agent_is_told_when_it_can(
    played: Played,
) -> None:
    for task, other in WAITS.items():
        name = next(name for name, tasks in PLAN.items() if task in tasks)
        idle = played.reports(name, PLAN[name][0])[-1]
        assert "next_task" not in idle
        assert f'"{task}" is yours and waits for "{other}"' in idle["warnings"][0]
        (refused,) = [result for result in played.answers(name, SYNC) if result.is_error]
        assert "task_waits" in refused.text
        assert f'"{other}"' in refused.text
        looked = next(content for content in _syncs(played, name) if _unblocked(content))
        assert _unblocked(looked) == [task]
        assert looked["next_task"]["task_id"] == task


def test_every_claim_is_granted_at_once_because_the_plan_keeps_agents_apart(played: Played) -> None:
    for name, tasks in PLAN.items():
        claims = [result.content for result in played.answers(name, CLAIM)]
        assert [claim["outcome"] for claim in claims] == ["granted"] * len(tasks)
        for task, claim in zip(tasks, claims, strict=True):
            assert {lock["path"] for lock in claim["locks"]} == set(
                _planned(played.handed_out, task)["files"]
            )


def test_no_two_agents_are_given_a_file_that_both_will_write_at_the_same_time(played: Played) -> None:
    tasks = {task["task_id"]: task for task in played.handed_out["tasks"]}
    for first, second in combinations(tasks, 2):
        shared = set(tasks[first]["files"]) & set(tasks[second]["files"])
        if shared and tasks[first]["assigned_to"] != tasks[second]["assigned_to"]:
            assert first in _before(tasks, second) or second in _before(tasks, first), shared
    spans = {task: _span(played.events, task) for task in tasks}
    for first, second in combinations(tasks, 2):
        together = spans[first][0] < spans[second][1] and spans[second][0] < spans[first][1]
        assert not (together and set(tasks[first]["files"]) & set(tasks[second]["files"])), (first, second)


def test_the_planner_is_told_of_every_task_that_was_completed(played: Played) -> None:
    told = played.answers("planner", SYNC)[-1].content["news"]
    completed = [item["task_id"] for item in told if item["kind"] == "task.completed"]
    assert sorted(completed) == sorted(task["id"] for task in TASKS)
    looked = played.answers("planner", STATUS)[-1].content
    assert looked["totals"]["tasks"] == {"completed": len(TASKS)}


def test_in_the_end_all_is_done_and_nobody_holds_or_waits_for_anything(played: Played) -> None:
    for tasks in (played.plan["tasks"], played.tasks["tasks"]):
        assert {task["task_id"]: task["status"] for task in tasks} == {
            task["id"]: "completed" for task in TASKS
        }
        assert all(task["agent_id"] == task["assigned_to"] for task in tasks)
    assert {known["agent_id"] for known in played.ended["agents"]} == {
        f"{USER}/{name}" for name in played.outcomes
    }
    assert [known["locks"] + known["waiting"] for known in played.ended["agents"]] == [[]] * len(
        played.outcomes
    )


def test_the_events_are_dense_and_tell_the_plan_in_its_order(played: Played) -> None:
    assert [event["seq"] for event in played.events] == list(range(1, len(played.events) + 1))
    kinds = [event["kind"] for event in played.events]
    assert kinds[:2] == ["session.created", "agent.joined"]
    assert kinds.count("plan.distributed") == 1
    assert kinds.index("plan.distributed") < kinds.index("task.started")
    for task, other in WAITS.items():
        told = [event for event in played.events if event["kind"] == "task.unblocked"]
        (unblocked,) = [event for event in told if event["payload"]["task_id"] == task]
        assert unblocked["payload"]["after"] == other
        assert _span(played.events, other)[1] < unblocked["seq"] < _span(played.events, task)[0]
    for task in (task["id"] for task in TASKS):
        assert [kind for kind, _ in _of_task(played.events, task)] == [
            *("task.started", "lock.claimed", "task.progressed", "task.completed", "lock.released"),
        ]


def _syncs(played: Played, name: str) -> list[Json]:
    return [result.content for result in played.answers(name, SYNC) if not result.is_error]


def _unblocked(content: Json) -> list[str]:
    return [item["task_id"] for item in content["news"] if item["kind"] == "task.unblocked"]


def _planned(plan: Json, task: str) -> Json:
    (planned,) = [one for one in plan["tasks"] if one["task_id"] == task]
    return planned


def _before(tasks: dict[str, Json], task: str) -> set[str]:
    """All tasks that have to be completed before this one."""
    direct = set(tasks[task]["depends_on"])
    return direct.union(*(_before(tasks, other) for other in direct))


def _span(events: list[Json], task: str) -> tuple[int, int]:
    """From the number of the event that started a task to that of the one that completed it."""
    numbers = dict(_of_task(events, task))
    return numbers["task.started"], numbers["task.completed"]


def _of_task(events: list[Json], task: str) -> Iterator[tuple[str, int]]:
    """The events that belong to a task, with their numbers; who is told that it may begin is another's."""
    for event in events:
        payload = event["payload"]
        named = {payload.get("task_id"), *(lock.get("task_id") for lock in payload.get("locks", []))}
        if task in named and event["kind"] != "task.unblocked":
            yield event["kind"], event["seq"]
