"""What the typed client reads of a running service is what the service's own use cases say, to the last page."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from coordination.client import channel
from coordination.client.service import ServiceClient
from coordination.domain.path import normalise
from coordination.domain.plan.task import PlannedTask
from coordination.services import agent as agents
from coordination.services import plan, task
from tests.integration.cli.running import Running


async def test_every_list_is_read_to_its_end_as_the_values_that_the_service_has(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "PAGE", 2)
    core, planner = service.core, service.agent("planner")
    for number in range(2):
        tasks = [PlannedTask(f"{number}/{name}", name, (normalise(f"{name}.py"),)) for name in "abc"]
        kept = await plan.analyse(core, planner, tasks)
        await plan.distribute(core, planner, kept.id, 2)
        for name in ("impl_a", "impl_b"):
            await service.report(service.agent(name), f"own/{number}{name}", 40, "half")
            await task.send_message(core, "local", "demo", "bob", f"hello {number}", None)

    def read() -> dict[str, Any]:
        with ServiceClient(service.url) as client:
            return {
                "agents": [one.agent_id for one in client.agents("demo")],
                "agent": client.agent("demo", "alice/impl_a").task,
                "tasks": client.tasks("demo"),
                "mine": client.tasks("demo", status="started", agent="impl_b"),
                "task": client.task("demo", "own/1impl_a"),
                "plans": [one.revision for one in client.plans("demo")],
                "first": client.plan("demo", 1),
                "latest": client.plan("demo"),
                "messages": list(client.messages("demo")),
            }

    found = await asyncio.to_thread(read)
    everything, _ = await task.list_tasks(core, "local", "demo", limit=100)
    everybody = await agents.list_agents(core, "local", "demo", None, 100)
    assert found["tasks"] == everything
    assert len(everything) > 4
    assert found["mine"] == [one for one in everything if one.agent_id == "alice/impl_b"]
    assert found["task"] == next(one for one in everything if one.task_id == "own/1impl_a")
    assert found["agents"] == [one.agent_id for one in everybody]
    assert found["agent"] == (await agents.read_agent(core, "local", "demo", "alice/impl_a")).task
    assert found["plans"] == [1, 2]
    assert found["first"] == await plan.read_revision(core, "local", "demo", 1)
    assert found["latest"] == await plan.latest(core, "local", "demo")
    assert found["messages"] == await task.list_messages(core, "local", "demo", 0, 100)
    assert [one.text for one in found["messages"]] == ["hello 0", "hello 0", "hello 1", "hello 1"]
