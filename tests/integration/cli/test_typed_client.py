"""What the typed client reads of a running service is what the service's own use cases say, to the last page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from coordination.client import channel
from coordination.client.errors import RequestRefused
from coordination.client.service import ServiceClient
from coordination.domain.file_lock import Granted
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


async def test_what_acts_for_terminals_takes_a_free_name_and_drops_exactly_what_was_lost(
    service: Running,
) -> None:
    def act() -> dict[str, Any]:
        with ServiceClient(service.url) as client:
            one, other = (
                client.acting("demo", "alice/impl_a", terminal=terminal) for terminal in ("1-1", "2-2")
            )
            one.heartbeat(only_if_free=True)
            taken = refused(lambda: other.heartbeat(only_if_free=True))
            granted = one.claim(["a.py", "b.py", "c.py"])
            assert isinstance(granted, Granted)
            one.release(granted.leases[:2])
            lost = refused(lambda: one.renew(granted.leases))
            left = one.leave("ended")
            again = other.heartbeat(only_if_free=True)
            late = refused(lambda: one.renew(granted.leases[2:]))
            return {
                "taken": taken.code,
                "lost": lost.details,
                "left": (left.left, [lease.path for lease in left.released]),
                "again": (again.presence, again.lock_count, again.terminals),
                "late": (late.code, late.details),
            }

    assert await asyncio.to_thread(act) == {
        "taken": "name_taken",
        "lost": {"lost": ["a.py", "b.py"], "held": ["c.py"]},
        "left": (True, ["c.py"]),
        "again": ("active", 0, 1),
        "late": ("lease_lost", {"lost": ["c.py"], "held": []}),
    }


def refused(call: Callable[[], object]) -> RequestRefused:
    """How a call is refused."""
    with pytest.raises(RequestRefused) as found:
        call()
    return found.value
