"""The client matrix with every kind of credential: who sees which tools of a hosted service; hidden is unknown."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest

from coordination.domain.visibility import IMPLEMENTER_TOOLS, PLANNER_TOOLS
from coordination.transport.mcp.visibility import Refusals
from tests.integration.hosted.team import API, Hosted
from tests.integration.transport.endpoint import Endpoint, Era, Headers
from tests.integration.transport.test_mcp_visibility import headers_of, info_of, path_of
from tests.unit.transport.visibility_cases import CASES

PLANNER = "alice__session__matrix__planner"
IMPLEMENTER = "alice__session__matrix__impl_a"
UNKNOWN = "not_a_tool_at_all"
ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])
CLIENTS = [case for case in CASES if case.credential == "none"]


@dataclass(frozen=True)
class Kind:
    """A kind of credential: what token is made for it, and whether its agent may see tools at all."""

    name: str
    bound: dict[str, object]
    works: bool = True
    api_key: bool = False


KINDS = [
    Kind("any session's, any agent's", {}),
    Kind("a session's", {"session": "matrix"}),
    Kind("a planner's", {"session": "matrix", "agent": "planner"}),
    Kind("a reader's", {"scopes": ["read"]}, works=False),
    Kind("a manager's", {"scopes": ["read", "manage"]}, works=False),
    Kind("an API key", {}, works=False, api_key=True),
]


@pytest.fixture
async def endpoint(team: Hosted) -> AsyncGenerator[Endpoint]:
    """The MCP endpoint of the hosted service, as the tests of local mode ask it."""
    one = Endpoint(team.url, Refusals())
    yield one
    await one.client.aclose()


async def credential(team: Hosted, kind: Kind) -> Headers:
    secret = await team.token(**kind.bound)
    return [("x-api-key", secret)] if kind.api_key else [("authorization", f"Bearer {secret}")]


@ERAS
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_tools_follow_client_and_credential(
    team: Hosted, endpoint: Endpoint, kind: Kind, era: Era
) -> None:
    own = await credential(team, kind)
    for case in CLIENTS[::9]:
        headers, info, path = [*headers_of(case), *own], info_of(case), path_of(case, PLANNER)
        visible = case.visible and kind.works
        tools = await endpoint.tools(path, headers, era=era, info=info)
        assert tools == list(PLANNER_TOOLS if visible else ()), case.name
        if not visible:
            hidden = await endpoint.call(path, "claim_file_lock", {}, headers, era=era, info=info)
            unknown = await endpoint.call(path, UNKNOWN, {}, headers, era=era, info=info)
            assert hidden.content == unknown.content.replace(UNKNOWN.encode(), b"claim_file_lock"), case.name
            assert hidden.status_code == unknown.status_code


@ERAS
async def test_an_implementers_token_hides_the_planners_tools(
    team: Hosted, endpoint: Endpoint, era: Era
) -> None:
    kind = Kind("an implementer's", {"session": "matrix", "agent": "impl_a", "role": "implementer"})
    headers = [("x-client-name", "claude code"), *await credential(team, kind)]
    path = f"/mcp/v2/claude/{IMPLEMENTER}"
    assert await endpoint.tools(path, headers, era=era) == list(IMPLEMENTER_TOOLS)
    hidden = await endpoint.call(path, "analyze_task_conflicts", {}, headers, era=era)
    unknown = await endpoint.call(path, UNKNOWN, {}, headers, era=era)
    assert hidden.content == unknown.content.replace(UNKNOWN.encode(), b"analyze_task_conflicts")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_whoever_is_not_who_the_url_says_learns_nothing(team: Hosted, kind: Kind) -> None:
    headers = {str(name): str(value) for name, value in await credential(team, kind)}
    told = {
        (await team.mcp(None, "bob__session__matrix__planner", method, {"name": "x"}, **headers)).status_code
        for method in ("tools/list", "tools/call", "initialize", "prompts/list", "nothing")
    }
    assert told == {403}


async def test_a_viewers_token_sees_no_tool(team: Hosted) -> None:
    viewer = await team.member("vera", role="viewer")
    assert await team.tools(viewer, "vera__session__matrix__planner") == []
    assert (
        await team.client.get(f"{API}/sessions", headers={"authorization": f"Bearer {viewer}"})
    ).status_code == 200
