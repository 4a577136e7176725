"""All routes of the HTTP API under `/api/v1`, as one router for the composition root.

Who calls is decided outside (`transport.guard`, `transport.peer`, `transport.auth`, `transport.hosted_gate`). The
application must put the router behind `ExchangeMiddleware`.
"""

from typing import Final

from fastapi import APIRouter

from coordination.services.core import Core
from coordination.transport.rest import (
    agent,
    agent_token,
    event,
    event_stream,
    file_index,
    file_lock,
    login,
    message,
    plan,
    planner,
    planning,
    session,
    sync,
    task,
    workspace,
)
from coordination.transport.rest.login import LoginWays
from coordination.transport.rest.problem_route import ProblemRoute

PREFIX: Final = "/api/v1"


def router(core: Core) -> APIRouter:
    """Build the router on the shared parts of the use cases."""
    routes = _empty()
    for noun in (
        session,
        agent,
        file_lock,
        task,
        sync,
        plan,
        planner,
        planning,
        message,
        file_index,
        event,
        event_stream,
    ):
        noun.add_routes(routes, core)
    return routes


def hosted_router(core: Core, ways: LoginWays) -> APIRouter:
    """Build the router of what only a hosted service has.

    Args:
        core: the shared parts of the use cases.
        ways: how people come in.
    """
    routes = _empty()
    login.add_routes(routes, core, ways)
    for noun in (agent_token, workspace):
        noun.add_routes(routes, core)
    return routes


def _empty() -> APIRouter:
    return APIRouter(
        prefix=PREFIX, route_class=ProblemRoute, generate_unique_id_function=lambda route: route.name
    )
