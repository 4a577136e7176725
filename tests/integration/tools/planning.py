"""How tests plan: tasks as a planner gives them, an analysis of them, and the plan that comes of it."""

from typing import Any

from tests.integration.tools.endpoint import Answer, Endpoint

ANALYSE, DISTRIBUTE = "analyze_task_conflicts", "create_task_distribution"


def task(id_: str, *files: str, after: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"id": id_, "description": f"Do {id_}", "files": list(files), "depends_on": list(after)}


async def analysed(mcp: Endpoint, *tasks: dict[str, Any]) -> str:
    answer = await mcp.call("planner", ANALYSE, {"tasks": list(tasks)})
    assert not answer.is_error, answer
    return answer.content["analysis_id"]


async def distributed(mcp: Endpoint, *tasks: dict[str, Any], **arguments: Any) -> Answer:
    id_ = await analysed(mcp, *tasks)
    answer = await mcp.call("planner", DISTRIBUTE, {"analysis_id": id_, **arguments})
    assert not answer.is_error, answer
    return answer
