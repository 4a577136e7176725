"""The route class of the HTTP API: whatever goes wrong in a route becomes a problem answer (RFC 9457).

Input that does not fit the route's models is answered with 422 and, like the tools, names the field, the limit and
what to send; what the services refuse has the status of the one table. Writes must say that they are JSON, so that
no form on a web page can make one. A failure that nobody foresaw reaches the log and not the caller.
"""

from collections.abc import Callable, Collection, Coroutine
from typing import Any, Final, get_type_hints

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from coordination.domain.errors import CoordinationError, Forbidden, InvalidInput
from coordination.transport.exchange import exchange_of
from coordination.transport.problem import problem, problem_of
from coordination.transport.rest.description import WRITES, refusals
from coordination.transport.rest.explanation import explain
from coordination.transport.security import tell_forbidden
from coordination.wire.rest import Body

_JSON: Final = "application/json"
_log: Final = structlog.stdlib.get_logger(__name__)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ProblemRoute(APIRoute):
    """A route whose errors are problem answers, and described so. It must stand behind `ExchangeMiddleware`."""

    # Any: FastAPI's own arguments, passed on.
    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        methods: Collection[str] | None = None,
        responses: dict[int | str, dict[str, Any]] | None = None,
        **options: Any,
    ) -> None:
        described = {**refusals(path, methods or (), takes_body=_takes_body(endpoint)), **(responses or {})}
        super().__init__(path, endpoint, methods=set(methods or ()) or None, responses=described, **options)

    def get_route_handler(self) -> Handler:
        """Wrap the handler that FastAPI makes."""
        handler = super().get_route_handler()
        takes_body = _takes_body(self.endpoint)

        async def answer(request: Request) -> Response:
            if takes_body and request.method in WRITES and not _is_json(request):
                detail = f"The body must be JSON: send it with the header Content-Type: {_JSON}."
                return problem(415, "unsupported_media_type", detail)
            try:
                return await handler(request)
            except Exception as error:  # The outermost of the route: every failure is an answer.
                return _answer_to(error, request)

        return answer


def _takes_body(endpoint: Callable[..., Any]) -> bool:
    return any(issubclass(kind, Body) for kind in get_type_hints(endpoint).values() if isinstance(kind, type))


def _answer_to(error: Exception, request: Request) -> Response:
    if isinstance(error, RequestValidationError):
        return problem(422, InvalidInput.code, explain(error.errors(), "body"))
    if isinstance(error, Forbidden):
        tell_forbidden(request.scope, error)
    if isinstance(error, CoordinationError):
        return problem_of(error)
    if isinstance(error, HTTPException):
        # FastAPI raises one for a body that its JSON parser gives up on.
        return problem(422, InvalidInput.code, "body: is not JSON that can be read. Send one JSON object.")
    request_id = exchange_of(request.scope).request_id
    _log.exception("request_failed", path=request.url.path, request_id=request_id, exc_info=error)
    detail = f"The service failed on this request and logged it (request {request_id})."
    return problem(500, "internal", detail)


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == _JSON
