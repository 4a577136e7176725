"""What an MCP request asks, as far as the daemon has to know, and how it answers for a service that cannot.

A call of a tool is answered as the service itself answers `retry_later`, because a client tells its model nothing of
any other refusal and tries nothing again; whatever else is asked is refused as a problem. What a request means is the
service's to know, and a body that is no JSON its to refuse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import orjson
from starlette.responses import Response

from coordination.domain.errors import CoordinationError, RetryLater
from coordination.transport.mcp.errors import as_text, repeated, structured
from coordination.transport.mcp.headers import JSON
from coordination.transport.mcp.message import is_single, member
from coordination.transport.problem import problem_of

TOOL_USE_ID: Final = "claudecode/toolUseId"
"""How Claude Code names a call in its hooks too, which is how a subagent's call is told from its terminal's."""
TOOL_USE_ID_MAX: Final = 200
TOOL_MAX: Final = 64
"""Longer names are none of a tool, and not repeated."""
CALL: Final = "tools/call"

_VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
_LOOK: Final = "check_agent_status()"
_AGAIN: Final = "repeat the same call in a few seconds"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes:
        method: its method; "" when it is no request that can be read.
        request_id: its id, None for a notification.
        tool: the tool that it calls, "" when it calls none.
        arguments: what the tool is called with.
        tool_use_id: how the client names this call, None when it does not.
        is_modern: whether it is of the era in which each request names its protocol.
    """

    method: str = ""
    request_id: str | int | None = None
    tool: str = ""
    # Any: the arguments of a tool, as JSON has them.
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tool_use_id: str | None = None
    is_modern: bool = False

    @property
    def is_call(self) -> bool:
        """Whether it calls a tool and is to be answered."""
        return self.method == CALL and self.request_id is not None

    def refused(self, error: CoordinationError) -> Response:
        """Return the answer that says that it was not done, or may not have been."""
        if not self.is_call:
            return problem_of(error)
        return self.refused_call(error.code, error.message, error.next_call or _LOOK)

    def retry_later(self, message: str) -> Response:
        """Return the answer that says to ask again, and how."""
        again = repeated(self.tool, self.arguments) if self.is_call and len(self.tool) <= TOOL_MAX else ""
        return self.refused(RetryLater(message, next_call=again or _AGAIN))

    def refused_call(self, code: str, message: str, next_call: str) -> Response:
        """Return the answer to a call of a tool that is refused, as the service would give it."""
        said = (code, message, next_call)
        result: dict[str, object] = {
            "content": [{"type": "text", "text": as_text(*said)}],
            "structuredContent": structured(*said),
            "isError": True,
        }
        if self.is_modern:
            result["resultType"] = "complete"
        answer = {"jsonrpc": "2.0", "id": self.request_id, "result": result}
        return Response(orjson.dumps(answer), media_type=JSON)


def asked(body: bytes) -> Asked:
    """Read a request."""
    return asked_by(loaded(body))


def loaded(body: bytes) -> object:
    """Return what a body says in JSON, None when it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def asked_by(message: object) -> Asked:
    """Read a message that is JSON already."""
    method = member(message, "method")
    if not is_single(message) or not isinstance(method, str):
        return Asked()
    params = member(message, "params")
    meta = member(params, "_meta")
    name, arguments, use = member(params, "name"), member(params, "arguments"), member(meta, TOOL_USE_ID)
    return Asked(
        method=method,
        request_id=cast("str | int | None", member(message, "id")),  # checked by `is_single`
        tool=name if method == CALL and isinstance(name, str) else "",
        arguments=cast("dict[str, Any]", arguments) if isinstance(arguments, dict) else {},
        tool_use_id=use if isinstance(use, str) and 0 < len(use) <= TOOL_USE_ID_MAX else None,
        is_modern=isinstance(member(meta, _VERSION_KEY), str),
    )
