"""Visibility over MCP: the one predicate, asked for every list, every lookup and every negotiation.

A `Transform` hides components: what a caller may not see is not there, so calling it gives what FastMCP
answers for any unknown name, byte for byte. A `Middleware` takes the instructions out of the answers to
`initialize` and `server/discover` for callers without tools, reports who listed and who called, and records
refused calls. Who the caller is comes from `transport.mcp.identity`, which role it has from `transport.mcp.roles`; the
rules are in `domain.visibility`.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

import structlog
from fastmcp.prompts import Prompt, PromptResult
from fastmcp.resources import Resource, ResourceTemplate
from fastmcp.server.dependencies import get_http_request
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.server.transforms import (
    GetPromptNext,
    GetResourceNext,
    GetResourceTemplateNext,
    GetToolNext,
    Transform,
    VersionSpec,
)
from fastmcp.tools import Tool, ToolResult
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    CallToolRequestParams,
    DiscoverRequest,
    DiscoverResult,
    GetPromptRequestParams,
    InitializeRequest,
    InitializeResult,
    ListPromptsRequest,
    ListToolsRequest,
)

from coordination.domain.errors import RetryLater
from coordination.domain.identity import Identity
from coordination.domain.text import shown
from coordination.domain.visibility import PLANNER_PROMPTS, PLANNER_TOOLS, Hidden
from coordination.transport.mcp.errors import as_text
from coordination.transport.mcp.identity import Caller, current_caller
from coordination.transport.mcp.roles import Roles
from coordination.transport.mcp.tool import refusal
from coordination.transport.observation import observation_of

_log: Final = structlog.stdlib.get_logger(__name__)

HIDDEN_TOOL: Final = "hidden_tool"
"""Under which such calls are counted."""
Report = Callable[[Identity], None]


class Refusals:
    """Counts tool calls that were refused, because the caller may not see the tool."""

    def __init__(self) -> None:
        self.refused_calls = 0

    def record(self, caller: Caller, tool: str) -> None:
        """Count one refused call and log it as a security warning; without credentials."""
        self.refused_calls += 1
        identity = caller.identity
        _log.warning(
            "tool_call_refused",
            tool=shown(tool),
            client=shown(identity.client),
            user=shown(identity.user),
            connection=hashlib.sha256(caller.connection.encode()).hexdigest()[:12],
            role=identity.role,
            peer=caller.peer,
            why=caller.verdict.why if isinstance(caller.verdict, Hidden) else "not a tool of this role",
        )


class VisibilityTransform(Transform):
    """Hides every component from callers that may not see it. Outside of a request nothing is visible.

    Args:
        tools: the tools, by name; one that a caller may see is found here. To ask the providers behind, which are
            asked in tasks of their own, would cost a twentieth of a call.
    """

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        super().__init__()
        self._tools = tools

    async def list_tools(self, tools: Sequence[Tool]) -> Sequence[Tool]:
        """Keep the caller's tools, in the order of its role."""
        by_name = {tool.name: tool for tool in tools}
        return [by_name[name] for name in _visible_tools() if name in by_name]

    async def get_tool(
        self, name: str, call_next: GetToolNext, *, version: VersionSpec | None = None
    ) -> Tool | None:
        """Find a tool if it is one of the caller's."""
        if name not in _visible_tools():
            return None
        found = self._tools.get(name) if version is None else None
        return found or await call_next(name, version=version)

    async def list_prompts(self, prompts: Sequence[Prompt]) -> Sequence[Prompt]:
        """Keep the prompts of the caller's role; none for a caller without tools."""
        return [prompt for prompt in prompts if _may_prompt(prompt.name)]

    async def get_prompt(
        self, name: str, call_next: GetPromptNext, *, version: VersionSpec | None = None
    ) -> Prompt | None:
        """Find a prompt of the caller's role."""
        return await call_next(name, version=version) if _may_prompt(name) else None

    async def list_resources(self, resources: Sequence[Resource]) -> Sequence[Resource]:
        """Keep all resources for a caller that has tools, none for others."""
        return resources if _visible_tools() else []

    async def get_resource(
        self, uri: str, call_next: GetResourceNext, *, version: VersionSpec | None = None
    ) -> Resource | None:
        """Find a resource for a caller that has tools."""
        return await call_next(uri, version=version) if _visible_tools() else None

    async def list_resource_templates(
        self, templates: Sequence[ResourceTemplate]
    ) -> Sequence[ResourceTemplate]:
        """Keep all resource templates for a caller that has tools, none for others."""
        return templates if _visible_tools() else []

    async def get_resource_template(
        self, uri: str, call_next: GetResourceTemplateNext, *, version: VersionSpec | None = None
    ) -> ResourceTemplate | None:
        """Find a resource template for a caller that has tools."""
        return await call_next(uri, version=version) if _visible_tools() else None


class VisibilityMiddleware(Middleware):
    """Removes instructions for callers without tools, reports lists and calls, records refusals.

    Args:
        planner_instructions: what a caller with a planner's tools is told after what all are told.
        on_listed: called with the identity of a caller that was shown tools.
        on_called: called with the identity of a caller that called a tool it may see, after the tool ran.
        refusals: where refused calls are counted.
        roles: completes callers whose role it depends on.
    """

    def __init__(
        self,
        *,
        planner_instructions: str,
        on_listed: Report,
        on_called: Report,
        refusals: Refusals,
        roles: Roles,
    ) -> None:
        self._planner_instructions = planner_instructions
        self._on_listed = on_listed
        self._on_called = on_called
        self._refusals = refusals
        self._roles = roles

    async def on_initialize(
        self,
        context: MiddlewareContext[InitializeRequest],
        call_next: CallNext[InitializeRequest, InitializeResult | None],
    ) -> InitializeResult | None:
        """Answer the older era's handshake."""
        await self._roles.complete_if_known()
        result = await call_next(context)
        return result and result.model_copy(update={"instructions": self._told(result.instructions)})

    async def on_discover(
        self,
        context: MiddlewareContext[DiscoverRequest],
        call_next: CallNext[DiscoverRequest, DiscoverResult | dict[str, object]],
    ) -> DiscoverResult | dict[str, object]:
        """Answer the modern era's discovery."""
        await self._roles.complete_if_known()
        result = await call_next(context)
        if not isinstance(result, dict):
            return result.model_copy(update={"instructions": self._told(result.instructions)})
        rest = {key: value for key, value in result.items() if key != "instructions"}
        told = self._told(cast("str | None", result.get("instructions")))
        return rest if told is None else {**rest, "instructions": told}

    def _told(self, instructions: str | None) -> str | None:
        tools = _visible_tools()
        if not tools or instructions is None:
            return None
        return instructions + self._planner_instructions if tools == PLANNER_TOOLS else instructions

    async def on_list_tools(
        self,
        context: MiddlewareContext[ListToolsRequest],
        call_next: CallNext[ListToolsRequest, Sequence[Tool]],
    ) -> Sequence[Tool]:
        """List the caller's tools and report it when there are any."""
        caller = await self._roles.complete_if_known()
        tools = await call_next(context)
        if caller is not None and tools:
            self._on_listed(caller.identity)
        return tools

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        """Report a call, or record its refusal; the lookup behind decides by the same predicate."""
        caller = current_caller()
        name = context.message.name
        if caller is None:
            return await call_next(context)
        if name not in caller.tools:
            try:
                caller = await self._roles.complete() or caller
            except RetryLater as error:
                return refusal(error.code, error.message, error.next_call)
        if name not in caller.tools and (isinstance(caller.verdict, Hidden) or name in PLANNER_TOOLS):
            self._refusals.record(caller, name)
            observation_of(get_http_request().scope).refusal = HIDDEN_TOOL
        result = await call_next(context)
        self._on_called(caller.identity)
        return result

    async def on_list_prompts(
        self,
        context: MiddlewareContext[ListPromptsRequest],
        call_next: CallNext[ListPromptsRequest, Sequence[Prompt]],
    ) -> Sequence[Prompt]:
        """List the prompts of the caller's role."""
        await self._roles.complete_if_known()
        return await call_next(context)

    async def on_get_prompt(
        self,
        context: MiddlewareContext[GetPromptRequestParams],
        call_next: CallNext[GetPromptRequestParams, PromptResult],
    ) -> PromptResult:
        """Tell a prompt of the caller's role."""
        try:
            await self._roles.complete()
        except RetryLater as error:
            said = as_text(error.code, error.message, error.next_call)
            raise MCPError(INTERNAL_ERROR, said, {"code": error.code}) from None
        return await call_next(context)


def _visible_tools() -> tuple[str, ...]:
    caller = current_caller()
    return () if caller is None else caller.tools


def _may_prompt(name: str) -> bool:
    tools = _visible_tools()
    return tools == PLANNER_TOOLS if name in PLANNER_PROMPTS else bool(tools)
