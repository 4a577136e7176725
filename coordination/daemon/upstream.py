"""Connections from the daemon to services: what is sent along, what of an answer is passed on, how many there are.

A request goes out with the headers that say what it is and who made the client, and with the credential and the names
that belong to its terminal; whatever else the client sent stays here. No proxy and no redirect leads it elsewhere.
"""

import ssl
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

import httpx

CONNECT_SECONDS: Final = 2.0
SEND_SECONDS: Final = 10.0
PLACE_SECONDS: Final = 5.0
POOLS: Final = 16
MOST_CONNECTIONS: Final = 40
"""Of one pool, in which the three or four of fifty terminals that share it have ten requests each."""
IDLE_SECONDS: Final = 60.0
"""Less than the 75 seconds after which the service closes an idle connection."""

_PASSED_ON: Final = frozenset(
    {
        *(b"accept", b"accept-encoding", b"accept-language", b"content-encoding", b"content-type"),
        *(b"last-event-id", b"traceparent", b"tracestate", b"user-agent", b"x-client-name"),
    }
)
_MCP: Final = b"mcp-"
_STAYS: Final = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer"),
        *(b"transfer-encoding", b"upgrade", b"date", b"server", b"set-cookie", b"alt-svc"),
        b"strict-transport-security",
    }
)
"""Of an answer: what concerns one connection alone (RFC 9110, section 7.6.1), the service's host, or is said anew."""

RawHeaders = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Route:
    """Where the requests of one agent go.

    Attributes:
        url: the service, with its prefix, without a slash at its end.
        user: the user.
        session: the session.
        agent: the agent.
        checkout: `{host}:{git top level}`, None where it is not known.
        headers: what is sent along: the credential, and the workspace where one has to be named.
    """

    url: str
    user: str
    session: str
    agent: str
    checkout: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @property
    def endpoint(self) -> str:
        """The agent's URL."""
        return f"{self.url}/mcp/v2/claude/{self.user}__session__{self.session}__{self.agent}"


class Connections:
    """Speaks to services.

    A pool of httpx looks at all its connections for each request, and at each idle one for each other idle one; so
    terminals are spread over several, which also keeps one that asks too much from taking the places of all.
    """

    def __init__(self) -> None:
        context = httpx.create_ssl_context(trust_env=False)
        self._pools = [_pool(context) for _ in range(POOLS)]

    async def send(self, request: httpx.Request, terminal: str) -> httpx.Response:
        """Send a request of a terminal, and return the answer as soon as it begins; whoever takes it closes it.

        Raises:
            httpx.TransportError: there is no answer; of a `ConnectError` or `ConnectTimeout`, nothing was sent.
        """
        pool = self._pools[zlib.crc32(terminal.encode()) % POOLS]
        return await pool.send(request, stream=True)

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools:
            await pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _pool(context: ssl.SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=context,
        trust_env=False,
        follow_redirects=False,
        # An answer may be a stream that is silent for as long as nothing happens.
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS, write=SEND_SECONDS, pool=PLACE_SECONDS),
        limits=httpx.Limits(
            max_connections=MOST_CONNECTIONS,
            # httpx counts the busy ones too; with fewer it would keep none once so many streams are open.
            max_keepalive_connections=MOST_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
        ),
    )


def request(
    method: str, route: Route, headers: Iterable[tuple[bytes, bytes]], terminal: str, body: bytes
) -> httpx.Request:
    """Return the request that goes to the service for one that came.

    Args:
        method: its HTTP method.
        route: where it goes.
        headers: those that the client sent.
        terminal: `{pid}-{start}`.
        body: its body, which is not changed.
    """
    own: dict[bytes, str] = {name.lower().encode("ascii"): value for name, value in route.headers.items()}
    own[b"x-coordination-terminal"] = terminal
    if route.checkout is not None:
        own[b"x-coordination-checkout"] = route.checkout
    passed = [
        (name, value)
        for name, value in headers
        if (name in _PASSED_ON or name.startswith(_MCP)) and name not in own
    ]
    added = [(name, value.encode()) for name, value in own.items()]
    # Built here and not by the client, which would add headers of its own.
    return httpx.Request(method, route.endpoint, headers=[*passed, *added], content=body)


def passed_back(response: httpx.Response) -> RawHeaders:
    """Return the headers of an answer that its client gets."""
    return [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in _STAYS]
