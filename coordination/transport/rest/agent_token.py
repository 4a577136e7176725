"""Routes on tokens: make, list, revoke. A hosted service has them."""

from typing import Annotated

from fastapi import APIRouter, Path

from coordination.services import agent_token
from coordination.services.core import Core
from coordination.transport.rest.parameters import NAMED_BY_US, Authenticated, possible_name
from coordination.wire.agent_token import TokenList, TokenRequest, TokenRevoked
from coordination.wire.workspace import NewToken

TokenId = Annotated[
    str,
    Path(description="The token's id; no secret.", examples=["9f2b6c01d4e7"], json_schema_extra=NAMED_BY_US),
]


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.get("/tokens", summary="List the tokens that work")
    async def list_tokens(principal: Authenticated) -> TokenList:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Your own; an owner sees those of all members. No secret is among them."""
        return TokenList(tokens=await agent_token.list_tokens(core, principal))

    @router.post("/tokens", summary="Make a token")
    async def create_token(principal: Authenticated, wanted: TokenRequest) -> NewToken:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """The secret is in the answer, and nowhere else: nobody can be shown it again."""
        secret, token = await agent_token.create(
            core,
            principal,
            user=wanted.user,
            session=wanted.session,
            agent=wanted.agent,
            role=wanted.role,
            scopes=tuple(wanted.scopes),
            label=wanted.label,
            days=wanted.days,
        )
        return NewToken(secret=secret, token=token, workspace=principal.workspace)

    @router.delete("/tokens/{token_id}", summary="Revoke a token")
    async def revoke_token(principal: Authenticated, token_id: TokenId) -> TokenRevoked:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """It works no more, everywhere within two seconds; what runs with it is cut off."""
        await agent_token.revoke(core, principal, possible_name(token_id))
        return TokenRevoked(id=token_id)
