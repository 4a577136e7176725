"""The edge of the application: what every request meets before anything looks at it, as the mode has it.

In both modes, what the end of the service cuts off is told to come again. Around that, in local mode stands the guard
alone: this machine's names, no proxy, no foreign page. In hosted mode three things, from the outside in. Forwarded
headers of the proxies that are listed say who calls and over which scheme; those of anybody else change nothing. The
guard then knows the public name and origin; health checks and metrics come under any name, because platforms and
monitors ask an address. Pages of the listed origins may call (CORS): their browsers are told so, and that no cookie or
other credential of the browser's own is wanted, because only what a page sends itself counts here.
"""

from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from coordination.settings import Settings
from coordination.transport.auth import OPEN_PATHS
from coordination.transport.cut_off import CutOff
from coordination.transport.guard import LOOPBACK_HOSTS, Guard

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
ASKED_HEADERS: Final = (
    "authorization",
    "content-type",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "x-api-key",
    "x-client-name",
    "x-coordination-checkout",
    "x-coordination-terminal",
    "x-coordination-workspace",
)
"""What a page may send."""
TOLD_HEADERS: Final = ("mcp-session-id", "retry-after", "www-authenticate", "x-request-id")
"""What a page may read of an answer."""
PREFLIGHT_SECONDS: Final = 600
ASKED_BY_ADDRESS: Final = OPEN_PATHS | {"/metrics"}
"""What platforms and monitors ask without a name."""


def put_around(app: FastAPI, settings: Settings) -> None:
    """Put the edge around an application; call it after every other middleware was added."""
    app.add_middleware(CutOff)
    if not settings.is_hosted:
        app.add_middleware(Guard)
        return
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=METHODS,
            allow_headers=ASKED_HEADERS,
            expose_headers=TOLD_HEADERS,
            max_age=PREFLIGHT_SECONDS,
        )
    own = () if settings.public_url is None else (settings.public_url,)
    app.add_middleware(
        Guard,
        hosts=_hosts(settings.public_url),
        origins=(*settings.cors_origins, *own),
        forwarded=True,
        under_any_host={prefix + path for path in ASKED_BY_ADDRESS for prefix in ("", settings.root_path)},
    )
    # Any other order would have the guard look at a scheme that nobody has corrected yet.
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies))  # pyright: ignore[reportArgumentType]  uvicorn has names of its own for the types of ASGI


def _hosts(public_url: str | None) -> set[str] | None:
    """The names under which a hosted service answers: its public one and, for who is on its machine, loopback."""
    if public_url is None:
        return None
    host = urlsplit(public_url).hostname or ""
    return {f"[{host}]" if ":" in host else host, *LOOPBACK_HOSTS}
