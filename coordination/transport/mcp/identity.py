"""The entrance of the MCP endpoint: who asks, resolved once per request and kept on the ASGI scope.

Before a byte of the body is read: the URL, the method, the content type, the credential and the coordination
headers. After it: `clientInfo`, which both protocol eras carry in `params._meta` and the older one in
`initialize`. The result is a `Caller`; the tools below read it and see neither URL nor header. What the
caller may see is decided by `domain.visibility`; nothing is logged or stored here.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, cast

import orjson
from fastmcp.server.dependencies import get_http_request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from coordination.domain.checkout import parse_checkout, parse_terminal
from coordination.domain.errors import Forbidden, InvalidInput
from coordination.domain.identity import Identity, role_of
from coordination.domain.principal import Principal
from coordination.domain.virtual_user import VirtualUser, parse_virtual_user
from coordination.domain.visibility import Hidden, Signals, Visible, client_kind, decide, tools_for
from coordination.transport.auth import principal_of
from coordination.transport.exchange import exchange_of
from coordination.transport.mcp.headers import JSON, media_type, only, spell_for_the_sdk, values
from coordination.transport.mcp.message import client_info as client_info_of
from coordination.transport.mcp.message import is_single, member
from coordination.transport.observation import observation_of
from coordination.transport.problem import problem, problem_of, refuse
from coordination.transport.security import tell_forbidden

PATH: Final = "/mcp/v2/{client}/{user_id}"

_ROUTE: Final = re.compile(r"/mcp/v2/([^/]+)/([^/]+)", re.DOTALL)
_SCOPE_KEY: Final = "coordination.caller"
_ARRIVAL_KEY: Final = "coordination.arrival"
_CHECKOUT: Final = b"x-coordination-checkout"
_TERMINAL: Final = b"x-coordination-terminal"
_CLIENT_NAME: Final = b"x-client-name"
_USER_AGENT: Final = b"user-agent"
_OF_THE_CALLER: Final = frozenset({_CHECKOUT, _TERMINAL, _CLIENT_NAME, _USER_AGENT})
_REMEMBERED: Final = 256
"""Callers whose signals are not read again; a terminal says the same with each request."""
_REMEMBERED_BYTES: Final = 8 * 1024
"""Longer signals are no terminal's and are read each time: what is remembered stays in the memory."""
_METHODS: Final = {"allow": "POST"}
_PARSE_ERROR: Final = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}'
_INVALID_REQUEST: Final = (
    b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,'
    b'"message":"The body must be one JSON-RPC object; an id is text or a whole number"}}'
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what that means here.

    Attributes:
        identity: who calls, for the services.
        connection: the virtual user id; a name of this connection that must not be logged in full.
        peer: `host:port` of the TCP peer, for the log.
        verdict: whether the caller may see coordination tools at all.
        tools: the names of the tools it may see and call, by the role that it comes with until `transport.mcp.roles`
            has asked for the one that it has.
        request_id: the id of the JSON-RPC request, as the client sent it; None of a notification.
    """

    identity: Identity
    connection: str
    peer: str
    verdict: Visible | Hidden
    tools: tuple[str, ...]
    request_id: str | int | None = None


@dataclass(frozen=True, slots=True)
class _Arrival:
    """What is known of a request before its body: everything but `clientInfo`."""

    identity: Identity
    connection: str
    signals: Signals


def current_caller() -> Caller | None:
    """Return the caller of the MCP request that is being served; None outside of one."""
    try:
        scope = get_http_request().scope
    except RuntimeError:
        return None
    return scope.get(_SCOPE_KEY)


def caller_on(scope: Scope) -> Caller:
    """Return the caller of an MCP request by its scope, where FastMCP does not know of it yet."""
    return scope[_SCOPE_KEY]


def keep_caller(caller: Caller) -> None:
    """Let the MCP request that is being served have this caller from here on."""
    get_http_request().scope[_SCOPE_KEY] = caller


def route_path(scope: Scope) -> str:
    """Return the path below the prefix under which the service is served (`ROOT_PATH`)."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


class Entrance:
    """ASGI middleware that lets nothing but a well-formed POST to a well-formed URL in.

    Anything else is a problem answer: 404 for another path, 400 for a malformed virtual user id, header or
    credential, 405 for another method, 415 for another content type. It runs before the body is read.

    Args:
        app: the application behind: the exchange, then `CallerResolution`, then FastMCP.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "websocket":
            await refuse(problem(404, "not_found", "There is no WebSocket here."), scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            refusal = self._admit(scope)
        except InvalidInput as error:
            refusal = problem_of(error)
        except Forbidden as error:
            tell_forbidden(scope, error)
            refusal = problem_of(error)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal(scope, receive, send)

    def _admit(self, scope: Scope) -> Response | None:
        """Put the arrival on the scope, or return the refusal.

        Raises:
            InvalidInput: a part of the request is malformed.
            Forbidden: the credential is not for the user, session or agent that the URL names.
        """
        match = _ROUTE.fullmatch(route_path(scope))
        if match is None:
            return problem(404, "not_found", f"There is nothing here. The MCP endpoint is {PATH}.")
        observation_of(scope).route = PATH
        client, connection = match.groups()
        user, principal = parse_virtual_user(connection), principal_of(scope)
        principal.require_agent(user.user, user.agent)
        principal.require_session(user.session)
        if scope["method"] == "OPTIONS":
            return Response(status_code=204, headers=_METHODS)
        if scope["method"] != "POST":
            detail = (
                "The endpoint is stateless: it has no stream to open and no connection to delete. Use POST."
            )
            return problem(405, "method_not_allowed", detail, headers=_METHODS)
        if media_type(scope) != JSON:
            return problem(415, "unsupported_media_type", f"The Content-Type must be {JSON}.")
        headers = tuple([header for header in scope["headers"] if header[0] in _OF_THE_CALLER])
        read = _read_once if _is_short(client, *(value for _, value in headers)) else _read
        identity, signals = read(principal, client, user, headers)
        scope[_ARRIVAL_KEY] = _Arrival(identity, connection, signals)
        spell_for_the_sdk(scope)
        return None


def _read(
    principal: Principal,
    client: str,
    user: VirtualUser,
    headers: tuple[tuple[bytes, bytes], ...],
) -> tuple[Identity, Signals]:
    checkout = parse_checkout(only(headers, _CHECKOUT))
    identity = Identity(
        workspace=principal.workspace,
        user=user.user,
        session=user.session,
        agent=user.agent,
        role=role_of(user.agent, principal.role),
        client=client,
        checkout=checkout.key,
        checkout_root=checkout.root,
        terminal=parse_terminal(only(headers, _TERMINAL)),
        role_fixed=principal.role is not None,
    )
    signals = Signals(
        path_client=client,
        client_names=tuple(values(headers, _CLIENT_NAME)),
        user_agents=tuple(values(headers, _USER_AGENT)),
        credential=principal.credential,
        may_write=principal.may("write"),
    )
    return identity, signals


_read_once = lru_cache(_REMEMBERED)(_read)


class CallerResolution:
    """ASGI middleware that completes the caller with what the body says, once per request.

    A body that is not strict JSON (RFC 8259), or not one JSON-RPC object with a usable id, is answered with the
    JSON-RPC error and status 400, the same in both eras: the older one would take it for a notification.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            message: object = orjson.loads(exchange_of(scope).body)
        except orjson.JSONDecodeError:
            await Response(_PARSE_ERROR, 400, media_type=JSON)(scope, receive, send)
            return
        if not is_single(message):
            await Response(_INVALID_REQUEST, 400, media_type=JSON)(scope, receive, send)
            return
        caller = scope[_SCOPE_KEY] = _resolve(scope, message)
        observation = observation_of(scope)
        observation.client = client_kind(caller.verdict, caller.identity.client)
        observation.message = str(member(message, "method"))
        await self._app(scope, receive, send)


def _resolve(scope: Scope, message: object) -> Caller:
    arrival: _Arrival = scope[_ARRIVAL_KEY]
    signals, client_info = arrival.signals, client_info_of(message)
    said = (signals.path_client, *signals.client_names, *signals.user_agents, client_info or "")
    verdict = (_decide_once if _is_short(*said) else _decide)(signals, client_info)
    host, port = scope.get("client") or ("unknown", 0)
    return Caller(
        identity=arrival.identity,
        connection=arrival.connection,
        peer=f"{host}:{port}",
        verdict=verdict,
        tools=tools_for(verdict, arrival.identity.role),
        request_id=cast("str | int | None", member(message, "id")),  # checked by `is_single`
    )


def _decide(signals: Signals, client_info: str | None) -> Visible | Hidden:
    return decide(replace(signals, client_info=client_info))


_decide_once = lru_cache(_REMEMBERED)(_decide)


def _is_short(*said: str | bytes) -> bool:
    return sum(map(len, said)) <= _REMEMBERED_BYTES
