"""What the daemon serves over HTTP on this machine, put together: `/health`, `/mcp` and the WebSocket, and who may ask.

From the outside in: is it meant for us and from no foreign page (`transport.guard`), does it keep secrets out of its
URL, and does it carry the daemon's token. `/health` needs none, because it says names and states only; a page cannot
send headers with a WebSocket, so there the first message may carry it (`web_socket`). The token is compared in constant
time and never logged.
"""

import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Final

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from coordination import __version__
from coordination.daemon import mcp_relay, web_socket
from coordination.daemon.service_state import ServiceState
from coordination.domain.errors import InvalidInput
from coordination.transport.auth import presented
from coordination.transport.cut_off import CutOff
from coordination.transport.guard import Guard
from coordination.transport.mcp.headers import JSON
from coordination.transport.problem import problem, problem_of, refuse

HEALTH_PATH: Final = "/health"

_LOOKING: Final = frozenset({"GET", "HEAD"})
_WANTED: Final = (
    "Send the token of the daemon as `Authorization: Bearer TOKEN`: it lies in the daemon's folder."
)
_IN_URL: Final = (
    "Nothing here takes a query. A token in a URL ends up in logs and histories: send it as a header."
)


def app(
    *,
    token: str,
    relay: ASGIApp,
    socket: ASGIApp,
    service: ServiceState,
    terminals: Callable[[], int],
    agents: Callable[[], int],
    origins: Collection[str] = (),
) -> ASGIApp:
    """Put the application together.

    Args:
        token: what everything but the health asks for.
        relay: answers at `/mcp`.
        socket: answers at the WebSocket.
        service: how the service stands.
        terminals: counts the terminals that live.
        agents: counts what they are, and their subagents, in all sessions.
        origins: the origins whose pages may call.
    """
    return Guard(
        CutOff(_Gate(token, relay, socket, service, {"terminals": terminals, "agents": agents})),
        origins=origins,
    )


class _Gate:
    """ASGI application that lets in who has the token, and leads everybody to what is asked for."""

    def __init__(
        self,
        token: str,
        relay: ASGIApp,
        socket: ASGIApp,
        service: ServiceState,
        counts: Mapping[str, Callable[[], int]],
    ) -> None:
        self._token = token.encode()
        self._relay = relay
        self._socket = socket
        self._service = service
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        await self._lead(scope)(scope, receive, send)

    def _lead(self, scope: Scope) -> ASGIApp:
        path: str = scope["path"]
        if scope["query_string"]:
            return _refusing(problem(400, "query_refused", _IN_URL))
        if path == HEALTH_PATH and scope["type"] == "http":
            return self._health(scope)
        try:
            found = presented(scope["headers"])
        except InvalidInput as error:
            return _refusing(problem_of(error))
        if scope["type"] == "websocket" and path == web_socket.PATH and found.kind == "none":
            return self._socket
        given = found.secret.encode("latin-1") if found.kind == "bearer" else b""
        if not secrets.compare_digest(given, self._token):
            return _refusing(_unauthorized(path))
        return self._inside(scope, path)

    def _inside(self, scope: Scope, path: str) -> ASGIApp:
        if scope["type"] == "websocket" and path == web_socket.PATH:
            web_socket.let_in(scope)
            return self._socket
        if path == mcp_relay.PATH and scope["type"] == "http":
            return self._relay
        if path == web_socket.PATH:
            detail = "This is a WebSocket. Connect with a complete handshake of version 13 (RFC 6455)."
            headers = {"upgrade": "websocket", "sec-websocket-version": "13"}
            return problem(426, "upgrade_required", detail, headers=headers)
        return _refusing(problem(404, "not_found", "There is nothing here."))

    def _health(self, scope: Scope) -> Response:
        if scope["method"] not in _LOOKING:
            return problem(405, "method_not_allowed", "Use GET.", headers={"allow": "GET, HEAD"})
        state = self._service.state
        said = {
            "status": "ok" if state == "reachable" else "degraded",
            "service": state,
            **{name: count() for name, count in self._counts.items()},
            "version": __version__,
        }
        return Response(orjson.dumps(said), media_type=JSON, headers={"cache-control": "no-store"})


def _unauthorized(path: str) -> Response:
    if path == mcp_relay.PATH:
        # Claude Code takes a 401 and a 403 for a wish to log in, and remembers that for fifteen minutes.
        return problem(400, "unauthorized", _WANTED)
    return problem(401, "unauthorized", _WANTED, headers={"www-authenticate": "Bearer"})


def _refusing(response: Response) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await refuse(response, scope, receive, send)

    return answer
