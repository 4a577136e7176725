"""The outermost check of every request and WebSocket: is it meant for us, and does it come from a page we
trust.

A browser on the user's machine can be made to talk to a service on loopback: by DNS rebinding (another name
in Host) or from a foreign page (an Origin). Both are refused before anything else looks at the request. In
local mode there is no proxy, so headers that only a proxy adds are refused too, instead of being believed or
ignored. In hosted mode there mostly is one: they may be there, and who is believed was decided before this (uvicorn's
ProxyHeadersMiddleware). This does not authenticate anybody; see `transport.auth` and `transport.peer`.
"""

import re
from collections.abc import Collection
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from coordination.transport.problem import problem, refuse

LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")
_FORWARDED: Final = (b"forwarded", b"x-forwarded", b"x-real-ip")
_HTTP_SCHEMES: Final = {"ws": "http", "wss": "https"}
# https://www.w3.org/TR/fetch-metadata/: browsers say so of themselves, and no page can change it. Every other port of
# this machine counts as the same site.
_FOREIGN_SITES: Final = {b"cross-site", b"same-site"}


class Guard:
    """ASGI middleware: the outermost one.

    Answers 400 for a missing, repeated or malformed Host and (in local mode) for forwarded headers, 421 for a
    Host that is not ours, 403 for an Origin that is neither allowed nor the same origin, and for what a page of
    another origin loads without an Origin; a person may follow a link to us.

    Args:
        app: the application behind.
        hosts: the names, lower-case, that Host may have, with any port; None allows every name.
        origins: the origins, such as `https://app.example.com`, that may call from a page.
        forwarded: whether headers that a proxy adds may be there.
        under_any_host: the paths that answer under every name: health checks of a platform ask an address.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str] | None = LOOPBACK_HOSTS,
        origins: Collection[str] = (),
        forwarded: bool = False,
        under_any_host: Collection[str] = (),
    ) -> None:
        self._app = app
        self._hosts = None if hosts is None else frozenset(hosts)
        self._origins = frozenset(origins)
        self._forwarded = forwarded
        self._under_any_host = frozenset(under_any_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        refusal = self._refusal(scope) if scope["type"] in {"http", "websocket"} else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refuse(refusal, scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1:
            return problem(400, "invalid_host", "The request must have exactly one Host header.")
        host = hosts[0].decode("latin-1").lower()
        origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
        return (
            self._check_host(host, scope)
            or self._check_origins(origins, scope, host)
            or (None if origins else self._check_site(headers))
            or self._check_proxy(headers)
        )

    def _check_host(self, host: str, scope: Scope) -> Response | None:
        match = _HOST.fullmatch(host)
        if match is None:
            return problem(
                400, "invalid_host", "The Host header must be a name or address with an optional port."
            )
        ours = self._hosts is None or match[1] in self._hosts
        if not ours and scope["path"] not in self._under_any_host:
            return problem(421, "foreign_host", "This service does not answer under that Host name.")
        return None

    def _check_origins(self, origins: list[str], scope: Scope, host: str) -> Response | None:
        scheme: str = scope.get("scheme", "http")
        same = f"{_HTTP_SCHEMES.get(scheme, scheme)}://{host}"
        if all(origin == same or origin in self._origins for origin in origins) and len(origins) <= 1:
            return None
        return _foreign_page()

    def _check_site(self, headers: list[tuple[bytes, bytes]]) -> Response | None:
        """Refuse what a foreign page loads as a script, image or frame: such requests name no Origin."""
        sites = {value.lower() for name, value in headers if name == b"sec-fetch-site"}
        if not sites & _FOREIGN_SITES:
            return None
        opened = {value.lower() for name, value in headers if name == b"sec-fetch-dest"} == {b"document"}
        return None if opened else _foreign_page()

    def _check_proxy(self, headers: list[tuple[bytes, bytes]]) -> Response | None:
        if self._forwarded:
            return None
        if any(name.startswith(_FORWARDED) for name, _ in headers):
            detail = "This service runs in local mode, without a proxy: forwarded headers are refused."
            return problem(400, "forwarded_header", detail)
        return None


def _foreign_page() -> Response:
    return problem(403, "foreign_origin", "Pages of that Origin may not call this service.")
