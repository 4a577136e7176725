"""The planner's role over MCP, in both eras: lists and calls follow who has it, and nobody pays for it with a claim."""

from __future__ import annotations

import re

import pytest

from coordination.domain.agent import Agent
from coordination.domain.identity import Role
from coordination.domain.visibility import IMPLEMENTER_TOOLS, PLANNER_TOOLS
from coordination.services import agent as agents
from coordination.services import planner
from coordination.store.database import retry_later
from coordination.transport.mcp.tools import PLANNER_INSTRUCTIONS
from tests.integration.store.steps import agent, fall_silent
from tests.integration.tools.endpoint import Endpoint, endpoint
from tests.integration.tools.reading import Client, Era

A, B, PLANNER = agent("impl_a"), agent("impl_b"), agent("planner")
HIDDEN, UNKNOWN = "analyze_task_conflicts", "not_a_tool_at_all"
ARGUMENTS = {"tasks": ["Write the parser in src/parser.py"]}
ANALYSIS = "coordination://analysis/0123456789abcdef"


@pytest.fixture(params=["legacy", "modern"])
def era(request: pytest.FixtureRequest) -> Era:
    return request.param


async def called(client: Client, name: str) -> bytes:
    """Call what may be no tool of the caller's: the answer, with the name as that of nothing."""
    answer = await client.post("tools/call", {"name": name, "arguments": ARGUMENTS})
    assert answer.status_code == 200
    return answer.content.replace(name.encode(), UNKNOWN.encode())


async def prompted(client: Client, name: str) -> tuple[int, bytes]:
    """Ask for what may be no prompt of the caller's: the answer, with the name as that of nothing."""
    answer = await client.post("prompts/get", {"name": name})
    return answer.status_code, answer.content.replace(name.encode(), UNKNOWN.encode())


async def sees(client: Client) -> tuple[list[str], list[str], bool]:
    """What a client is shown: tools, prompts, and whether it is told how a planner works."""
    if client.era == "modern":
        asked = await client.post("server/discover", {})
    else:
        about: dict[str, object] = {"protocolVersion": "2025-11-25", "capabilities": {}}
        who = {"name": "claude-code", "version": "1"}
        asked = await client.post("initialize", {**about, "clientInfo": who})
    tools = [tool["name"] for tool in await client.listed("tools/list", "tools")]
    prompts = [prompt["name"] for prompt in await client.listed("prompts/list", "prompts")]
    return tools, prompts, PLANNER_INSTRUCTIONS in asked.json()["result"]["instructions"]


AS_IMPLEMENTER = (list(IMPLEMENTER_TOOLS), list[str](), False)
AS_PLANNER = (list(PLANNER_TOOLS), ["plan_work"], True)


async def test_lists_and_calls_follow_who_has_the_role(mcp: Endpoint, era: Era) -> None:
    client, core = Client(mcp, era), mcp.core
    for who in (A, B):
        await agents.join(core, who)
    nothing, no_prompt = await called(client, UNKNOWN), await prompted(client, UNKNOWN)
    assert await sees(client) == AS_IMPLEMENTER
    assert (await called(client, HIDDEN), await prompted(client, "plan_work")) == (nothing, no_prompt)
    assert "next_call" not in (await client.refused(ANALYSIS))["data"]

    await planner.take(core, "local", "demo", "alice", A.id)
    assert await sees(client) == AS_PLANNER
    assert b'"isError":false' in await called(client, HIDDEN)
    assert (await prompted(client, "plan_work"))[0] == 200
    assert HIDDEN in (await client.refused(ANALYSIS))["data"]["next_call"]

    # Its terminal still shows the tools when another agent takes the role.
    await core.presence.flush()
    await fall_silent(core.database, A)
    await planner.take(core, "local", "demo", "alice", B.id)
    assert (await called(client, HIDDEN), await prompted(client, "plan_work")) == (nothing, no_prompt)
    assert await sees(client) == AS_IMPLEMENTER
    await planner.give_back(core, "local", "demo", "alice", B.id)
    assert await sees(Client(mcp, era, "/mcp/v2/claude/alice__session__demo__impl_b")) == AS_IMPLEMENTER


async def test_whoever_took_the_role_is_shown_as_planner(mcp: Endpoint) -> None:
    await agents.join(mcp.core, A)
    await planner.take(mcp.core, "local", "demo", "alice", A.id)
    (shown,) = (await mcp.status("impl_a")).content["agents"]
    assert (shown["agent"], shown["role"]) == (A.id, "planner")


async def test_an_agent_is_told_what_became_of_its_role(mcp: Endpoint) -> None:
    async def told(name: str) -> list[str]:
        warnings: list[str] = (await mcp.sync(name)).content.get("warnings", [])
        return [re.sub(r"since \S+Z", "since then", warning).partition(":")[0] for warning in warnings]

    for who in (A, B):
        await mcp.sync(who.name)
    await planner.take(mcp.core, "local", "demo", "alice", A.id)
    assert await told("impl_a") == [
        "You are the planner, since then. If you see no tools to plan with, ask the person to type /mcp and reconnect."
    ]
    await mcp.core.presence.flush()
    await fall_silent(mcp.core.database, A)
    await planner.take(mcp.core, "local", "demo", "alice", B.id)
    assert await told("impl_a") == ["alice/impl_b is the planner in your place, since then"]
    await planner.give_back(mcp.core, "local", "demo", "alice", B.id)
    assert await told("impl_b") == ["You are an implementer again, since then"]


async def test_nobody_is_asked_for_the_role_of_a_caller_for_what_every_agent_has(mcp: Endpoint) -> None:
    asked: list[str] = []

    async def role(who: Agent) -> Role:
        asked.append(who.name)
        return await planner.read_role(mcp.core, who)

    async with endpoint(mcp.core, presence=False, role=role) as served:
        await served.claim("impl_a", "a.py")
        await served.sync("impl_a", task_id="t1", status="started")
        await served.status("impl_a")
        await served.call("planner", HIDDEN, ARGUMENTS)
        await served.tools("planner")
        assert asked == []
        await served.tools("impl_a")
        assert asked == ["impl_a"]
        await Client(served, path="/mcp/v2/cursor/alice__session__demo__impl_a").post("tools/list", {})
        assert asked == ["impl_a"]


async def test_while_nobody_can_say_what_is_certain_is_shown_and_the_rest_is_to_be_repeated(
    mcp: Endpoint, era: Era
) -> None:
    async def role(_: Agent) -> Role:
        raise retry_later("it is not reachable")

    async with endpoint(mcp.core, presence=False, role=role) as served:
        client = Client(served, era)
        assert await sees(client) == AS_IMPLEMENTER
        nothing, no_prompt = await called(client, UNKNOWN), await prompted(client, UNKNOWN)
        assert b'"code":"retry_later"' in nothing
        assert b'"code":"retry_later"' in no_prompt[1]
        assert (await called(client, HIDDEN), await prompted(client, "plan_work")) == (nothing, no_prompt)
        assert not (await served.claim("impl_a", "a.py")).is_error
        assert await sees(Client(served, era, "/mcp/v2/claude/alice__session__demo__planner")) == AS_PLANNER
