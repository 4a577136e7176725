"""Statements on workspaces: the first one, others, their members, and the invitations to them."""

from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from coordination.domain.principal import Principal
from coordination.domain.workspace import Invitation, Member, MemberRole, Workspace
from coordination.store.database import Database

BOOTSTRAP: Final = "SELECT to_jsonb(coordination_bootstrap_workspace($1, $2, $3, $4))"
CREATE: Final = "SELECT to_jsonb(coordination_create_workspace($1, $2, $3, $4, $5))"
ADD_MEMBER: Final = "SELECT to_jsonb(coordination_add_member($1, $2, $3, $4, $5))"
CHANGE_MEMBER: Final = "SELECT to_jsonb(coordination_change_member($1, $2, $3, $4, $5))"
INVITE: Final = "SELECT coordination_invite_member($1, $2, $3, $4, $5, $6, $7, $8)"
ACCEPT: Final = "SELECT coordination_accept_invitation($1, $2, $3, $4)"
WITHDRAW: Final = "SELECT to_jsonb(coordination_withdraw_invitation($1, $2))"
IS_BOOTSTRAPPED: Final = "SELECT EXISTS (SELECT FROM workspaces w WHERE w.bootstrapped) AS made"
MEMBERS: Final = """
    SELECT m.user_id AS user, m.role, m.subject IS NOT NULL AS logs_in, m.joined_at
    FROM workspace_members m WHERE m.workspace_id = $1 ORDER BY m.user_id
"""
INVITATIONS: Final = """
    SELECT i.id, i.user_id AS user, i.role, i.created_by, i.created_at, i.expires_at
    FROM workspace_invitations i
    WHERE i.workspace_id = $1 AND i.expires_at > clock_timestamp() ORDER BY i.created_at, i.id
"""
OF_MEMBER: Final = """
    SELECT w.id, w.name, m.user_id AS user, m.role, w.personal_of IS NOT NULL AS personal, w.created_at
    FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id
    WHERE m.workspace_id = $1 AND m.user_id = $2
"""
# Of one person in all workspaces: the person is what confines it.
OF_PERSON: Final = """
    SELECT w.id, w.name, m.user_id AS user, m.role, w.personal_of IS NOT NULL AS personal, w.created_at
    FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id
    WHERE m.subject = $1 ORDER BY w.personal_of IS NULL, w.name, w.id
"""

_MEMBERS: Final = TypeAdapter(list[Member])
_INVITATION: Final = TypeAdapter(Invitation | None)
_INVITATIONS: Final = TypeAdapter(list[Invitation])
_WORKSPACES: Final = TypeAdapter(list[Workspace])


async def bootstrap(database: Database, name: str, user: str, token_id: str, digest: bytes) -> bool:
    """Make the first workspace with its owner and a token; returns whether it was made, which happens once."""
    return orjson.loads(await database.fetch_json(BOOTSTRAP, name, user, token_id, digest))


async def is_bootstrapped(database: Database) -> bool:
    """Read whether the first workspace was made."""
    return (await database.fetch(IS_BOOTSTRAPPED))[0]["made"]


async def create(
    database: Database, workspace: str, name: str, user: str, subject: UUID, *, personal: bool
) -> bool:
    """Make a workspace with its owner; returns whether it was made."""
    return orjson.loads(await database.fetch_json(CREATE, workspace, name, user, subject, personal))


async def of_member(database: Database, workspace: str, user: str) -> list[Workspace]:
    """Read a workspace as one of its members sees it; none when the user is no member."""
    return _WORKSPACES.validate_python(
        [dict(row) for row in await database.fetch(OF_MEMBER, workspace, user)]
    )


async def of_person(database: Database, subject: UUID) -> list[Workspace]:
    """Read the workspaces of a person, the personal one first."""
    return _WORKSPACES.validate_python([dict(row) for row in await database.fetch(OF_PERSON, subject)])


async def members(database: Database, workspace: str) -> list[Member]:
    """Read the members of a workspace, by name."""
    return _MEMBERS.validate_python([dict(row) for row in await database.fetch(MEMBERS, workspace)])


async def add_member(database: Database, by: Principal, user: str, role: MemberRole) -> bool:
    """Let somebody be a member; returns False when the name is taken.

    Raises:
        Forbidden: `by` is no owner any more.
    """
    made = await database.fetch_json(ADD_MEMBER, by.workspace, by.user, by.token_id, user, role)
    return orjson.loads(made)


async def change_member(database: Database, by: Principal, user: str, role: MemberRole | None) -> int | None:
    """Give a member another role, or with None take the membership away.

    Returns:
        How many of the member's tokens were revoked; None when there is no such member.

    Raises:
        Forbidden: `by` may not do that any more.
        LastOwner: the workspace would have no owner.
    """
    changed = await database.fetch_json(CHANGE_MEMBER, by.workspace, by.user, by.token_id, user, role)
    return orjson.loads(changed)


async def invite(
    database: Database,
    by: Principal,
    invitation_id: str,
    digest: bytes,
    user: str,
    role: MemberRole,
    seconds: float,
) -> Invitation | None:
    """Keep an invitation, by the SHA-256 of its code; None when the name is taken.

    Raises:
        Forbidden: `by` is no owner any more.
    """
    return _INVITATION.validate_json(
        await database.fetch_json(
            INVITE, by.workspace, by.user, by.token_id, invitation_id, digest, user, role, seconds
        )
    )


async def invitations(database: Database, workspace: str) -> list[Invitation]:
    """Read the invitations that can still be accepted, the oldest first."""
    return _INVITATIONS.validate_python([dict(row) for row in await database.fetch(INVITATIONS, workspace)])


async def accept(
    database: Database, digest: bytes, subject: UUID | None, token_id: str, token_digest: bytes
) -> dict[str, Any] | None:
    """Use an invitation up.

    Returns:
        ``{workspace, user, role}``; None when no such invitation can be accepted.

    Raises:
        MemberExists: the person is a member already.
    """
    return orjson.loads(await database.fetch_json(ACCEPT, digest, subject, token_id, token_digest))


async def withdraw(database: Database, workspace: str, invitation_id: str) -> bool:
    """Let an invitation be accepted no more; returns whether there was one."""
    return orjson.loads(await database.fetch_json(WITHDRAW, workspace, invitation_id))
