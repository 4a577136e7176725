"""What stands before the endpoint, and that the workspace comes from there."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from coordination.domain.principal import Principal
from coordination.transport.auth import LocalTokenGate, keep_principal
from coordination.transport.guard import Guard
from tests.integration.transport.endpoint import CLAUDE_CODE, PLANNER, endpoint

HEADERS = tuple(CLAUDE_CODE.items())
LIST: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


async def test_the_guards_stand_before_the_endpoint() -> None:
    async with endpoint(wrap=lambda app: Guard(LocalTokenGate(app, token="t0ken"))) as mcp:  # noqa: S106  of this test
        token = ("authorization", "Bearer t0ken")
        assert len(await mcp.tools(PLANNER, (*HEADERS, token))) == 5
        expected = {
            (token, ("host", "evil.example")): 421,
            (token, ("origin", "http://evil.example")): 403,
            (token, ("x-forwarded-for", "192.0.2.1")): 400,
            (("authorization", "Bearer wrong"),): 401,
            (): 401,
            (("x-api-key", "t0ken"),): 401,
        }
        for headers, status in expected.items():
            answer = await mcp.post(PLANNER, LIST, (*HEADERS, *headers))
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"


async def test_the_workspace_is_the_principals() -> None:
    principal = Principal("team", "alice")

    def of_a_team(app: ASGIApp) -> ASGIApp:
        async def gate(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                keep_principal(scope, principal)
            await app(scope, receive, send)

        return gate

    async with endpoint(wrap=of_a_team) as mcp:
        await mcp.tools(PLANNER, HEADERS)
        assert mcp.listed[0].workspace == "team"
