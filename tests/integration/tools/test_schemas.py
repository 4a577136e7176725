"""The tools as they stand in every prompt: small, strict, described, and safe for the model API."""

import json
from typing import Any, cast

import pytest

from coordination.domain.visibility import IMPLEMENTER_TOOLS, PLANNER_TOOLS
from coordination.transport.mcp.tools import INSTRUCTIONS, PLANNER_INSTRUCTIONS
from tests.integration.tools.endpoint import Endpoint

IMPLEMENTER_BYTES = 6_000
PLANNER_BYTES = 10_000


def compact(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


@pytest.mark.parametrize(("agent", "limit"), [("impl_a", IMPLEMENTER_BYTES), ("planner", PLANNER_BYTES)])
async def test_the_list_of_tools_is_small(mcp: Endpoint, agent: str, limit: int) -> None:
    tools = await mcp.tools(agent)
    assert {"claim_file_lock", "sync_progress", "check_agent_status"} <= {tool["name"] for tool in tools}
    assert compact(tools) <= limit


async def test_every_tool_says_what_a_model_needs_and_the_api_takes(mcp: Endpoint) -> None:
    for tool in await mcp.tools("planner"):
        assert tool["description"]
        assert tool["_meta"] == {"anthropic/alwaysLoad": True}
        assert set(tool["annotations"]) == {
            *("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"),
        }
        assert tool["inputSchema"]["additionalProperties"] is False
        for schema in (tool["inputSchema"], tool["outputSchema"]):
            assert schema["type"] == "object"
            assert not {"oneOf", "anyOf", "allOf", "$ref", "$defs"} & set(schema)
        assert not {"oneOf", "$ref", "allOf"} & set(keys(tool["inputSchema"]))
        assert {"code", "message", "next_call"} <= set(tool["outputSchema"]["properties"])


def keys(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        known = cast("dict[str, Any]", schema)
        return [key for name, inner in known.items() for key in (name, *keys(inner))]
    if isinstance(schema, list):
        return [key for inner in cast("list[Any]", schema) for key in keys(inner)]
    return []


async def test_what_changes_nothing_for_anybody_is_read_only(mcp: Endpoint) -> None:
    expected = {"claim_file_lock": False, "sync_progress": False, "check_agent_status": True}
    assert await read_only(mcp, "impl_a") == expected
    # An analysis is kept, but changes nothing for anybody.
    planning = {"analyze_task_conflicts": True, "create_task_distribution": False}
    assert await read_only(mcp, "planner") == expected | planning


async def read_only(mcp: Endpoint, agent: str) -> dict[str, bool]:
    return {tool["name"]: tool["annotations"]["readOnlyHint"] for tool in await mcp.tools(agent)}


async def test_the_instructions_are_sent_and_short(mcp: Endpoint) -> None:
    params = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "claude-code", "version": "2"},
    }
    assert (await mcp.ask("impl_a", "initialize", params))["instructions"] == INSTRUCTIONS
    told = (await mcp.ask("planner", "initialize", params))["instructions"]
    assert told == INSTRUCTIONS + PLANNER_INSTRUCTIONS
    assert len(told) < 1500


def test_who_may_not_plan_is_told_nothing_of_the_tools_for_it() -> None:
    assert not [name for name in PLANNER_TOOLS if name not in IMPLEMENTER_TOOLS and name in INSTRUCTIONS]
