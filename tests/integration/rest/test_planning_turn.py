"""An analysis that nobody waits for any more ends, whoever asked for it, and however; and so does it at the stop."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.types import ASGIApp

from coordination.services.core import Core
from tests.integration.leaver import Leaver
from tests.integration.rest.api import Api
from tests.integration.tools.endpoint import endpoint
from tests.unit.transport.asgi import scope_of

HEADERS = (("host", "127.0.0.1"), ("content-type", "application/json"), ("x-client-name", "claude code"))
ARGUMENTS = {"tasks": ["Mend src/app.py"]}
CALL = {"name": "analyze_task_conflicts", "arguments": ARGUMENTS}
REST = "/api/v1/sessions/demo/analyses", {"agent": "alice/planner", **ARGUMENTS}
MCP = (
    "/mcp/v2/claude/alice__session__demo__planner",
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": CALL},
)


async def ended(core: Core, app: ASGIApp, path: str, body: object, *, by_stop: bool) -> bytes:
    """Ask while another has the session's turn; return what is answered to who leaves, or at the stop."""
    client = Leaver(json.dumps(body).encode(), leaves=False)
    async with asyncio.timeout(10), core.turns.turn("local", "demo"):
        asked = asyncio.ensure_future(
            app(scope_of("http", path, HEADERS, query_string=b""), client.receive, client.send)
        )
        (core.stop_waiting if by_stop else client.leave)()
        await asked
    return client.sent


@pytest.mark.parametrize("by_stop", [False, True])
async def test_an_analysis_over_http_ends_with_its_caller_and_with_the_service(
    acting: Api, *, by_stop: bool
) -> None:
    answer = json.loads(await ended(acting.core, acting.app, *REST, by_stop=by_stop))
    assert (answer["status"], answer["code"]) == (503, "retry_later")


@pytest.mark.parametrize("by_stop", [False, True])
async def test_an_analysis_over_mcp_ends_with_its_caller_and_with_the_service(
    clean_core: Core, *, by_stop: bool
) -> None:
    async with endpoint(clean_core, presence=False) as served:
        sent = await ended(clean_core, served.app, *MCP, by_stop=by_stop)
    assert b"retry_later" in sent
