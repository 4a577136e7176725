"""Planning over HTTP: a planner analyses and hands out, agents see the plan, and an implementer may do neither."""

from __future__ import annotations

import pytest

from tests.integration.rest.api import Api

TASKS = [
    {"id": "parser", "description": "Write the parser", "files": ["src/parser.py"]},
    {"id": "errors", "description": "Write the errors", "files": ["src/errors.py"]},
    {"id": "page", "description": "Describe the parser", "files": ["src/parser.py", "README.md"]},
    "Rename the tests",
]


async def test_tasks_are_analysed_handed_out_and_seen_by_those_who_get_them(acting: Api) -> None:
    analysis = await acting.acts("planner", "analyses", tasks=TASKS)
    [conflict] = analysis["conflicts"]
    assert (conflict["first"], conflict["second"], conflict["files"]) == ("parser", "page", ["src/parser.py"])
    assert (conflict["severity"], conflict["likelihood"], conflict["more"]) == ("high", 1.0, 0)
    assert "coord index demo" in analysis["warnings"][0]
    parser, sentence = analysis["tasks"][0], analysis["tasks"][3]
    assert (parser["id"], parser["predicted"][0]["path"]) == ("parser", "src/parser.py")
    assert sentence["id"].startswith("task-")
    again = await acting.acts("planner", "analyses", tasks=TASKS)
    assert again == analysis
    kept = (await acting.get(f"/sessions/demo/analyses/{analysis['analysis_id']}")).json()
    assert kept == {**analysis, "warnings": []}

    handed = await acting.acts(
        "planner", "plans", analysis_id=analysis["analysis_id"], preferred_agent_count=2
    )
    plan = (await acting.get("/sessions/demo/plan")).json()
    assert (plan["revision"], plan["tasks"]) == (handed["revision"], handed["tasks"])
    assert {task["task_id"] for task in plan["tasks"]} == {task["id"] for task in analysis["tasks"]}
    mine = next(task for task in plan["tasks"] if task["assigned_to"] == "alice/impl_a")
    synced = await acting.acts("impl_a", "sync")
    assert synced["next_task"] == {"task_id": mine["task_id"], "description": mine["description"]}


@pytest.mark.parametrize(
    ("path", "body"), [("analyses", {"tasks": TASKS}), ("plans", {"analysis_id": "0123456789abcdef"})]
)
async def test_an_implementer_may_not_plan(acting: Api, path: str, body: dict[str, object]) -> None:
    answer = await acting.post(path, {"agent": "alice/impl_a", **body})
    assert (answer.status_code, answer.json()["code"]) == (403, "role_needed")
    assert (await acting.get("/sessions/demo/plan")).status_code == 404


async def test_an_analysis_that_is_not_there_is_not_found(acting: Api) -> None:
    await acting.acts("planner", "agents")
    answer = await acting.get("/sessions/demo/analyses/0123456789abcdef")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await acting.post("plans", {"agent": "alice/planner", "analysis_id": "0123456789abcdef"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await acting.get("/sessions/nowhere/analyses/0123456789abcdef")
    assert answer.json()["detail"] == "There is no such session."
