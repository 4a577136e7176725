"""The prompt `plan_work`: for planners alone, and it leads through both tools."""

import pytest

from tests.integration.tools.endpoint import Endpoint


async def names(mcp: Endpoint, agent: str) -> list[str]:
    return [prompt["name"] for prompt in (await mcp.ask(agent, "prompts/list", {}))["prompts"]]


async def text(mcp: Endpoint, **arguments: str) -> str:
    asked = await mcp.ask("planner", "prompts/get", {"name": "plan_work", "arguments": arguments})
    (message,) = asked["messages"]
    return message["content"]["text"]


async def test_a_planner_has_it_and_an_implementer_does_not(mcp: Endpoint) -> None:
    assert await names(mcp, "planner") == ["plan_work"]
    assert await names(mcp, "impl_a") == []


async def test_it_leads_from_the_goal_to_the_terminals(mcp: Endpoint) -> None:
    told = await text(mcp, goal="Let invoices be \x1b[31mPDF")
    steps = (
        'all that the person typed after the command; it begins: "Let invoices be PDF"',
        "analyze_task_conflicts",
        "Ask for a",
        "create_task_distribution",
        "one terminal each",
    )
    places = [told.index(step) for step in steps]
    assert places == sorted(places)


@pytest.mark.parametrize("goal", ["", "\x00", " "])
async def test_without_a_goal_the_person_is_asked_for_it(mcp: Endpoint, goal: str) -> None:
    told = await text(mcp, goal=goal)
    assert "Ask the person for the goal" in told
    assert "it begins" not in told
