"""Through real HTTP, in both eras: who is shown tools, who may call them, and what everybody else is told."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastmcp.prompts import Prompt
from fastmcp.resources import ResourceTemplate, TextResource
from pydantic import AnyUrl
from structlog.testing import capture_logs

from coordination.domain.checkout import parse_checkout
from coordination.domain.identity import Identity
from coordination.domain.visibility import IMPLEMENTER_TOOLS, PLANNER_TOOLS, Visible, decide
from coordination.transport.auth import LocalTokenGate
from coordination.transport.mcp.server import build_mcp, mcp_app
from coordination.transport.mcp.visibility import Refusals
from tests.integration.transport.curl import CURL_CLAUDE, CURL_CURSOR, run_line
from tests.integration.transport.endpoint import (
    CLAUDE_CODE,
    IMPLEMENTER,
    INSTRUCTIONS,
    NO_SESSION,
    PLANNER,
    Endpoint,
    Era,
    Headers,
    served,
)
from tests.unit.transport.visibility_cases import CASES, Case

LISTS = (("prompts", "prompts"), ("resources", "resources"), ("resources/templates", "resourceTemplates"))
READS = (
    ("prompts/get", {"name": "plan_work"}),
    ("resources/read", {"uri": "coordination://locks"}),
    ("resources/read", {"uri": "coordination://prompt/x"}),
)
HEADERS = tuple(CLAUDE_CODE.items())
ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])
UNKNOWN = "not_a_tool_at_all"


def _prompt_of(agent: str) -> str:
    return f"for {agent}"


def _ignore(_: Identity) -> None:
    pass


def path_of(case: Case, user: str = "alice__session__demo__planner") -> str:
    return f"/mcp/v2/{quote(case.path, safe='')}/{user}"


def headers_of(case: Case) -> Headers:
    headers: list[tuple[str | bytes, str | bytes]] = [
        *((b"x-client-name", name.encode()) for name in case.headers),
        *((b"user-agent", agent.encode()) for agent in case.agents),
    ]
    if case.credential == "api_key":
        headers.append((b"x-api-key", b"sk-secret"))
    if case.credential == "bearer":
        headers.append((b"authorization", b"Bearer secret"))
    return headers


def info_of(case: Case) -> Any:
    return None if case.info is None else {"name": case.info, "version": "1"}


@ERAS
async def test_lists_follow_the_matrix(mcp: Endpoint, era: Era) -> None:
    for case in CASES:
        tools = await mcp.tools(path_of(case), headers_of(case), era=era, info=info_of(case))
        assert tools == list(PLANNER_TOOLS if case.visible else ()), case.name
    assert len(mcp.listed) == sum(case.visible for case in CASES)


@ERAS
async def test_calls_follow_the_matrix(mcp: Endpoint, era: Era) -> None:
    for case in CASES:
        headers, info, path = headers_of(case), info_of(case), path_of(case)
        called, refused = len(mcp.called), mcp.refusals.refused_calls
        answer = await mcp.call(path, "claim_file_lock", {}, headers, era=era, info=info)
        assert len(mcp.called) - called == case.visible, case.name
        assert mcp.refusals.refused_calls - refused == (not case.visible), case.name
        if case.visible:
            assert answer.json()["result"]["structuredContent"]["agent"] == "alice/planner", case.name
        else:
            unknown = await mcp.call(path, UNKNOWN, {}, headers, era=era, info=info)
            assert answer.content == unknown.content.replace(UNKNOWN.encode(), b"claim_file_lock"), case.name
            assert answer.status_code == unknown.status_code, case.name


async def test_initialize_gives_instructions_by_the_matrix(mcp: Endpoint) -> None:
    for case in CASES:
        params: dict[str, Any] = {"protocolVersion": "2025-11-25", "capabilities": {}}
        # The handshake requires a clientInfo, so a case without one gets one.
        params["clientInfo"] = info_of(case) or {"name": "claude-code", "version": "1"}
        visible = isinstance(decide(replace(case.signals, client_info=params["clientInfo"]["name"])), Visible)
        result = await mcp.ask(path_of(case), "initialize", params, headers_of(case))
        assert result.get("instructions") == (INSTRUCTIONS if visible else None), case.name


async def test_discover_gives_instructions_by_the_matrix(mcp: Endpoint) -> None:
    for case in CASES:
        headers, info = headers_of(case), info_of(case)
        result = await mcp.ask(path_of(case), "server/discover", None, headers, era="modern", info=info)
        assert result.get("instructions") == (INSTRUCTIONS if case.visible else None), case.name


@ERAS
@pytest.mark.parametrize(
    ("path", "tools"), [(PLANNER, PLANNER_TOOLS), (IMPLEMENTER, IMPLEMENTER_TOOLS), (NO_SESSION, ())]
)
async def test_each_role_sees_and_calls_its_tools_and_no_others(
    mcp: Endpoint, path: str, tools: tuple[str, ...], era: Era
) -> None:
    assert await mcp.tools(path, HEADERS, era=era) == list(tools)
    for name in PLANNER_TOOLS:
        answer = await mcp.call(path, name, {}, HEADERS, era=era)
        assert answer.json()["result"]["isError"] == (name not in tools)
    assert len(mcp.called) == len(tools)
    assert mcp.refusals.refused_calls == len(PLANNER_TOOLS) - len(tools)


@ERAS
async def test_a_role_is_told_of_another_roles_tool_what_it_is_told_of_no_tool(
    mcp: Endpoint, era: Era
) -> None:
    hidden = await mcp.call(IMPLEMENTER, "analyze_task_conflicts", {"paths": 1}, HEADERS, era=era)
    unknown = await mcp.call(IMPLEMENTER, UNKNOWN, {"paths": 1}, HEADERS, era=era)
    assert hidden.content == unknown.content.replace(UNKNOWN.encode(), b"analyze_task_conflicts")


@ERAS
@pytest.mark.parametrize(
    "arguments",
    [{"paths": ["a"]}, {"nonsense": 1}, {"paths": "x" * 5000}],
    ids=["good", "unknown field", "long"],
)
async def test_arguments_do_not_betray_a_hidden_tool(
    mcp: Endpoint, arguments: dict[str, Any], era: Era
) -> None:
    headers = (("x-client-name", "cursor"), ("mcp-param-paths", "a"))
    hidden = await mcp.call(PLANNER, "claim_file_lock", arguments, headers, era=era)
    unknown = await mcp.call(PLANNER, UNKNOWN, arguments, headers, era=era)
    assert hidden.status_code == unknown.status_code
    assert hidden.content == unknown.content.replace(UNKNOWN.encode(), b"claim_file_lock")


@ERAS
@pytest.mark.parametrize("method", ["prompts/list", "resources/list", "resources/templates/list"])
async def test_everything_else_is_empty_for_hidden_callers(mcp: Endpoint, method: str, era: Era) -> None:
    result = await mcp.ask("/mcp/v2/cursor/alice", method, None, (("x-client-name", "cursor"),), era=era)
    assert [value for value in result.values() if isinstance(value, list)] == [[]]


async def test_prompts_and_resources_follow_the_tools() -> None:
    """Whatever they are: this server has none of the product's, but one of each of its own."""
    refusals = Refusals()
    server = build_mcp(
        [], instructions="", version="1", on_listed=_ignore, on_called=_ignore, refusals=refusals
    )
    server.add_prompt(Prompt.from_function(lambda: "a plan", name="plan_work"))
    server.add_resource(TextResource(uri=AnyUrl("coordination://locks"), name="locks", text="none"))
    server.add_template(
        ResourceTemplate.from_function(_prompt_of, uri_template="coordination://prompt/{agent}", name="p")
    )
    found: dict[str, list[object]] = {}
    async with served(LocalTokenGate(mcp_app(server), token=None)) as url, httpx.AsyncClient() as client:
        one = Endpoint(url, refusals, client=client)
        for who, path in (("claude", PLANNER), ("other", "/mcp/v2/cursor/alice__session__demo__planner")):
            found[who] = [
                [entry["name"] for entry in (await one.ask(path, f"{kind}/list", None, HEADERS))[key]]
                for kind, key in LISTS
            ]
            for method, params in READS:
                body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
                found[who].append("result" in (await one.post(path, body, HEADERS)).json())
    assert found == {
        "claude": [["plan_work"], ["locks"], ["p"], True, True, True],
        "other": [[], [], [], False, False, False],
    }


async def test_a_refused_call_is_logged_once_and_says_who_from_where_and_which_tool(mcp: Endpoint) -> None:
    key = "sk-do-not-log-this"
    with capture_logs() as logs:
        await mcp.call(PLANNER, "claim_file_lock", {}, (*HEADERS, ("x-api-key", key)))
    refused = [entry for entry in logs if entry["event"] == "tool_call_refused"]
    assert len(refused) == mcp.refusals.refused_calls == 1
    entry = refused[0]
    assert entry["log_level"] == "warning"
    assert (entry["tool"], entry["user"], entry["client"]) == ("claim_file_lock", "alice", "claude")
    assert re.fullmatch(r"127\.0\.0\.1:\d+", entry["peer"])
    assert key not in str(logs)
    assert "alice__session__demo__planner" not in str(logs)


async def test_a_hostile_tool_name_is_logged_short_and_escaped(mcp: Endpoint) -> None:
    with capture_logs() as logs:
        await mcp.call("/mcp/v2/cursor/alice", "evil\u202e\x1b[31m\n" + "x" * 9000, {})
    (tool,) = [entry["tool"] for entry in logs if entry["event"] == "tool_call_refused"]
    assert tool.isprintable()
    assert len(tool) <= 80


async def test_lists_and_calls_are_reported_with_the_identity(mcp: Endpoint) -> None:
    checkout = ("x-coordination-checkout", "laptop:/srv/app")
    headers = (*HEADERS, checkout, ("x-coordination-terminal", "42-1795273921"))
    await mcp.tools(IMPLEMENTER, headers)
    await mcp.call(IMPLEMENTER, "sync_progress", {}, headers)
    expected = Identity(
        workspace="local",
        user="alice",
        session="demo",
        agent="impl_a",
        role="implementer",
        client="claude",
        checkout=parse_checkout(checkout[1]).key,
        checkout_root="/srv/app",
        terminal="42-1795273921",
    )
    assert mcp.listed == [expected]
    assert mcp.called == [expected]


async def test_an_unknown_tool_is_neither_a_call_nor_a_refusal(mcp: Endpoint) -> None:
    await mcp.call(PLANNER, UNKNOWN, {}, HEADERS)
    assert not mcp.called
    assert mcp.refusals.refused_calls == 0


async def test_many_clients_at_once_are_not_mixed_up(mcp: Endpoint) -> None:
    cases = [case for case in CASES if case.credential == "none"][::5] * 2

    async def sees(case: Case, era: Era) -> bool:
        return bool(await mcp.tools(path_of(case), headers_of(case), era=era, info=info_of(case)))

    seen = await asyncio.gather(
        *(sees(case, "modern" if at % 2 else "legacy") for at, case in enumerate(cases))
    )
    assert seen == [case.visible for case in cases]


async def test_the_deployment_guides_line_for_claude_code_shows_the_tools(mcp: Endpoint) -> None:
    answer = await run_line(CURL_CLAUDE, mcp.url)
    assert [tool["name"] for tool in answer["result"]["tools"]] == list(PLANNER_TOOLS)


async def test_the_deployment_guides_line_for_cursor_shows_none(mcp: Endpoint) -> None:
    answer = await run_line(CURL_CURSOR, mcp.url)
    assert answer == {"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}


async def test_the_first_line_without_its_header_shows_none(mcp: Endpoint) -> None:
    answer = await run_line(CURL_CLAUDE.replace('  -H "x-client-name: claude code" \\\n', ""), mcp.url)
    assert answer["result"]["tools"] == []
