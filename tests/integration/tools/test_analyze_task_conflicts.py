"""analyze_task_conflicts as a planner meets it: with an index, without one, with tasks that cannot be planned."""

from typing import Any

import pytest

from coordination.domain.file_index import FileIndex, KnownFile, entries, fingerprint
from coordination.services import file_index
from coordination.services.core import Core
from tests.integration.tools.endpoint import Endpoint
from tests.unit.domain.plan import shop

TOOL = "analyze_task_conflicts"


async def indexed(core: Core, index: FileIndex, *, checkout: str = "", commit: str = "a1") -> None:
    """Give the session an index as `coord index` does."""
    files = entries(index)
    refresh = await file_index.begin(core, "local", "demo", checkout)
    await file_index.add(core, "local", "demo", checkout, refresh.refresh, files, [])
    whole = fingerprint(KnownFile(entry.file.path, entry.digest) for entry in files)
    await file_index.finish(core, "local", "demo", checkout, refresh.refresh, len(files), commit, whole)


async def analysed(mcp: Endpoint, *tasks: Any, **arguments: Any) -> dict[str, Any]:
    answer = await mcp.call("planner", TOOL, {"tasks": list(tasks), **arguments})
    assert not answer.is_error, answer
    return answer.content


def files(content: dict[str, Any], number: int = 0) -> list[str]:
    return [file["path"] for file in content["tasks"][number]["files"]]


async def test_a_planner_is_told_what_tasks_touch_where_they_collide_and_who_does_what(mcp: Endpoint) -> None:
    await mcp.status("planner")
    await indexed(mcp.core, shop.index())
    content = await analysed(
        mcp,
        {"id": "rename", "description": "Rename charge_card to charge."},
        {"id": "search", "description": "Make product search tolerate typing mistakes."},
        {"id": "retry", "description": "Charge only once: mend shop/billing/payment.py."},
    )
    assert set(files(content, 0)) >= {"shop/billing/payment.py", "shop/billing/refund.py"}
    (conflict,) = content["conflicts"]
    assert (conflict["tasks"], conflict["severity"]) == (["rename", "retry"], "high")
    assert conflict["files"][0] == "shop/billing/payment.py"
    assert conflict["why"] == "rename: defines charge_card; retry: named in the task"
    assert content["order"] == ["rename", "search", "retry"]
    together = {frozenset(one["tasks"]) for one in content["assignments"]}
    assert together == {frozenset({"rename", "retry"}), frozenset({"search"})}
    assert content["recommended_agent_count"] == 2
    assert "warnings" not in content


async def test_the_same_input_has_the_same_answer_and_another_index_another(mcp: Endpoint) -> None:
    await mcp.status("planner")
    await indexed(mcp.core, shop.index())
    tasks = [known.description for known in shop.TASKS]
    first, second = await analysed(mcp, *tasks), await analysed(mcp, *tasks)
    assert first == second
    await indexed(mcp.core, FileIndex(shop.index().files), commit="b2")
    assert (await analysed(mcp, *tasks))["analysis_id"] != first["analysis_id"]


async def test_without_an_index_only_named_files_are_foreseen_and_the_way_to_more_is_told(
    mcp: Endpoint,
) -> None:
    content = await analysed(mcp, "Mend src/app.py", "Speed the search up")
    assert (files(content, 0), files(content, 1)) == (["src/app.py"], [])
    assert content["tasks"][0]["files"][0]["reason"] == "named in the task"
    assert content["warnings"] == [
        "Nothing is known of the files: run `coord index demo` in the checkout, then analyse again."
    ]


async def test_files_that_the_planner_names_are_all_there_is(mcp: Endpoint) -> None:
    await mcp.status("planner")
    await indexed(mcp.core, shop.index())
    content = await analysed(
        mcp, "Speed the search up", project_files=["./shop/catalog/search.py", "lib/search.rs"]
    )
    assert sorted(files(content)) == ["lib/search.rs", "shop/catalog/search.py"]


@pytest.mark.parametrize("many", [20, 40, 60, 100])
async def test_an_answer_to_many_tasks_is_small_and_has_the_split_and_the_worst_conflicts(
    mcp: Endpoint, many: int
) -> None:
    await mcp.status("planner")
    await indexed(mcp.core, shop.index())
    # Each third file is named by its own task and by the next two.
    paths = [*shop.MODULES] * 4
    tasks = [f"Mend {path} and {paths[number - number % 3]}" for number, path in enumerate(paths)][:many]
    answer = await mcp.call("planner", TOOL, {"tasks": tasks})
    assert not answer.is_error
    content = answer.content
    assert answer.size < 4_096
    assert sum(len(one["tasks"]) for one in content["assignments"]) == many
    assert len(content["conflicts"]) >= 4
    assert len(content["order"]) + content.get("more_order", 0) == many
    assert many > 60 or "more_order" not in content
    assert len(content.get("tasks", [])) + content.get("more_tasks", 0) == many
    assert many > 60 or content["tasks"][0]["files"]
    assert f"read {content['resource']} for the rest" in content["advice"]
    assert content["advice"] in answer.text


@pytest.mark.parametrize(("many", "letters", "named"), [(20, 64, 2), (100, 24, 3), (100, 128, 0)])
async def test_of_a_split_with_long_names_every_agent_is_there_with_its_first_tasks(
    mcp: Endpoint, many: int, letters: int, named: int
) -> None:
    ids = [f"{number:03}-{'x' * (letters - 4)}" for number in range(many)]
    tasks = [{"id": id_, "description": "x", "files": [f"{id_[:3]}.py"]} for id_ in ids]
    answer = await mcp.call("planner", TOOL, {"tasks": tasks})
    assert answer.size < 4_096
    split = answer.content["assignments"]
    assert len(split) == answer.content["recommended_agent_count"]
    assert {len(one["tasks"]) for one in split} == {named}
    assert sum(len(one["tasks"]) + one.get("more", 0) for one in split) == many
    assert len(answer.content["order"]) + answer.content.get("more_order", 0) == many
    assert answer.content["resource"] in answer.text


async def test_long_names_leave_room_for_the_worst_conflicts(mcp: Endpoint) -> None:
    tasks = [{"id": f"{n:03}-" + "x" * 120, "description": "x", "files": ["same.py"]} for n in range(100)]
    answer = await mcp.call("planner", TOOL, {"tasks": tasks})
    assert answer.size < 4_096
    assert len(answer.content["conflicts"]) + answer.content["more_conflicts"] == 4_950
    (one,) = answer.content["assignments"]
    assert len(one["tasks"]) + one["more"] == 100
    assert answer.content["resource"] in answer.content["advice"]


REFUSED: list[tuple[Any, str]] = [
    ([], "tasks: "),
    ([""], "tasks.0"),
    (["x"] * 101, "tasks: "),
    ([{"id": "a"}], "tasks.0"),
    ([{"id": "a", "description": "x", "file": []}], "tasks.0"),
    ([{"id": "a", "description": "x", "files": ["../a.py"]}], "tasks.0.files"),
    ([{"id": "a", "description": "\u200b\ufe0f"}], "tasks.0.description: is empty"),
    (["x", " \u3164"], "tasks.1: is empty"),
    ([{"id": "a\ufe0f", "description": "x"}], "invisible"),
    ([{"id": "a", "description": "x"}, {"id": "a", "description": "y"}], '"a" occurs twice'),
    ([{"id": "a", "description": "x", "depends_on": ["b"]}], 'depends on "b"'),
    (
        [
            {"id": "a", "description": "x", "depends_on": ["b"]},
            {"id": "b", "description": "x", "depends_on": ["a"]},
        ],
        '"a" waits for "b" waits for "a"',
    ),
    ([{"id": "\x00", "description": "x"}], "tasks.0"),
    (7, "tasks: "),
]


@pytest.mark.parametrize(("tasks", "told"), REFUSED)
async def test_what_no_plan_can_be_made_of_is_refused_with_the_reason(
    mcp: Endpoint, tasks: Any, told: str
) -> None:
    refused = await mcp.call("planner", TOOL, {"tasks": tasks})
    assert refused.is_error
    assert refused.content["code"] == "invalid_input"
    assert told in refused.content["message"]


async def test_as_many_project_files_as_the_reference_says_are_taken_and_no_more(mcp: Endpoint) -> None:
    await mcp.status("planner")
    paths = [f"lib/file{number}.rs" for number in range(20_000)]
    content = await analysed(mcp, "Mend lib/file19999.rs", project_files=paths)
    assert files(content) == ["lib/file19999.rs"]
    refused = await mcp.call("planner", TOOL, {"tasks": ["Mend it"], "project_files": [*paths, "a.rs"]})
    assert refused.content["code"] == "invalid_input"
    assert "project_files" in refused.content["message"]
    assert "20000" in refused.content["message"]
