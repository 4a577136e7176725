"""Routes on coming in: how people log in, the first workspace, and who the caller is. A hosted service has them."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from coordination.domain.errors import Forbidden, InvalidInput
from coordination.domain.principal import LOCAL_WORKSPACE, SCOPES, Principal
from coordination.services import workspace
from coordination.services.core import Core
from coordination.transport.auth import presented
from coordination.transport.problem import problem, problem_of
from coordination.transport.rest.parameters import Authenticated
from coordination.transport.rest.problem_route import Handler, ProblemRoute
from coordination.transport.security import tell_refused
from coordination.wire.workspace import Bootstrap, Bootstrapped, LoginOffer, Me


@dataclass(frozen=True, slots=True)
class LoginWays:
    """How people come in.

    Attributes:
        supabase_url: the Supabase project whose people may log in; None when there is none.
        supabase_key: its publishable key.
        bootstrap_token: what makes the first workspace; None when that is not wanted.
    """

    supabase_url: str | None = None
    supabase_key: str | None = None
    bootstrap_token: str | None = None


def add_routes(router: APIRouter, core: Core, ways: LoginWays) -> None:
    """Add the routes to `router`."""

    @router.get("/login", summary="How people log in here")
    async def read_login() -> LoginOffer:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Anybody may ask, without a credential."""
        wanted = ways.bootstrap_token is not None
        return LoginOffer(
            supabase_url=ways.supabase_url,
            supabase_key=ways.supabase_key,
            bootstrap=wanted and not await workspace.is_bootstrapped(core),
        )

    def may_bootstrap(request: Request) -> Response | None:
        if _is_bootstrap_token(request, ways.bootstrap_token):
            return None
        tell_refused(request.scope, "it is not the bootstrap token")
        return problem(401, "unauthorized", "That is not the bootstrap token.", headers=_CHALLENGE)

    async def bootstrap(wanted: Bootstrap) -> Bootstrapped:
        """The bearer is the token that the service was started with (`COORDINATION_BOOTSTRAP_TOKEN`)."""
        secret = await workspace.bootstrap(core, wanted.workspace_name, wanted.user)
        return Bootstrapped(secret=secret, workspace=LOCAL_WORKSPACE, user=wanted.user)

    router.add_api_route(
        "/bootstrap",
        bootstrap,
        methods=["POST"],
        summary="Make the first workspace and its owner, once",
        route_class_override=_asking_first(may_bootstrap),
    )

    @router.get("/me", summary="Who the credential is, and what it allows")
    async def read_me(principal: Authenticated) -> Me:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """What the credential is for and what the member's role allows, together."""
        found = await workspace.read_own(core, principal)
        if not found:
            raise Forbidden("You are no member of this workspace any more.")
        return _me(principal, found[0].name)


_CHALLENGE: Final = {"www-authenticate": "Bearer"}


def _asking_first(refusal: Callable[[Request], Response | None]) -> type[ProblemRoute]:
    """Return a route that is asked whether it refuses before it reads anything of the body."""

    class AskingFirst(ProblemRoute):
        def get_route_handler(self) -> Handler:
            handler = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    refused = refusal(request)
                except InvalidInput as error:
                    return problem_of(error)
                return await handler(request) if refused is None else refused

            return answer

    return AskingFirst


def _is_bootstrap_token(request: Request, token: str | None) -> bool:
    found = presented(request.scope["headers"])
    given = found.secret if found.kind == "bearer" else ""
    return token is not None and secrets.compare_digest(given.encode(), token.encode())


def _me(principal: Principal, name: str) -> Me:
    return Me(
        workspace=principal.workspace,
        workspace_name=name,
        user=principal.user or "",
        role=principal.member,
        scopes=[scope for scope in SCOPES if principal.may(scope)],
        session=principal.session,
        agent=principal.agent,
        agent_role=principal.role,
        token_id=principal.token_id,
    )
