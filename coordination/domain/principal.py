"""Who is authenticated, and what that allows: decided once for a request, before anything of it is parsed.

A principal is made from a credential and a membership (`domain.workspace`); it says nothing about which client asks
(`domain.visibility`). What it may do is the lesser of what the credential was made for and of what the member's role
allows. In local mode nobody is asked: everybody who gets through is the one person of the machine.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from coordination.domain.errors import Forbidden
from coordination.domain.identity import Role
from coordination.domain.text import shown
from coordination.domain.visibility import CredentialKind
from coordination.domain.workspace import MemberRole

Scope = Literal["read", "write", "manage"]
"""What a credential is for: to look; to act, for agents and as a person; to see to tokens and members."""

SCOPES: Final[tuple[Scope, ...]] = ("read", "write", "manage")
LOCAL_WORKSPACE: Final = "local"
"""The workspace of local mode; the first one of a hosted service too, which so finds what was there before."""

_OF_A_ROLE: Final[dict[MemberRole, frozenset[Scope]]] = {
    "owner": frozenset(SCOPES),
    "member": frozenset(SCOPES),
    "viewer": frozenset({"read", "manage"}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is authenticated.

    Attributes:
        workspace: the tenant that the request is confined to.
        user: the person; None stands for any, which only local mode gives.
        session: the one session that the credential is for; None for any.
        agent: the one agent that the credential is for; None for any of the user.
        role: the role that the credential gives its agent; None when the agent's name decides.
        member: the user's role in the workspace.
        scopes: what the credential is for.
        credential: how it was presented.
        token_id: the token, None for other credentials; no secret.
        subject: the person's id at Supabase, None for other credentials.
    """

    workspace: str
    user: str | None
    session: str | None = None
    agent: str | None = None
    role: Role | None = None
    member: MemberRole = "member"
    scopes: frozenset[Scope] = frozenset(SCOPES)
    credential: CredentialKind = "bearer"
    token_id: str | None = None
    subject: str | None = None

    def may(self, scope: Scope) -> bool:
        """Whether the principal may do what a scope stands for."""
        return scope in self.scopes and scope in _OF_A_ROLE[self.member]

    def covers(self, other: "Principal") -> bool:
        """Whether it is the same user, who may still do all that the other one may."""
        whose = (self.workspace, self.user) == (other.workspace, other.user)
        return whose and all(self.may(scope) for scope in SCOPES if other.may(scope))

    def by_api_key(self) -> "Principal":
        """Return the same, presented as an API key."""
        return replace(self, credential="api_key")

    @property
    def is_bound(self) -> bool:
        """Whether the credential is one agent's or one session's, and so no person's."""
        return self.session is not None or self.agent is not None

    @property
    def owns(self) -> bool:
        """Whether the principal may see to the tokens and members of others."""
        return self.member == "owner" and self.may("manage") and not self.is_bound

    def require(self, scope: Scope) -> None:
        """Refuse what the principal may not do.

        Raises:
            Forbidden: it may not.
        """
        if not self.may(scope):
            why = "a viewer may only read" if scope in self.scopes else f'it lacks the scope "{scope}"'
            raise Forbidden(f"The credential does not allow that: {why}.", next_call="coord whoami")

    def require_session(self, session: str | None) -> None:
        """Refuse another session than the one that the credential is for; nothing is said of that session.

        Raises:
            Forbidden: it is for another session.
        """
        if self.session is not None and session != self.session:
            raise Forbidden(
                f'The credential is for session "{shown(self.session)}" alone.', next_call="coord whoami"
            )

    def require_agent(self, user: str, agent: str | None) -> None:
        """Refuse to act for another user or agent than the credential is for.

        Raises:
            Forbidden: it is for somebody else.
        """
        if self.user is not None and user != self.user:
            raise Forbidden(f'The credential is user "{shown(self.user)}"\'s.', next_call="coord whoami")
        if self.agent is not None and agent != self.agent:
            raise Forbidden(
                f'The credential is for agent "{shown(self.agent)}" alone.', next_call="coord whoami"
            )

    def require_unbound(self) -> None:
        """Refuse what is for people to an agent's credential.

        Raises:
            Forbidden: the credential is for one session or agent.
        """
        if self.is_bound:
            raise Forbidden("The credential is an agent's, and that is for people.", next_call="coord whoami")


LOCAL: Final = Principal(workspace=LOCAL_WORKSPACE, user=None, member="owner", credential="none")
"""Whoever gets through in local mode."""
