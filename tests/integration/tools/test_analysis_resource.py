"""How much of an analysis one page of its resource has."""

from __future__ import annotations

import json

import pytest

from coordination.transport.mcp.resources import plan as plan_resource
from tests.integration.tools.endpoint import Endpoint
from tests.integration.tools.reading import Client


async def test_a_page_is_bounded_however_many_tasks_wait_for_each_other(
    mcp: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_resource, "PAGE_BYTES", 6_000)
    names = [f"{number:02}-" + "x" * 100 for number in range(20)]
    tasks = [{"id": name, "description": "Mend it.", "files": ["same.py"]} for name in names]
    analysis = (await mcp.call("planner", "analyze_task_conflicts", {"tasks": tasks})).content
    waits: dict[str, list[str]] = {}
    async for page in Client(mcp, "modern").pages(analysis["resource"]):
        told = page.get("waits_for", {})
        assert told.keys() <= {task["id"] for task in page["tasks"]}
        assert len(page["tasks"]) == 1 or len(json.dumps([told, page["tasks"]])) < 7_000
        waits |= told
    assert sum(map(len, waits.values())) >= 19
