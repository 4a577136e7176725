"""What `/openapi.json` says beside what FastAPI knows: how each route refuses, and an example of every body.

Every refusal is a problem (RFC 9457), under the statuses that a route can answer. FastAPI describes what it would
answer itself, which is not what `problem_route` answers. Which codes there are, and when, is in
docs/reference/errors.md.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from fastapi import FastAPI

from coordination.transport.problem import MEDIA_TYPE, problem_body
from coordination.transport.rest import example
from coordination.wire.rest import Problem

WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_NAME: Final = Problem.__name__
_REFERENCE: Final = {"$ref": f"#/components/schemas/{_NAME}"}
_ALWAYS: Final = {
    400: "Host, credential or a path is malformed, or a header is there that only a proxy adds.",
    401: "A credential is asked for and missing, or does not work.",
    403: "A page of another origin asks, or another user of this machine; or the credential does not allow it.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    421: "The Host header names something else than this machine.",
    422: "A parameter or a field of the body is wrong, missing or unknown.",
    429: "You ask too often, or wait for too much; Retry-After says when to go on.",
    500: "A fault of the service; something may have been written.",
    503: "The service cannot answer now; repeat the same call in a few seconds.",
}
_OF_A_SESSION: Final = {404: "There is no such session, or nothing of that name in it."}
_OF_AN_ID: Final = {404: "There is nothing of that name."}
_OF_A_WRITE: Final = {415: "The body is not declared as JSON."}

Responses = dict[int | str, dict[str, Any]]


def refused(status: int, when: str) -> dict[str, Any]:
    """Return how a refusal is described."""
    shown = problem_body(status, *example.PROBLEMS[status])
    return {"description": when, "content": {MEDIA_TYPE: {"schema": _REFERENCE, "example": shown}}}


SETTING: Final[Responses] = {409: refused(409, "The session's present locks contradict it.")}
"""How a change of a session answers, beside what every route does."""

_ELSEWHERE: Final = "The agent's checkout belongs to another session"
CLAIM: Final[Responses] = {409: refused(409, f"{_ELSEWHERE}, or waiting would close a circle of agents.")}
"""How a claim answers, beside what every route does."""

JOIN: Final[Responses] = {409: refused(409, f"Another live terminal has the name. {_ELSEWHERE}.")}
"""How joining answers, beside what every route does."""

REPORT: Final[Responses] = {
    409: refused(409, f"Another agent has the task, or it waits for others. {_ELSEWHERE}.")
}
"""How a sync answers, beside what every route does."""

PLANNING: Final[Responses] = {
    403: refused(403, f"{_ALWAYS[403][:-1]}; or the agent is no planner."),
    409: refused(409, f"{_ELSEWHERE}."),
}
"""How what is the planner's answers, beside what every route does."""

OWN_LEASES: Final[Responses] = {
    409: refused(409, f"A lease is not the agent's live grant, so nothing changed. {_ELSEWHERE}.")
}
"""How a renewal or a release answers, beside what every route does."""

REFRESH: Final[Responses] = {
    409: refused(409, "The refresh was finished, or another one of the same checkout was begun.")
}
"""How a part of a refresh of an index answers, beside what every route does."""

MEMBER: Final[Responses] = {409: refused(409, "The name is taken, or the workspace would have no owner.")}
"""How a change of members answers, beside what every route does."""

STREAM: Final[Responses] = {
    200: {
        "description": "The events, for as long as you read.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": example.STREAM}},
    },
    404: refused(404, "There is no such session."),
}
"""How the stream of events answers, beside what every route does."""


def refusals(path: str, methods: Collection[str], *, takes_body: bool = True) -> Responses:
    """Return how the refusals of a route are described, by status."""
    told = dict(_ALWAYS)
    if "{session}" in path:
        told |= _OF_A_SESSION
    elif "{" in path or path.endswith("/memberships"):
        told |= _OF_AN_ID
    if not WRITES.isdisjoint(methods) and takes_body:
        told |= _OF_A_WRITE
    return {status: refused(status, when) for status, when in sorted(told.items())}


class DescribedApplication(FastAPI):
    """A FastAPI application whose description knows what a problem is, and shows an example of every body."""

    def openapi(self) -> dict[str, Any]:
        """Return the description, made once."""
        described = super().openapi()
        described["components"]["schemas"].setdefault(_NAME, Problem.model_json_schema())
        for methods in described["paths"].values():
            for operation in methods.values():
                _show(operation.get("requestBody", {}), example.BODIES)
                _show(operation["responses"]["200"], example.ANSWERS)
        return described


# Any: parts of the description, which is JSON.
def _show(described: dict[str, Any], examples: Mapping[str, dict[str, Any]]) -> None:
    """Add the example of its model to what is described, if there is one."""
    for media in described.get("content", {}).values():
        model = media["schema"].get("$ref", "").rpartition("/")[2]
        if model in examples:
            media["example"] = examples[model]
