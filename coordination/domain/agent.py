"""Agents: the participants of a session, and how present they are.

An agent is a terminal or a subagent in it; its key is workspace, session, user and name. Presence says when it was
last heard of and nothing more: a quiet agent may be at work, so presence frees no lease.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from coordination.domain.identity import Identity, Role

ACTIVE_SECONDS: Final = 120
RECENT_SECONDS: Final = 600

WhyLeft = Literal["left", "ended"]
"""How an agent left: by itself, or because its process ended."""


class Presence(StrEnum):
    """How long ago an agent was last heard of."""

    ACTIVE = "active"
    RECENT = "recent"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent that makes a call: an `Identity` that is known to belong to a session."""

    workspace: str
    session: str
    user: str
    name: str
    role: Role
    client: str
    checkout: str = ""
    checkout_root: str = ""
    terminal: str = ""

    @property
    def id(self) -> str:
        """The agent's key inside its session, ``user/name``."""
        return f"{self.user}/{self.name}"

    @property
    def place(self) -> str | None:
        """Checkout and terminal the call came from, as one text; None when neither is known."""
        return f"{self.checkout}|{self.terminal}" if self.checkout or self.terminal else None


def agent_of(identity: Identity) -> Agent | None:
    """Return the agent that an identity stands for; None for a plain user without a session."""
    if identity.session is None or identity.agent is None or identity.role is None:
        return None
    return Agent(
        workspace=identity.workspace,
        session=identity.session,
        user=identity.user,
        name=identity.agent,
        role=identity.role,
        client=identity.client,
        checkout=identity.checkout,
        checkout_root=identity.checkout_root,
        terminal=identity.terminal,
    )


def presence(quiet_seconds: float, *, connected: bool) -> Presence:
    """Derive presence from the seconds since an agent was last heard of."""
    if not connected or quiet_seconds > RECENT_SECONDS:
        return Presence.INACTIVE
    return Presence.ACTIVE if quiet_seconds <= ACTIVE_SECONDS else Presence.RECENT
