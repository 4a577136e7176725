"""Routes on coming in: how people log in, the first workspace, and who the caller is. A hosted service has them."""

from dataclasses import dataclass

from fastapi import APIRouter

from coordination.domain.errors import Forbidden
from coordination.domain.principal import LOCAL_WORKSPACE, SCOPES, Principal
from coordination.services import workspace
from coordination.services.core import Core
from coordination.transport.rest.parameters import Authenticated
from coordination.wire.workspace import Bootstrap, Bootstrapped, LoginOffer, Me


@dataclass(frozen=True, slots=True)
class LoginWays:
    """How people come in.

    Attributes:
        supabase_url: the Supabase project whose people may log in; None when there is none.
        supabase_key: its publishable key.
        bootstrap: whether somebody with the bootstrap token may make the first workspace.
    """

    supabase_url: str | None = None
    supabase_key: str | None = None
    bootstrap: bool = False


def add_routes(router: APIRouter, core: Core, ways: LoginWays) -> None:
    """Add the routes to `router`."""

    @router.get("/login", summary="How people log in here")
    async def read_login() -> LoginOffer:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Anybody may ask, without a credential."""
        return LoginOffer(
            supabase_url=ways.supabase_url,
            supabase_key=ways.supabase_key,
            bootstrap=ways.bootstrap and not await workspace.is_bootstrapped(core),
        )

    @router.post("/bootstrap", summary="Make the first workspace and its owner, once")
    async def bootstrap(wanted: Bootstrap) -> Bootstrapped:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """The bearer is the token that the service was started with (`COORDINATION_BOOTSTRAP_TOKEN`)."""
        secret = await workspace.bootstrap(core, wanted.workspace_name, wanted.user)
        return Bootstrapped(secret=secret, workspace=LOCAL_WORKSPACE, user=wanted.user)

    @router.get("/me", summary="Who the credential is, and what it allows")
    async def read_me(principal: Authenticated) -> Me:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """What the credential is for and what the member's role allows, together."""
        found = await workspace.read_own(core, principal)
        if not found:
            raise Forbidden("You are no member of this workspace any more.")
        return _me(principal, found[0].name)


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
