"""`subscriptions/listen` (MCP 2026-07-28): a client is told what changed, and counts as here meanwhile.

The answer to the request is a stream that begins with what will be told and stays open. A notification names a
resource, or the list of tools or of prompts, which change when the agent takes the planner's role or gives it back. It
carries nothing; the client reads it again when it cares. So what happened while the client was slow is told once,
and nothing waits in memory. What changed comes from the same stream of events as everything else.

FastMCP 4 has no handler for this method, and its extensions may not name a method of the specification. Its middleware
sees every request, though, and may answer one itself; the SDK takes such an answer as it is. That is what happens here,
with the SDK's models for what goes over the wire. To callers that have no tools there is no such method.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import (
    SUBSCRIPTION_ID_META_KEY,
    PromptsListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
    event_matches,
    event_to_notification,
)
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    DiscoverRequest,
    DiscoverResult,
    PromptsCapability,
    ResourcesCapability,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    ToolsCapability,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from coordination.domain.agent import Agent, agent_of
from coordination.domain.errors import CoordinationError, RetryLater, UnknownItem
from coordination.domain.event import Event, EventKind
from coordination.services import agent as agents
from coordination.services.core import Core
from coordination.services.event_stream import EventStream, open_stream
from coordination.transport.mcp.identity import Caller, current_caller
from coordination.wire.resource import EVENTS, LOCKS, SESSION

METHOD: Final = "subscriptions/listen"
PRESENCE_SECONDS: Final = 30.0
"""How often an open stream says that its agent is here; an agent is active for two minutes after the last time."""
AWAY_SECONDS: Final = 1.0
RESOURCES: Final = {
    SESSION: ("",),
    LOCKS: ("lock.", "waiter."),
    EVENTS: ("",),
}
"""What the kinds of events that change each resource begin with."""
_LISTS: Final = (ToolsListChanged(), PromptsListChanged())
"""What changes with the role of an agent."""


class SubscriptionMiddleware(Middleware):
    """Serves `subscriptions/listen`.

    Args:
        core: the shared parts of the use cases.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    async def on_discover(
        self,
        context: MiddlewareContext[DiscoverRequest],
        call_next: CallNext[DiscoverRequest, DiscoverResult | dict[str, object]],
    ) -> DiscoverResult | dict[str, object]:
        """Say to callers that have tools that resources can be subscribed to, and that lists of their role change."""
        result = await call_next(context)
        caller = current_caller()
        if caller is None or not caller.tools or isinstance(result, dict):
            return result
        told = {
            "tools": ToolsCapability(list_changed=True),
            "prompts": PromptsCapability(list_changed=True),
            "resources": ResourcesCapability(subscribe=True, list_changed=False),
        }
        capabilities = result.capabilities.model_copy(update=told)
        return result.model_copy(update={"capabilities": capabilities})

    # Any: what FastMCP passes on for a method that it does not know.
    async def on_request(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        """Answer the one method, and pass all others on."""
        caller = current_caller()
        connection = None if context.fastmcp_context is None else context.fastmcp_context.request_context
        if context.method != METHOD or caller is None or not caller.tools or connection is None:
            return await call_next(context)
        agent = agent_of(caller.identity)
        if agent is None or connection.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return await call_next(context)
        try:
            wanted = SubscriptionsListenRequestParams.model_validate(context.message, by_name=False)
        except ValidationError:
            raise MCPError(INVALID_PARAMS, "Invalid request parameters") from None
        try:
            return await self._listen(caller, agent, wanted.notifications, connection.session)
        except CoordinationError as error:
            raise MCPError(INTERNAL_ERROR, error.message, {"code": error.code}) from None

    async def _listen(
        self, caller: Caller, agent: Agent, wanted: SubscriptionFilter, session: ServerSession
    ) -> SubscriptionsListenResult:
        meta: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: caller.request_id}
        promised = _promised(wanted)
        with open_stream(self._core, agent.workspace) as stream:
            await agents.join(self._core, agent)
            await stream.follow(agent.session, None)
            told = SubscriptionsAcknowledgedNotificationParams(notifications=promised, _meta=meta)
            await session.send_notification(
                SubscriptionsAcknowledgedNotification(params=told), related_request_id=caller.request_id
            )
            present = asyncio.create_task(self._stay_present(caller))
            try:
                while not stream.stopping:
                    for change in _changes(promised, agent.id, await _next_page(stream)):
                        await session.send_notification(
                            event_to_notification(change, meta), related_request_id=caller.request_id
                        )
            except UnknownItem:
                pass  # the session was deleted, and with it what could be told
            finally:
                present.cancel()
        return SubscriptionsListenResult(_meta=meta)

    async def _stay_present(self, caller: Caller) -> None:
        while True:
            self._core.presence.present(caller.identity)
            await asyncio.sleep(PRESENCE_SECONDS)


async def _next_page(stream: EventStream) -> list[Event]:
    """Return what happened, or nothing after a while, after a wake-up or while the database is away."""
    try:
        page = await stream.read()
        if page is not None:
            return page[1]
        if not await stream.wait(PRESENCE_SECONDS):
            await stream.check()
    except RetryLater:
        await stream.wait(AWAY_SECONDS)
    return []


def _promised(wanted: SubscriptionFilter) -> SubscriptionFilter:
    """Return that of what a client wants which it is told; no list of resources ever changes."""
    return SubscriptionFilter(
        tools_list_changed=wanted.tools_list_changed or None,
        prompts_list_changed=wanted.prompts_list_changed or None,
        resource_subscriptions=[uri for uri in RESOURCES if uri in (wanted.resource_subscriptions or ())]
        or None,
    )


def _changes(promised: SubscriptionFilter, agent_id: str, events: Iterable[Event]) -> list[ServerEvent]:
    """Return what events changed for an agent, of what it was promised to be told; each once."""
    happened = tuple(events)
    lists = _LISTS if any(_gives_role(event, agent_id) for event in happened) else ()
    updated = (
        ResourceUpdated(uri)
        for uri, kinds in RESOURCES.items()
        if any(event.kind.startswith(kinds) for event in happened)
    )
    uris = frozenset(promised.resource_subscriptions or ())
    return [change for change in (*lists, *updated) if event_matches(promised, uris, change)]


def _gives_role(event: Event, agent_id: str) -> bool:
    """Whether an event gave an agent another role."""
    if event.kind not in (EventKind.ROLE_TAKEN, EventKind.ROLE_RETURNED):
        return False
    return agent_id in (event.payload["agent"], *event.payload.get("taken_from", ()))
