"""The MCP server and its ASGI application, for both protocol eras on one URL.

Stateless JSON: every request carries all that is needed to answer it, so several processes behind a plain
balancer serve one client. The settings here were measured: without the schema hook every call of the modern
era first runs a whole list, and FastMCP's spans, schema rewriting and debug logs cost as much as a claim. The
tools and what they do are given; this module only puts them behind the entrance, the exchange and the
visibility.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol

import fastmcp
from fastmcp import FastMCP
from fastmcp.prompts import Prompt
from fastmcp.resources import Resource, ResourceTemplate
from fastmcp.server.http import StarletteWithLifespan
from fastmcp.server.middleware import Middleware as FastMCPMiddleware
from mcp.server.caching import CACHEABLE_METHODS, CacheHint
from mcp.server.lowlevel.server import NotificationOptions
from starlette.middleware import Middleware

from coordination.transport.exchange import BODY_MAX, BODY_SECONDS, ExchangeMiddleware
from coordination.transport.mcp.identity import PATH, CallerResolution, Entrance
from coordination.transport.mcp.limited import Limited
from coordination.transport.mcp.resource import RefusedReads
from coordination.transport.mcp.roles import RoleReader, Roles, role_by_name
from coordination.transport.mcp.tool import CoordinationTool
from coordination.transport.mcp.visibility import Refusals, Report, VisibilityMiddleware, VisibilityTransform

SERVER_NAME: Final = "coordination"
INSTRUCTIONS_MAX: Final = 1500

_NO_DECLARED_HEADERS: Final[dict[str, dict[str, Any]]] = {}


class _LowLevel(Protocol):
    """The settings of the SDK's server that FastMCP does not pass on; a test proves of each that it works."""

    cache_hints: dict[str, CacheHint]
    get_tool_input_schema: Any
    notification_options: NotificationOptions


def build_mcp(
    # Any: tools with different argument models stand in one list.
    tools: Sequence[CoordinationTool[Any]],
    *,
    instructions: str,
    version: str,
    planner_instructions: str = "",
    on_listed: Report,
    on_called: Report,
    refusals: Refusals,
    role: RoleReader = role_by_name,
    further: Sequence[FastMCPMiddleware] = (),
    prompts: Sequence[Prompt] = (),
    resources: Sequence[Resource | ResourceTemplate] = (),
) -> FastMCP:
    """Build the MCP server.

    Args:
        tools: the tools; which of them a caller sees is decided per request by their names.
        instructions: how agents work together, at most 1,500 characters; sent only to callers that have
            tools.
        version: the version that clients are told.
        planner_instructions: what planners are told after that; both together at most 1,500 characters.
        on_listed: called with the identity of every caller that was shown tools.
        on_called: called with the identity of every caller that called one of its tools.
        refusals: where refused calls are counted.
        role: says which role an agent has now; by default the one that it comes with.
        prompts: what a person can have an agent told; which of them a caller sees is decided by their names.
        resources: what a client can read; callers that have tools see all of them.
        further: what else looks at requests, once it is known what their callers may see.

    Raises:
        ValueError: the instructions are too long.
    """
    length = len(instructions + planner_instructions)
    if length > INSTRUCTIONS_MAX:
        raise ValueError(f"instructions may have at most {INSTRUCTIONS_MAX} characters, not {length}")
    _quieten()
    mcp: FastMCP = FastMCP(
        SERVER_NAME,
        instructions,
        version=version,
        tools=tools,
        transforms=[VisibilityTransform({tool.name: tool for tool in tools})],
        middleware=[
            VisibilityMiddleware(
                planner_instructions=planner_instructions,
                on_listed=on_listed,
                on_called=on_called,
                refusals=refusals,
                roles=Roles(role),
            ),
            RefusedReads(),
            *further,
        ],
        mask_error_details=True,
        dereference_schemas=False,
        on_duplicate="error",
    )
    for prompt in prompts:
        mcp.add_prompt(prompt)
    for resource in resources:
        if isinstance(resource, ResourceTemplate):
            mcp.add_template(resource)
        else:
            mcp.add_resource(resource)
    # FastMCP passes none of these settings on.
    low_level: _LowLevel = mcp._mcp_server  # pyright: ignore[reportPrivateUsage]
    # No tool declares `x-mcp-header` parameters, so there is nothing to validate. The hook also must not know
    # the tools: it is asked before anything knows the caller.
    low_level.get_tool_input_schema = _NO_DECLARED_HEADERS.get
    low_level.cache_hints = dict.fromkeys(CACHEABLE_METHODS, CacheHint(ttl_ms=0, scope="private"))
    # A stateless server has no stream on which it could tell a client of the older era that a list changed: FastMCP
    # opens none for GET then.
    low_level.notification_options = NotificationOptions()
    return mcp


def mcp_app(
    mcp: FastMCP,
    *,
    body_max: int = BODY_MAX,
    body_seconds: float = BODY_SECONDS,
) -> StarletteWithLifespan:
    """Build the ASGI application that serves `mcp` at `/mcp/v2/{client}/{user_id}` and nothing else.

    Whoever mounts it must run its `lifespan`.

    Args:
        mcp: what `build_mcp` built.
        body_max: the largest request body in bytes.
        body_seconds: how long a request body may take to arrive.
    """
    return mcp.http_app(
        path=PATH,
        stateless_http=True,
        json_response=True,
        # Host and Origin are checked outermost, on every route (transport.guard).
        host_origin_protection=False,
        middleware=[
            Middleware(Entrance),
            Middleware(ExchangeMiddleware, body_max=body_max, body_seconds=body_seconds),
            Middleware(CallerResolution),
            Middleware(Limited),
        ],
    )


def _quieten() -> None:
    """Switch FastMCP's spans off and the logs of both libraries to warnings, for the whole process."""
    fastmcp.settings.telemetry_mode = "off"
    for name in ("fastmcp", "mcp"):
        logging.getLogger(name).setLevel(logging.WARNING)
