"""What a caller over MCP is told that asks too often (`transport.limits`): of a tool's call as its result.

A call of any tool is answered alike, whether there is such a tool or not. Other messages are refused in HTTP, by 429.
"""

from typing import Final

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from coordination.domain.errors import RateLimited
from coordination.transport.limits import too_often, wait_of
from coordination.transport.mcp.errors import as_text, structured
from coordination.transport.mcp.headers import JSON
from coordination.transport.mcp.identity import Caller, caller_on
from coordination.transport.observation import observation_of
from coordination.transport.problem import problem_of

TOOL_CALL: Final = "tools/call"


class Limited:
    """ASGI middleware, behind `CallerResolution`, which has read who asks for what.

    Args:
        app: the application behind.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        wait = wait_of(scope)
        if not wait:
            await self._app(scope, receive, send)
            return
        error, caller = too_often(wait), caller_on(scope)
        observation = observation_of(scope)
        if observation.message != TOOL_CALL or caller.request_id is None:
            await problem_of(error)(scope, receive, send)
            return
        observation.refusal = error.code
        await Response(_result(caller, error), media_type=JSON)(scope, receive, send)


def _result(caller: Caller, error: RateLimited) -> bytes:
    said = (error.code, error.message, error.next_call)
    result = {
        "content": [{"type": "text", "text": as_text(*said)}],
        "structuredContent": structured(*said),
        "isError": True,
        "resultType": "complete",  # of 2026-07-28; the older protocol allows further members
    }
    return orjson.dumps({"jsonrpc": "2.0", "id": caller.request_id, "result": result})
