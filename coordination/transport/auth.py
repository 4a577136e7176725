"""Credentials: what kind a request carries, who is authenticated by it, and the gate of local mode.

Which credential a request has is decided once, from all its headers, and kept on the ASGI scope beside the principal;
contradictory credentials are refused. Where the operating system cannot tell us who a peer is (`transport.peer`), local
mode asks for the token that the service printed when it started; the gate of the hosted mode is
`transport.hosted_gate`. Tokens are compared in constant time and never logged.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from coordination.domain.errors import InvalidInput
from coordination.domain.principal import LOCAL, Principal
from coordination.domain.visibility import CredentialKind
from coordination.transport.problem import problem, problem_of, refuse

OPEN_PATHS: Final = frozenset({"/health", "/health/detailed", "/ready"})

_PRINCIPAL: Final = "coordination.principal"
_BEARER: Final = b"bearer"

_KINDS: Final[tuple[CredentialKind, ...]] = ("none", "local_token", "bearer", "api_key")
_LOCAL: Final = {kind: replace(LOCAL, credential=kind) for kind in _KINDS}

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request authenticates with.

    Attributes:
        kind: `none`, `bearer` or `api_key`.
        secret: what was sent; '' for none.
    """

    kind: CredentialKind
    secret: str = field(default="", repr=False)


def presented(headers: Headers) -> Presented:
    """Read the one credential that these raw ASGI headers carry.

    Raises:
        InvalidInput: more than one credential, or an Authorization of another scheme than Bearer.
    """
    authorizations = [value for name, value in headers if name == b"authorization"]
    api_keys = [value for name, value in headers if name == b"x-api-key"]
    if len(authorizations) + len(api_keys) > 1:
        raise InvalidInput(
            "The request carries more than one credential. Send one Authorization or one X-Api-Key header.",
            details={"field": "authorization"},
        )
    if api_keys:
        return Presented("api_key", api_keys[0].strip().decode("latin-1"))
    if not authorizations:
        return Presented("none")
    scheme, _, value = authorizations[0].strip().partition(b" ")
    if scheme.lower() != _BEARER or not value.strip():
        raise InvalidInput(
            "The Authorization header must have the form `Bearer TOKEN`.", details={"field": "authorization"}
        )
    return Presented("bearer", value.strip().decode("latin-1"))


def classify(headers: Headers, token: str | None = None) -> CredentialKind:
    """Return what kind of credential these raw ASGI headers carry, in local mode.

    Args:
        headers: the scope's headers.
        token: the service's local token, or None when there is none.

    Raises:
        InvalidInput: as `presented`.
    """
    found = presented(headers)
    local = token is not None and secrets.compare_digest(found.secret.encode("latin-1"), token.encode())
    return "local_token" if found.kind == "bearer" and local else found.kind


def keep_principal(scope: Scope, principal: Principal) -> None:
    """Let the request of this ASGI scope be the principal's."""
    scope[_PRINCIPAL] = principal


def principal_of(scope: Scope) -> Principal:
    """Return who is authenticated for the request of this ASGI scope.

    Raises:
        KeyError: no gate stands before whoever asks.
    """
    return scope[_PRINCIPAL]


def principal_if_any(scope: Scope) -> Principal | None:
    """Return who is authenticated for the request of this ASGI scope; None for what needs no credential."""
    return scope.get(_PRINCIPAL)


class LocalTokenGate:
    """ASGI middleware: classifies the credential of every request and, where required, asks for the local
    token.

    Args:
        app: the application behind.
        token: the token to ask for, or None to let requests without one pass.
        open_paths: the paths that need no token.
    """

    def __init__(self, app: ASGIApp, *, token: str | None, open_paths: Collection[str] = OPEN_PATHS) -> None:
        self._app = app
        self._token = token
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        try:
            kind = classify(scope["headers"], self._token)
        except InvalidInput as error:
            await refuse(problem_of(error), scope, receive, send)
            return
        if self._token is not None and kind != "local_token" and not self._is_open(scope):
            detail = "This service asks for its local token. The line that it prints at its start carries it."
            answer = problem(401, "unauthorized", detail, headers={"www-authenticate": "Bearer"})
            await refuse(answer, scope, receive, send)
            return
        keep_principal(scope, _LOCAL[kind])
        await self._app(scope, receive, send)

    def _is_open(self, scope: Scope) -> bool:
        path: str = scope["path"]
        return path.removeprefix(scope.get("root_path", "")) in self._open_paths
