"""The health routes: does it live, can it answer now, and what is it like. Names and states only, so no credential.

`/health` is for whoever restarts a service: 503 until the first good connection to a database whose schema fits, then
200 for as long as the process lives, because a restart mends no database. `/ready` is for whoever sends it work.
`/health/detailed` is for people and answers 200 always, one part a line, so that `grep` finds things in it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import orjson
from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from coordination.transport.problem import problem

RETRY: Final = {"retry-after": "1"}

# One route for both, so that a 405 names both; OpenAPI knows no such route, and monitors read none.
_METHODS: Final = ["GET", "HEAD"]

Status = Literal["ok", "degraded", "starting"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What the service is like at this moment.

    Attributes:
        started: whether there was a good connection to a database with a fitting schema once.
        failing: the parts without which calls cannot be answered, each with its state.
        degraded: the parts that could be better, each with its state.
        details: what `/health/detailed` shows, part by part.
    """

    started: bool
    failing: Mapping[str, str]
    degraded: Mapping[str, str]
    details: Mapping[str, object]

    @property
    def status(self) -> Status:
        """The whole in a word."""
        if not self.started:
            return "starting"
        return "degraded" if self.failing or self.degraded else "ok"


def health_router(started: Callable[[], bool], look: Callable[[], Awaitable[Condition]]) -> APIRouter:
    """Build the routes.

    Args:
        started: tells without waiting what `Condition.started` says.
        look: looks at every part; it never raises and takes seconds at most.
    """
    router = APIRouter()

    @router.api_route("/health", methods=_METHODS, include_in_schema=False)
    async def health() -> Response:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        if started():
            return JSONResponse({"status": "ok"})
        detail = "The service starts: it had no good connection to its database yet, and keeps trying."
        return problem(503, "starting", detail, headers=RETRY)

    @router.api_route("/ready", methods=_METHODS, include_in_schema=False)
    async def ready() -> Response:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        failing = (await look()).failing
        if not failing:
            return JSONResponse({"status": "ready"})
        parts = ", ".join(f"{part}: {state}" for part, state in failing.items())
        return problem(503, "not_ready", f"Calls cannot be answered now ({parts}).", headers=RETRY)

    @router.api_route("/health/detailed", methods=_METHODS, include_in_schema=False)
    async def detailed() -> Response:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        condition = await look()
        return Response(
            _one_part_a_line({"status": condition.status, **condition.details}), media_type="application/json"
        )

    return router


def _one_part_a_line(parts: Mapping[str, object]) -> str:
    lines = (f'  "{name}": {orjson.dumps(part).decode()}' for name, part in parts.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"
