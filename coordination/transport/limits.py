"""What one address and one credential may ask of a hosted service, so that nobody takes it from the others.

Two middlewares. Before the gate counts the address: requests, those that are answered at the same time (streams stay
for long), and failed authentications, of which few are allowed, because who guesses tries often. An address that failed
too often is not asked for its credential any more until it may try again. What the gate let through lately is let
through to it then too: a whole office may have one address, and one forgotten token in it. Behind the gate counts the
credential.

Too much is answered with 429 and Retry-After. A call of a tool by somebody who is known is answered as a result
instead, as every refusal of a tool is (`transport.mcp.limited`): the real client repeats no call that fails in HTTP,
and its model would not learn why. Before the gate that cannot be: nothing of a request is parsed before its credential
was looked at, and the limits of an address are far above those of its agents.

Behind a proxy the address is what `trusted_proxies` makes of it. The limits count for one process.
"""

import hashlib
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordination.domain.errors import RateLimited
from coordination.domain.principal import Principal
from coordination.transport.auth import principal_if_any
from coordination.transport.buckets import MOST_KEYS, Buckets, address_key, retry_after
from coordination.transport.problem import ProblemResponse, problem, problem_of, refuse

BURST_SECONDS: Final = 4
"""How many seconds of its rate a bucket holds: agents start together, and a page asks for several things at once."""
UNAUTHORIZED: Final = 401
MINUTE_SECONDS: Final = 60

_WAIT: Final = "coordination.limited"
_FIRST: Final = frozenset({"http.response.start", "websocket.accept"})
_CREDENTIALS: Final = frozenset({b"authorization", b"x-api-key"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What is allowed.

    Attributes:
        token_rate: requests a second of one credential.
        address_rate: requests a second of one address.
        address_requests: requests of one address that are answered at the same time.
        address_failures: failed authentications of one address in a minute.
    """

    token_rate: int
    address_rate: int
    address_requests: int
    address_failures: int


class AddressLimits:
    """ASGI middleware, before the gate.

    Args:
        app: the application behind.
        limits: what is allowed.
    """

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self._app = app
        self._most = limits.address_requests
        self._requests = Buckets(limits.address_rate, limits.address_rate * BURST_SECONDS)
        self._failures = Buckets(limits.address_failures / MINUTE_SECONDS, limits.address_failures)
        self._running: Counter[str] = Counter()
        self._good = _Credentials()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        key = address_key((scope.get("client") or ("unknown", 0))[0])
        refusal = self._refusal(key, scope)
        if refusal is not None:
            await refuse(refusal, scope, receive, send)
            return

        async def watched(message: Message) -> None:
            if message.get("status") == UNAUTHORIZED:
                self._failures.take(key)
                self._good.forget(scope)
            elif message["type"] in _FIRST and principal_if_any(scope) is not None:
                self._good.remember(scope)
            await send(message)

        self._running[key] += 1
        try:
            await self._app(scope, receive, watched)
        finally:
            self._running[key] -= 1
            if not self._running[key]:
                del self._running[key]

    def _refusal(self, key: str, scope: Scope) -> ProblemResponse | None:
        if (wait := self._failures.wait_of(key)) and scope not in self._good:
            return problem_of(rate_limited("Too many requests of your address were not authenticated.", wait))
        if wait := self._requests.take(key):
            return problem_of(rate_limited("Your address asks too often.", wait))
        if self._running[key] < self._most:
            return None
        detail = f"Your address has {self._most} requests under way already. Close some."
        return problem(429, "too_many_connections", detail, headers={"retry-after": "1"})


class _Credentials:
    """The credentials that the gate let through lately, by a digest of the headers; whether they still work it says."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, scope: Scope) -> bool:
        return _digest(scope) in self._known

    def remember(self, scope: Scope) -> None:
        """Remember what the request of this ASGI scope carries; those that were not heard of for longest go."""
        digest = _digest(scope)
        self._known[digest] = None
        self._known.move_to_end(digest)
        if len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)

    def forget(self, scope: Scope) -> None:
        """Forget what the request of this ASGI scope carries."""
        self._known.pop(_digest(scope), None)


class TokenLimits:
    """ASGI middleware, behind the gate: what is too much is answered, or left to the MCP endpoint to answer.

    Args:
        app: the application behind.
        limits: what is allowed.
        mcp_prefix: what the paths of the MCP endpoint begin with.
    """

    def __init__(self, app: ASGIApp, *, limits: Limits, mcp_prefix: str) -> None:
        self._app = app
        self._mcp_prefix = mcp_prefix
        self._requests = Buckets(limits.token_rate, limits.token_rate * BURST_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        principal = principal_if_any(scope)
        wait = 0.0 if principal is None else self._requests.take(_key(principal))
        if not wait:
            await self._app(scope, receive, send)
        elif self._is_mcp(scope):
            scope[_WAIT] = wait
            await self._app(scope, receive, send)
        else:
            await refuse(problem_of(too_often(wait)), scope, receive, send)

    def _is_mcp(self, scope: Scope) -> bool:
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        return scope["type"] == "http" and path.startswith(self._mcp_prefix)


def wait_of(scope: Scope) -> float:
    """Return in how many seconds the credential of a request may ask again, 0 when it may now."""
    return scope.get(_WAIT, 0.0)


def too_often(wait: float) -> RateLimited:
    """Return the error for a credential that asks too often."""
    return rate_limited("Your credential asks too often.", wait)


def rate_limited(why: str, wait: float) -> RateLimited:
    """Return the error for who has to wait for so many seconds, because of `why`."""
    seconds = retry_after(wait)
    return RateLimited(
        f"{why} Nothing was done. Wait {seconds} s, then go on.",
        next_call=f"repeat the same call in {seconds} s",
        details={"retry_after_seconds": seconds},
    )


def _digest(scope: Scope) -> bytes:
    """Return what stands for the credential of a request."""
    said = [value for name, value in scope["headers"] if name in _CREDENTIALS]
    return hashlib.sha256(b"\n".join(said)).digest()


def _key(principal: Principal) -> str:
    """Under what a credential is counted: the token, else the person in the workspace."""
    return principal.token_id or f"{principal.workspace}/{principal.subject or principal.user}"
