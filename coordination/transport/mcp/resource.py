"""The base of every MCP resource: identify the caller, read, and turn what is refused into an error of the protocol.

A resource is a reading of the caller's own session: an address names no other. Who sees resources at all is decided by
`transport.mcp.visibility`, before anything here runs. What a reading says is its reader's (`transport.mcp.resources`).

FastMCP logs an exception of a resource with its traceback, and tells nothing of it but its text. So a refusal passes
through it as one that it keeps silent about, and becomes the error with its code on the way out (`RefusedReads`).
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs

import structlog
from fastmcp.exceptions import FastMCPError
from fastmcp.resources import Resource, ResourceResult, ResourceTemplate
from fastmcp.server.dependencies import get_http_request
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_REQUEST, ReadResourceRequestParams
from pydantic import AnyUrl, BaseModel, PrivateAttr

from coordination.domain.agent import Agent, agent_of
from coordination.domain.errors import CoordinationError, InvalidInput, RetryLater, UnknownItem
from coordination.domain.text import shown, storable
from coordination.domain.visibility import IMPLEMENTER_TOOLS, PLANNER_PROMPTS, PLANNER_TOOLS
from coordination.services.core import Core
from coordination.services.planner import read_role
from coordination.transport.exchange import exchange_of
from coordination.transport.mcp.errors import INTERNAL_CODE, internal_message
from coordination.transport.mcp.errors import as_text as in_words
from coordination.transport.mcp.identity import Caller, current_caller
from coordination.transport.mcp.tools.answer import require_agent

JSON: Final = "application/json"
TEXT: Final = "text/plain"
AFTER: Final = "after"
"""The one parameter that an address may have: behind what the page begins."""
PARAMETER_MAX: Final = 2200
_AFTER: Final = f"{{?{AFTER}}}"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

_PLANNERS_ALONE: Final = (*(set(PLANNER_TOOLS) - set(IMPLEMENTER_TOOLS)), *PLANNER_PROMPTS)
_log: Final = structlog.stdlib.get_logger(__name__)

Reader = Callable[[Core, Agent, Mapping[str, str]], Awaitable[str]]
"""Reads one resource for an agent; takes what the address says beside its name, and returns the text."""


@dataclass(frozen=True, slots=True)
class ResourceCard:
    """What a resource is, as a client meets it.

    Attributes:
        uri: its address, or the template of its addresses.
        name: a name for programs.
        title: its name for people.
        description: what is in it.
        read: what reads it.
        mime_type: of the text.
    """

    uri: str
    name: str
    title: str
    description: str
    read: Reader
    mime_type: str = JSON


class Refusal(FastMCPError):
    """A reading that was refused, on its way through FastMCP."""

    def __init__(self, code: str, message: str, next_call: str, rpc_code: int) -> None:
        super().__init__(message, log_level=logging.DEBUG)
        self.code = code
        self.message = message
        self.next_call = next_call
        self.rpc_code = rpc_code


class RefusedReads(Middleware):
    """Answers a refused reading with an error of the protocol that carries its code."""

    async def on_read_resource(
        self,
        context: MiddlewareContext[ReadResourceRequestParams],
        call_next: CallNext[ReadResourceRequestParams, ResourceResult],
    ) -> ResourceResult:
        """Read, or say why not: `data` has `uri`, `code` and, where there is one, `next_call`."""
        try:
            return await call_next(context)
        except Refusal as refusal:
            data = {"uri": str(context.message.uri), "code": refusal.code}
            if refusal.next_call:
                data["next_call"] = refusal.next_call
            said = in_words(refusal.code, refusal.message, refusal.next_call)
            raise MCPError(refusal.rpc_code, said, data) from None


class CoordinationResource(Resource):
    """What one address leads to.

    Args:
        core: the shared parts of the use cases.
        card: what it is.
        named: what the path of the address names.
        query: what stands behind the question mark of the address.
    """

    _core: Core = PrivateAttr()
    _card: ResourceCard = PrivateAttr()
    _named: "Mapping[str, str]" = PrivateAttr()
    _query: str = PrivateAttr()

    def __init__(
        self, core: Core, card: ResourceCard, named: Mapping[str, str] = _NOTHING, query: str = ""
    ) -> None:
        super().__init__(
            # Without what differs: nobody is shown that, and not all of it would be a URL.
            uri=AnyUrl(card.uri.partition("{")[0]),
            name=card.name,
            title=card.title,
            description=card.description,
            mime_type=card.mime_type,
        )
        self._core = core
        self._card = card
        self._named = named
        self._query = query

    def get_meta(self) -> dict[str, Any]:
        """Return a `_meta` with nothing of the framework's in it."""
        return {}

    async def read(self) -> str:
        """Read it for the caller.

        Raises:
            Refusal: it cannot be read, or not so.
        """
        request_id = exchange_of(get_http_request().scope).request_id
        caller = current_caller()
        try:
            if caller is None:
                raise RuntimeError("a resource was read without a caller")
            agent = require_agent(caller.identity)
            self._core.presence.present(caller.identity)
            said = {**self._named, **_parameters(self._query, allowed=_AFTER in self._card.uri)}
            _check(said)
            return await self._card.read(self._core, agent, said)
        except CoordinationError as error:
            raise await self._refusal(error, caller) from None
        except Exception:
            _log.exception("resource_read_failed", resource=self.name, request_id=request_id)
            raise Refusal(INTERNAL_CODE, internal_message(request_id), "", INTERNAL_ERROR) from None

    async def _refusal(self, error: CoordinationError, caller: Caller | None) -> Refusal:
        """Return the refusal for an error; it names no tool that the caller may not see."""
        next_call = error.next_call
        if any(name in next_call for name in _PLANNERS_ALONE) and not await self._is_planner(caller):
            next_call = ""
        # Not -32602, as for an address that leads to nothing: Claude Code takes that for "it may have been deleted",
        # and keeps the reason to itself.
        wrong = isinstance(error, InvalidInput | UnknownItem)
        return Refusal(error.code, error.message, next_call, INVALID_REQUEST if wrong else INTERNAL_ERROR)

    async def _is_planner(self, caller: Caller | None) -> bool:
        agent = None if caller is None else agent_of(caller.identity)
        try:
            return agent is not None and await read_role(self._core, agent) == "planner"
        except RetryLater:
            return False


class CoordinationTemplate(ResourceTemplate):
    """Resources whose addresses say more than a name.

    Args:
        core: the shared parts of the use cases.
        card: what they are; its `uri` is the template.
    """

    _core: Core = PrivateAttr()
    _card: ResourceCard = PrivateAttr()

    def __init__(self, core: Core, card: ResourceCard) -> None:
        super().__init__(
            uri_template=card.uri,
            name=card.name,
            title=card.title,
            description=card.description,
            mime_type=card.mime_type,
            parameters={},
            # Nothing of an address becomes a path on a disk, and what it names may begin with a slash.
            security=None,
        )
        self._core = core
        self._card = card

    def get_meta(self) -> dict[str, Any]:
        """Return a `_meta` with nothing of the framework's in it."""
        return {}

    async def create_resource(self, uri: str, params: dict[str, Any]) -> Resource:
        """Return what an address leads to; whether there is such a thing is seen when it is read."""
        named = {name: str(value) for name, value in params.items() if name != AFTER}
        return CoordinationResource(
            self._core, self._card, named, query=uri.partition("#")[0].partition("?")[2]
        )


def as_json(content: BaseModel) -> str:
    """Return a content as JSON, without fields that have no value."""
    return content.model_dump_json(exclude_none=True)


def _parameters(query: str, *, allowed: bool) -> dict[str, str]:
    asked = parse_qs(query, keep_blank_values=True)
    unknown = [name for name in asked if name != AFTER or not allowed]
    if unknown:
        others = f"the only one is {AFTER}" if allowed else "this address takes none"
        raise InvalidInput(f"There is no parameter {shown(unknown[0])}; {others}.")
    if len(asked.get(AFTER, ())) > 1:
        raise InvalidInput(f"{AFTER}: occurs more than once. Send it once.")
    return {name: values[0] for name, values in asked.items()}


def _check(said: Mapping[str, str]) -> None:
    for name, value in said.items():
        if not 0 < len(value) <= PARAMETER_MAX or not storable(value):
            raise InvalidInput(
                f"{name}: must have 1 to {PARAMETER_MAX:,} characters, and no control characters."
            )
