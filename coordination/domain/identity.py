"""Identity: who makes a request, built once by the transport and passed down as a value.

Nothing below the transport sees a header or a URL; it sees this. The value says who calls, not what the
caller may see (that is `domain.visibility`).
"""

from dataclasses import dataclass
from typing import Final, Literal

Role = Literal["planner", "implementer"]

PLANNER_NAME: Final = "planner"


def role_of(agent: str | None, given: Role | None = None) -> Role | None:
    """Return the role that an agent comes with; None when there is no agent.

    The credential gives it (`given`), or else the agent's name.

    The only place that says so. In its session an implementer can take the planner's role (`domain.planner`).
    """
    if agent is None:
        return None
    if given is not None:
        return given
    return "planner" if agent == PLANNER_NAME else "implementer"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, from where.

    Attributes:
        workspace: the tenant; `local` in local mode.
        user: the person.
        session: the session the agent belongs to; None for a plain user.
        agent: the agent's name; None exactly when `session` is.
        role: the role that the agent comes with; None exactly when `session` is. An implementer may have taken the
            planner's: its session knows (`services.planner`).
        client: the client segment of the URL, such as `claude`.
        checkout: 12 hex digits that name the working tree, or '' when unknown (which conflicts with all).
        checkout_root: the absolute git top level of that working tree, or ''.
        terminal: `{pid}-{start time}` of the caller's terminal, or ''.
        role_fixed: whether the credential gives the role, so that it cannot change.
    """

    workspace: str
    user: str
    session: str | None
    agent: str | None
    role: Role | None
    client: str
    checkout: str = ""
    checkout_root: str = ""
    terminal: str = ""
    role_fixed: bool = False

    @property
    def agent_id(self) -> str | None:
        """The agent's key inside its session, `{user}/{agent}`; None for a plain user."""
        return None if self.agent is None else f"{self.user}/{self.agent}"
