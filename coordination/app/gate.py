"""Which gate stands before the application: that of local mode, or that of the hosted mode."""

from fastapi import FastAPI

from coordination.app import local_token
from coordination.services.core import Core
from coordination.settings import Settings
from coordination.transport.auth import LocalTokenGate
from coordination.transport.hosted_gate import HostedGate
from coordination.transport.mcp.visibility import Refusals
from coordination.transport.rest.login import LoginWays
from coordination.transport.standing import Standing


def put_around(app: FastAPI, settings: Settings, core: Core, standing: Standing, refusals: Refusals) -> None:
    """Put the gate around what was added to the application so far.

    Raises:
        OSError: the local token is needed and cannot be kept in the data folder.
    """
    if settings.is_hosted:
        app.add_middleware(
            HostedGate,
            authentication=core.authentication,
            standing=standing,
            on_refused=refusals.credential,
        )
        return
    token = local_token.read_or_make(settings.data_dir) if local_token.is_needed(settings) else None
    app.add_middleware(LocalTokenGate, token=token)


def login_ways(settings: Settings) -> LoginWays:
    """Return how people come in to a hosted service."""
    token = settings.bootstrap_token
    return LoginWays(
        supabase_url=settings.supabase_url,
        supabase_key=settings.supabase_key,
        bootstrap_token=None if token is None else token.get_secret_value(),
    )
