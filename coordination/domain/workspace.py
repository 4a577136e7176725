"""Workspaces and who belongs to them: the tenants, their members, and the codes that invite others."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

MemberRole = Literal["owner", "member", "viewer"]
"""An owner sees to members and everybody's tokens, a member works with agents, a viewer looks."""

MEMBER_ROLES: Final[tuple[MemberRole, ...]] = ("owner", "member", "viewer")
NAME_MAX: Final = 100
"""Characters of a workspace's display name."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace as one of its members sees it.

    Attributes:
        id: what a person's requests name in `x-coordination-workspace`.
        name: how people call it.
        user: the member's name in it.
        role: the member's role in it.
        personal: whether it is the one that the member got with the first login.
        created_at: when it was made.
    """

    id: str
    name: str
    user: str
    role: MemberRole
    personal: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a workspace.

    Attributes:
        user: the name, which stands in the URLs of the member's agents.
        role: what the member may do.
        logs_in: whether the member logs in as a person; others have tokens alone.
        joined_at: when the member came.
    """

    user: str
    role: MemberRole
    logs_in: bool
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that was not accepted yet. Its code was shown when it was made.

    Attributes:
        id: what names it, no secret.
        user: the name that the member will have.
        role: the role that the member will have.
        created_by: who made it.
        created_at: when.
        expires_at: until when it can be accepted.
    """

    id: str
    user: str
    role: MemberRole
    created_by: str
    created_at: datetime
    expires_at: datetime
