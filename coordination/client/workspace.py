"""`WorkspaceClient`: who one is at a hosted service, its workspaces, members, invitations and tokens, as typed calls.

Questions are repeated while the service is away, changes are sent once. Secrets stand in the answers of what makes them
and nowhere else; whoever calls shows or keeps them.
"""

from typing import Any, Final

from coordination.client.address import part
from coordination.client.channel import Channel
from coordination.domain.agent_token import AgentToken
from coordination.domain.workspace import Invitation, Member, MemberRole, Workspace
from coordination.wire.agent_token import TokenList, TokenRevoked
from coordination.wire.workspace import (
    Accepted,
    Bootstrapped,
    InvitationList,
    Invited,
    Left,
    LoginOffer,
    Me,
    MemberList,
    NewToken,
    Withdrawn,
    WorkspaceList,
)

MEMBERS: Final = "/members"
INVITATIONS: Final = "/invitations"
TOKENS: Final = "/tokens"
WORKSPACES: Final = "/workspaces"


class WorkspaceClient:
    """Asks a hosted service about people and their credentials.

    Args:
        channel: the connection to the service, with the credential of whoever asks.

    Attributes:
        url: where the service is.
    """

    def __init__(self, channel: Channel) -> None:
        self.url = channel.url
        self._channel = channel

    # --- coming in ----------------------------------------------------------------------------------------------

    def offer(self) -> LoginOffer:
        """Read how people log in here; that needs no credential."""
        return self._channel.ask("/login", LoginOffer, {})

    def bootstrap(self, user: str, workspace_name: str | None = None) -> Bootstrapped:
        """Make the first workspace and its owner; the credential is the bootstrap token, which is dead then."""
        wanted = {"user": user, "workspace_name": workspace_name}
        return self._channel.write("POST", "/bootstrap", wanted, Bootstrapped)

    def accept(self, code: str) -> Accepted:
        """Accept an invitation, as the person whose credential is sent; without one the answer holds a token."""
        return self._channel.write("POST", "/memberships", {"code": code}, Accepted)

    def me(self) -> Me:
        """Read who the credential is, and what it allows."""
        return self._channel.ask("/me", Me, {})

    # --- workspaces ---------------------------------------------------------------------------------------------

    def workspaces(self) -> list[Workspace]:
        """Read the workspaces that the caller belongs to; of a token, its one."""
        return self._channel.ask(WORKSPACES, WorkspaceList, {}).workspaces

    def create_workspace(self, name: str, user: str | None = None) -> Workspace:
        """Make a workspace that the caller owns, under the name `user` in it, or the one in this workspace."""
        return self._channel.write("POST", WORKSPACES, {"name": name, "user": user}, Workspace)

    def members(self) -> list[Member]:
        """Read the members of the workspace, by name."""
        return self._channel.ask(MEMBERS, MemberList, {}).members

    def add_member(self, user: str, role: MemberRole) -> Member:
        """Add a member who works with tokens alone."""
        added = self._channel.write("POST", MEMBERS, {"user": user, "role": role}, MemberList)
        return _named(added, user)

    def change_member(self, user: str, role: MemberRole) -> Member:
        """Give a member another role."""
        changed = self._channel.write("PATCH", f"{MEMBERS}/{part(user)}", {"role": role}, MemberList)
        return _named(changed, user)

    def remove_member(self, user: str) -> Left:
        """Remove a member with all tokens, or leave, by one's own name."""
        return self._channel.write("DELETE", f"{MEMBERS}/{part(user)}", {}, Left)

    def invitations(self) -> list[Invitation]:
        """Read the invitations that nobody accepted yet."""
        return self._channel.ask(INVITATIONS, InvitationList, {}).invitations

    def invite(self, user: str, role: MemberRole, days: int | None = None) -> Invited:
        """Invite a person under a name; the answer holds the code."""
        return self._channel.write("POST", INVITATIONS, {"user": user, "role": role, "days": days}, Invited)

    def withdraw(self, invitation_id: str) -> Withdrawn:
        """Let an invitation be accepted no more."""
        return self._channel.write("DELETE", f"{INVITATIONS}/{part(invitation_id)}", {}, Withdrawn)

    # --- tokens -------------------------------------------------------------------------------------------------

    def tokens(self) -> list[AgentToken]:
        """Read the tokens of the caller that still work; an owner sees everybody's."""
        return self._channel.ask(TOKENS, TokenList, {}).tokens

    # Any: the fields of `wire.agent_token.TokenRequest`.
    def create_token(self, **wanted: Any) -> NewToken:
        """Make a token, with the fields of `TokenRequest`; what is None is left out. The answer holds the secret."""
        return self._channel.write("POST", TOKENS, wanted, NewToken)

    def revoke_token(self, token_id: str) -> TokenRevoked:
        """Let a token work no more, for good."""
        return self._channel.write("DELETE", f"{TOKENS}/{part(token_id)}", {}, TokenRevoked)


def _named(found: MemberList, user: str) -> Member:
    """Return the member of that name, whom the service has just answered with all others."""
    return next(member for member in found.members if member.user == user)
