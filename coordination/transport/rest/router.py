"""All routes of the HTTP API under `/api/v1`, as one router for the composition root.

Who may call is decided outside (`transport.guard`, `transport.peer`, `transport.auth`). The application must put the
router behind `ExchangeMiddleware`.
"""

from typing import Final

from fastapi import APIRouter

from coordination.services.core import Core
from coordination.transport.rest import (
    agent,
    event,
    event_stream,
    file_index,
    file_lock,
    message,
    plan,
    planner,
    planning,
    session,
    sync,
    task,
)
from coordination.transport.rest.problem_route import ProblemRoute

PREFIX: Final = "/api/v1"


def router(core: Core) -> APIRouter:
    """Build the router on the shared parts of the use cases."""
    routes = APIRouter(
        prefix=PREFIX, route_class=ProblemRoute, generate_unique_id_function=lambda route: route.name
    )
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
