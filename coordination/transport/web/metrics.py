"""The page that Prometheus scrapes.

It spans all workspaces, so in hosted mode it has a token of its own, which opens nothing else; without one it is not
served. In local mode whoever may ask the service at all may see it.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from coordination.transport.problem import problem

PATH: Final = "/metrics"


def metrics_router(
    scrape: Callable[[], Awaitable[bytes]], *, content_type: str, token: str | None = None
) -> APIRouter:
    """Build the route.

    Args:
        scrape: writes all metrics.
        content_type: the format in which it does.
        token: what to ask for as `Authorization: Bearer`; None asks for nothing.
    """
    router = APIRouter()

    @router.get(PATH, include_in_schema=False)
    async def metrics(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        if token is not None and not _has(request, token):
            detail = "The metrics have a token of their own: COORDINATION_METRICS_TOKEN, sent as bearer."
            return problem(401, "unauthorized", detail, headers={"www-authenticate": "Bearer"})
        return Response(await scrape(), media_type=content_type, headers={"cache-control": "no-store"})

    return router


def _has(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and secrets.compare_digest(given.strip().encode(), token.encode())
