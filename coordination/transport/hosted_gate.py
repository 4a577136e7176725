"""The gate of the hosted mode: nothing of a request is read before it is known whose it is.

A bearer or an API key is a token of ours (`coord_…`) or, as a bearer, what Supabase Auth gave a person. The database
says whose it is (`services.authentication`); the request then has a principal, which is confined to one workspace. Some
paths are open: what anybody may know, and what asks for a secret of its own (`OPEN_PATHS`). One asks for the bootstrap
token and nothing else. For some a credential is optional: if there is one, it has to be good. A request that lasts is
cut off when its credential works no more (`transport.standing`). Refusals are told alike, whatever was wrong, and
logged.
"""

import secrets
from collections.abc import Collection
from typing import Final, Protocol

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from coordination.domain import agent_token
from coordination.domain.errors import CoordinationError, Forbidden, InvalidInput
from coordination.domain.person import InvalidCredential, Person, first_name
from coordination.domain.principal import Principal
from coordination.services.authentication import (
    Authentication,
    Credential,
    PersonCredential,
    TokenCredential,
)
from coordination.transport import auth
from coordination.transport.auth import Presented, keep_principal, presented
from coordination.transport.problem import problem, problem_of, refuse
from coordination.transport.security import tell_refused
from coordination.transport.standing import Standing

OPEN_PATHS: Final = auth.OPEN_PATHS | {"/metrics", "/api/v1/login"}
BOOTSTRAP_PATH: Final = "/api/v1/bootstrap"
OPEN_PREFIXES: Final = ("/.well-known/",)
OPTIONAL_PATHS: Final = frozenset({"/api/v1/memberships"})
WORKSPACE: Final = b"x-coordination-workspace"
WORKSPACE_MAX: Final = 64

_PERSON: Final = "coordination.person"
_UNAUTHORIZED: Final = (
    "Send a token of this service as `Authorization: Bearer TOKEN`; the one that came, if any, does not work."
)


class PersonVerifier(Protocol):
    """Says who a person is, by what Supabase Auth gave."""

    async def verify(self, token: str) -> Person:
        """Return who it is.

        Raises:
            InvalidCredential: it is nobody's, or works no more.
            RetryLater: nobody can say now.
        """
        ...


class HostedGate:
    """ASGI middleware: authenticates every request and WebSocket.

    Args:
        app: the application behind.
        authentication: says whose credentials are.
        standing: looks at requests that last.
        people: verifies people; None when only tokens are taken.
        challenge: the `WWW-Authenticate` of a 401.
        bootstrap_token: what the path of the bootstrap asks for; None lets nobody in there.
        open_paths: the paths that need no credential.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        authentication: Authentication,
        standing: Standing,
        people: PersonVerifier | None = None,
        challenge: str = "Bearer",
        bootstrap_token: str | None = None,
        open_paths: Collection[str] = OPEN_PATHS,
    ) -> None:
        self._app = app
        self._authentication = authentication
        self._standing = standing
        self._people = people
        self._challenge = challenge
        self._bootstrap_token = bootstrap_token
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] not in {"http", "websocket"} or self._is_open(scope):
            await self._app(scope, receive, send)
            return
        try:
            credential = await self._authenticate(scope)
        except InvalidCredential as error:
            await refuse(self._refused(scope, str(error)), scope, receive, send)
        except CoordinationError as error:
            if isinstance(error, Forbidden):
                tell_refused(scope, error.message)
            await refuse(problem_of(error), scope, receive, send)
        else:
            await self._standing.serve(self._app, credential, scope, receive, send)

    def _is_open(self, scope: Scope) -> bool:
        path = _path(scope)
        return path in self._open_paths or path.startswith(OPEN_PREFIXES)

    async def _authenticate(self, scope: Scope) -> Credential | None:
        """Put the principal on the scope, and return what it was found by; None where a credential is optional.

        Raises:
            InvalidCredential: it does not work.
            Forbidden: it works, and is not for that workspace.
            InvalidInput: the headers contradict each other.
            RetryLater: nobody can say now.
        """
        found = presented(scope["headers"])
        wanted = _workspace(scope)
        if _path(scope) == BOOTSTRAP_PATH:
            self._require_bootstrap_token(found)
            return None
        if found.kind == "none":
            if _path(scope) in OPTIONAL_PATHS:
                return None
            raise InvalidCredential("the request carries no credential")
        credential = await self._credential(found, wanted, scope)
        principal = await self._authentication.principal_of(credential)
        _check(principal, credential, wanted)
        if principal is None:
            raise InvalidCredential("the token works no more, or never did")
        keep_principal(scope, _as_presented(principal, found))
        return credential

    def _require_bootstrap_token(self, found: Presented) -> None:
        given = found.secret if found.kind == "bearer" else ""
        wanted = self._bootstrap_token
        if wanted is None or not secrets.compare_digest(given.encode(), wanted.encode()):
            raise InvalidCredential("it is not the bootstrap token")

    async def _credential(self, found: Presented, wanted: str | None, scope: Scope) -> Credential:
        if agent_token.is_token(found.secret):
            return TokenCredential(agent_token.digest(found.secret))
        if found.kind != "bearer" or self._people is None:
            raise InvalidCredential("it is no token of this service")
        person = await self._people.verify(found.secret)
        scope[_PERSON] = person
        return PersonCredential(person.subject, first_name(person), wanted, person.expires_at)

    def _refused(self, scope: Scope, why: str) -> Response:
        tell_refused(scope, why)
        headers = {"www-authenticate": self._challenge}
        return problem(401, "unauthorized", _UNAUTHORIZED, next_call="coord login URL", headers=headers)


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def person_of(scope: Scope) -> Person | None:
    """Return who logged in for the request of this ASGI scope; None for tokens, and where nobody did."""
    return scope.get(_PERSON)


def _check(principal: Principal | None, credential: Credential, wanted: str | None) -> None:
    """Refuse a workspace that the caller does not belong to, whether there is one or not.

    Raises:
        Forbidden: it is another one.
    """
    foreign = principal is None and isinstance(credential, PersonCredential)
    if foreign or (principal is not None and wanted is not None and wanted != principal.workspace):
        raise Forbidden(
            "You are no member of such a workspace, or the token is for another one.",
            next_call="coord workspace list",
        )


def _as_presented(principal: Principal, found: Presented) -> Principal:
    return principal if found.kind != "api_key" else principal.by_api_key()


def _workspace(scope: Scope) -> str | None:
    values = [value for name, value in scope["headers"] if name == WORKSPACE]
    if not values:
        return None
    if len(values) > 1 or not 0 < len(values[0]) <= WORKSPACE_MAX or not values[0].isascii():
        raise InvalidInput(
            f"x-coordination-workspace: send one id of a workspace, of at most {WORKSPACE_MAX} characters."
        )
    return values[0].decode("ascii")
