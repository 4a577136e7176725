"""What is known of one request once it is over, for whoever counts and traces: few words, and nothing of anybody's.

The outermost middleware puts an `Observation` on the ASGI scope; whoever learns something notes it there. None of its
words comes from the request as it is: they are templates, codes and names of ours.
"""

from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from coordination.domain.visibility import ClientKind

_SCOPE_KEY: Final = "coordination.observation"


@dataclass(slots=True)
class Observation:
    """One request.

    Attributes:
        route: the template of the route when no router of FastAPI found one; "" is not known.
        status: the answer's status, 0 as long as there is none.
        refusal: the code of the problem that it was answered with, "" when it was none.
        client: what kind of MCP client asked, None when it was none.
        message: the method of the JSON-RPC message, when it is one that is counted.
        tool: the coordination tool that was called by a caller that sees it, "" when none was.
        outcome: what came of that: `ok` or the code of the error.
    """

    route: str = ""
    status: int = 0
    refusal: str = ""
    client: ClientKind | None = None
    message: str = ""
    tool: str = ""
    outcome: str = "ok"


def observe(scope: Scope) -> Observation:
    """Begin to observe a request."""
    observation = scope[_SCOPE_KEY] = Observation()
    return observation


def observation_of(scope: Scope) -> Observation:
    """Return the observation of a request; one that nobody will read when nobody observes it."""
    found: Observation | None = scope.get(_SCOPE_KEY)
    return observe(scope) if found is None else found
