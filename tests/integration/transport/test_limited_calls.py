"""A credential that asks too often over MCP: a tool's call is answered as its result, everything else by 429."""

from __future__ import annotations

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from coordination.domain.principal import Principal
from coordination.transport.auth import keep_principal
from coordination.transport.limits import Limits, TokenLimits
from tests.integration.transport.endpoint import CLAUDE_CODE, PLANNER, Endpoint, Era, endpoint

pytestmark = pytest.mark.usefixtures("still")

HEADERS = tuple(CLAUDE_CODE.items())
TIGHT = Limits(token_rate=1, address_rate=1, address_requests=1, address_failures=1)


def limited(app: ASGIApp) -> ASGIApp:
    """Put the limits of one credential before an application."""

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            keep_principal(scope, Principal("w", "alice"))
        await limits(scope, receive, send)

    limits = TokenLimits(app, limits=TIGHT, mcp_prefix="/mcp/v2/")
    return gate


async def exhaust(mcp: Endpoint) -> None:
    for _ in range(4):
        await mcp.tools(PLANNER, HEADERS)


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("tool", ["claim_file_lock", "no_such_tool"])
async def test_a_call_is_answered_as_a_refused_one_with_what_to_do(era: Era, tool: str) -> None:
    async with endpoint(wrap=limited) as mcp:
        await exhaust(mcp)
        answer = await mcp.call(PLANNER, tool, {}, HEADERS, era=era)
        assert answer.status_code == 200
        assert answer.json()["id"] == 1
        result = answer.json()["result"]
        assert result["isError"]
        assert result["structuredContent"]["code"] == "rate_limited"
        assert result["structuredContent"]["next_call"] in result["content"][0]["text"]
        assert mcp.called == []


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_any_other_message_is_refused_with_when_to_go_on(era: Era) -> None:
    async with endpoint(wrap=limited) as mcp:
        await exhaust(mcp)
        body: dict[str, object] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        refused = await mcp.post(PLANNER, body, HEADERS, era=era)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) >= 1
        notification = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "claim_file_lock"}}
        assert (await mcp.post(PLANNER, notification, HEADERS, era=era)).status_code == 429
