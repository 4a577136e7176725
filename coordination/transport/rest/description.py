"""What `/openapi.json` says of refusals: every one is a problem (RFC 9457), under the statuses that a route can answer.

FastAPI describes what it would answer itself, which is not what `problem_route` answers. Which codes there are, and
when, is in docs/reference/errors.md.
"""

from collections.abc import Collection
from typing import Any, Final

from fastapi import FastAPI

from coordination.transport.problem import MEDIA_TYPE
from coordination.wire.rest import Problem

WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_NAME: Final = Problem.__name__
_REFERENCE: Final = {"$ref": f"#/components/schemas/{_NAME}"}
_ALWAYS: Final = {
    400: "Host, credential or a path is malformed, or a header is there that only a proxy adds.",
    401: "The local token is asked for and missing, or wrong.",
    403: "A page of another origin asks, or another user of this machine.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    421: "The Host header names something else than this machine.",
    422: "A parameter or a field of the body is wrong, missing or unknown.",
    500: "A fault of the service; something may have been written.",
    503: "The service cannot answer now; repeat the same call in a few seconds.",
}
_OF_A_SESSION: Final = {404: "There is no such session, or no such agent in it."}
_OF_A_WRITE: Final = {415: "The body is not declared as JSON."}
_OF_A_SETTING: Final = {409: "The session's present locks contradict it."}


STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The events, for as long as you read.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    404: {
        "description": "There is no such session.",
        "content": {MEDIA_TYPE: {"schema": _REFERENCE}},
    },
}
"""How the stream of events answers, beside what every route does."""


def refusals(path: str, methods: Collection[str]) -> dict[int | str, dict[str, Any]]:
    """Return how the refusals of a route are described, by status."""
    told = dict(_ALWAYS)
    if "{session}" in path:
        told |= _OF_A_SESSION
    if not WRITES.isdisjoint(methods):
        told |= _OF_A_WRITE
    if "PATCH" in methods:
        told |= _OF_A_SETTING
    return {
        status: {"description": when, "content": {MEDIA_TYPE: {"schema": _REFERENCE}}}
        for status, when in sorted(told.items())
    }


class DescribedApplication(FastAPI):
    """A FastAPI application whose description knows what a problem is."""

    def openapi(self) -> dict[str, Any]:
        """Return the description, made once."""
        described = super().openapi()
        described["components"]["schemas"].setdefault(_NAME, Problem.model_json_schema())
        return described
