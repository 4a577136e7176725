"""What goes wrong outside of MCP and the HTTP API's own routes becomes a problem answer too (RFC 9457)."""

from collections.abc import Sequence
from typing import Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from coordination.domain.errors import CoordinationError, InvalidInput
from coordination.transport.problem import problem, problem_of

_log: Final = structlog.stdlib.get_logger(__name__)
NOT_ALLOWED: Final = 405
_CODES: Final = {404: "not_found", NOT_ALLOWED: "method_not_allowed"}
_DETAILS: Final = {
    404: "There is nothing here.",
    NOT_ALLOWED: "This method is not allowed here; the Allow header names those that are.",
}


def add_error_answers(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Have `app`, which has these routes, answer every error as a problem."""

    async def http(request: Request, error: Exception) -> Response:
        return _http(error, _methods(request, routes))

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(CoordinationError, _coordination)
    app.add_exception_handler(Exception, _unforeseen)


def _http(error: Exception, allowed: str) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette calls us by the type of the error
    status = error.status_code
    code = _CODES.get(status, "invalid_input" if status < 500 else "internal")  # noqa: PLR2004 - 5xx begins there
    headers = {"allow": allowed} if status == NOT_ALLOWED else error.headers
    return problem(status, code, _DETAILS.get(status, str(error.detail)), headers=headers)


def _methods(request: Request, routes: Sequence[BaseRoute]) -> str:
    """Name the methods that the path of a request has, of all its routes: the error knows those of the first alone."""
    found = {
        method
        for route in routes
        if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE
        for method in route.methods or ()
    }
    return ", ".join(sorted(found))


async def _validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
    return problem(422, InvalidInput.code, told)


async def _coordination(_request: Request, error: Exception) -> Response:
    assert isinstance(error, CoordinationError)  # noqa: S101 - as above
    return problem_of(error)


async def _unforeseen(request: Request, _error: Exception) -> Response:
    # uvicorn logs the traceback: Starlette raises the error again once this answer is on its way.
    _log.error("request_failed", method=request.method, path=request.url.path)
    return problem(500, "internal", "The service failed on this request and logged it.")
