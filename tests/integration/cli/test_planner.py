"""`coord plan --take` and `--give-back` against the running application, and what its terminal sees then."""

from __future__ import annotations

import httpx
import pytest

from coordination.domain.visibility import IMPLEMENTER_TOOLS, PLANNER_TOOLS
from tests.integration.cli.running import Coord, Running
from tests.integration.store.steps import fall_silent


async def tools(service: Running, name: str) -> list[str]:
    """The tools that the agent's terminal lists."""
    message: dict[str, object] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    async with httpx.AsyncClient(headers={"x-client-name": "claude code"}) as client:
        path = f"{service.url}/mcp/v2/claude/alice__session__demo__{name}"
        listed = (await client.post(path, json=message)).json()["result"]["tools"]
    return [tool["name"] for tool in listed]


@pytest.fixture
async def joined(service: Running) -> Running:
    for name in ("impl_a", "impl_b"):
        await service.read(service.agent(name))
    return service


async def test_the_role_is_taken_shown_and_given_back(joined: Running, coord: Coord) -> None:
    taken = await coord("plan", "--take", "impl_a")
    assert (taken.exit_code, taken.out.splitlines()[0]) == (
        0,
        "alice/impl_a is the planner of session demo now.",
    )
    assert "type /mcp there and reconnect" in taken.out
    assert await tools(joined, "impl_a") == list(PLANNER_TOOLS)
    assert (
        "is the planner of session demo already"
        in (await coord("plan", "demo", "--take", "alice/impl_a")).out
    )
    status = (await coord("status", "--json")).json
    assert {one["agent_id"]: one["role"] for one in status["agents"]}["alice/impl_a"] == "planner"

    refused = await coord("plan", "--take", "impl_b")
    assert refused.exit_code == 4
    assert "alice/impl_a is the planner of this session, last heard of at" in refused.err
    assert "plan demo --give-back alice/impl_a" in refused.err
    assert (await coord("plan", "--take", "impl_b", "--json")).json["error"]["code"] == "role_taken"

    back = await coord("plan", "--give-back", "impl_a")
    assert (back.exit_code, back.out.splitlines()[0]) == (
        0,
        "alice/impl_a is an implementer of session demo again.",
    )
    assert await tools(joined, "impl_a") == list(IMPLEMENTER_TOOLS)
    assert "is an implementer of session demo already" in (await coord("plan", "--give-back", "impl_a")).out


async def test_whoever_loses_the_role_is_named(joined: Running, coord: Coord) -> None:
    await coord("plan", "--take", "impl_a")
    await joined.core.presence.flush()
    await fall_silent(joined.core.database, joined.agent("impl_a"))
    held = {"agent_id": "alice/impl_b", "role": "planner", "changed": True, "taken_from": ["alice/impl_a"]}
    assert (await coord("plan", "--take", "impl_b", "--json")).json == {"session": "demo", **held}


async def test_the_planner_by_name_keeps_the_role(joined: Running, coord: Coord) -> None:
    await joined.read(joined.agent("planner"))
    answer = await coord("plan", "--give-back", "planner")
    assert (answer.exit_code, answer.out) == (1, "")
    assert "alice/planner is the planner by its name" in answer.err


async def test_an_unknown_agent_and_both_wishes_at_once_are_refused(joined: Running, coord: Coord) -> None:
    unknown = await coord("plan", "--take", "impl_z")
    assert (unknown.exit_code, "There is no agent impl_z" in unknown.err) == (4, True)
    both = await coord("plan", "--take", "impl_a", "--give-back", "impl_a")
    assert (both.exit_code, "Give one of" in both.err) == (2, True)
