"""Which gate stands before the application, that of local mode or that of the hosted mode; and how people log in.

The hosted one stands between its limits: those of addresses before it, those of credentials behind it.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from coordination.app import local_token
from coordination.services.core import Core
from coordination.settings import Settings
from coordination.transport.auth import LocalTokenGate
from coordination.transport.hosted_gate import HostedGate
from coordination.transport.limits import AddressLimits, Limits, TokenLimits
from coordination.transport.mcp.identity import PATH as MCP_PATH
from coordination.transport.mcp.protected_resource import ProtectedResource
from coordination.transport.person import SupabasePeople, issuer_of
from coordination.transport.rest.login import LoginWays
from coordination.transport.standing import Standing

BEARER: Final = "Bearer"


def put_around(
    app: FastAPI,
    settings: Settings,
    core: Core,
    standing: Standing,
    people: SupabasePeople | None = None,
) -> None:
    """Put the gate around what was added to the application so far; `people` says who logged in.

    Raises:
        OSError: the local token is needed and cannot be kept in the data folder.
    """
    if settings.is_hosted:
        limits = _limits(settings)
        app.add_middleware(TokenLimits, limits=limits, mcp_prefix=MCP_PATH.partition("{")[0])
        app.add_middleware(
            HostedGate,
            authentication=core.authentication,
            standing=standing,
            people=people,
            challenge=BEARER if (resource := protected_resource(settings)) is None else resource.challenge,
            bootstrap_token=None if (token := settings.bootstrap_token) is None else token.get_secret_value(),
        )
        app.add_middleware(AddressLimits, limits=limits)
        return
    token = local_token.read_or_make(settings.data_dir) if local_token.is_needed(settings) else None
    app.add_middleware(LocalTokenGate, token=token)


def _limits(settings: Settings) -> Limits:
    return Limits(
        token_rate=settings.token_rate,
        address_rate=settings.address_rate,
        address_requests=settings.address_requests,
        address_failures=settings.address_failures,
    )


def people_of(settings: Settings) -> SupabasePeople | None:
    """Return what says who logged in; None when nobody can, but with tokens."""
    if not settings.is_hosted or settings.supabase_url is None:
        return None
    return SupabasePeople(settings.supabase_url)


@asynccontextmanager
async def closing(people: SupabasePeople | None) -> AsyncGenerator[None]:
    """Close what says who logged in at the end of the block."""
    try:
        yield
    finally:
        if people is not None:
            await people.close()


def protected_resource(settings: Settings) -> ProtectedResource | None:
    """Return how MCP clients learn where to log in; None when nobody can, or we do not know our own address."""
    if not settings.is_hosted or settings.supabase_url is None or settings.public_url is None:
        return None
    return ProtectedResource(settings.public_url, settings.root_path, issuer_of(settings.supabase_url))


def login_ways(settings: Settings) -> LoginWays:
    """Return how people come in to a hosted service."""
    return LoginWays(
        supabase_url=settings.supabase_url,
        supabase_key=settings.supabase_key,
        bootstrap=settings.bootstrap_token is not None,
    )
