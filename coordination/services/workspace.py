"""Use cases on workspaces: the first one, others, and their members. Invitations are `services.invitation`'s."""

from typing import Final
from uuid import UUID

import structlog

from coordination.domain.agent_token import digest
from coordination.domain.errors import Forbidden, MemberExists, UnknownItem
from coordination.domain.principal import LOCAL_WORKSPACE, Principal
from coordination.domain.workspace import Member, MemberRole, Workspace
from coordination.services.agent_token import new_id, new_secret
from coordination.services.authentication import new_workspace_id
from coordination.services.core import Core
from coordination.store import workspace as store

_log: Final = structlog.stdlib.get_logger(__name__)


async def bootstrap(core: Core, name: str, user: str) -> str:
    """Make the first workspace and its owner, once for ever.

    Who may do so is asked before, by the token that the service was started with.

    Returns:
        The secret of the owner's token, which nobody can be shown again.

    Raises:
        Forbidden: it was made before.
        RetryLater: the database cannot answer now.
    """
    secret, token_id = new_secret(), new_id()
    if not await store.bootstrap(core.database, name, user, token_id, digest(secret)):
        raise Forbidden("The first workspace was made before; that works once. An owner invites others.")
    _log.info("workspace_bootstrapped", workspace=LOCAL_WORKSPACE, user=user, token=token_id)
    return secret


async def is_bootstrapped(core: Core) -> bool:
    """Return whether the first workspace was made. Raises RetryLater."""
    return await store.is_bootstrapped(core.database)


async def create(core: Core, principal: Principal, name: str, user: str | None) -> Workspace:
    """Make a workspace, owned by the person who asks.

    Raises:
        Forbidden: the caller has tokens alone, or may not see to anything.
        RetryLater: the database cannot answer now.
    """
    principal.require("manage")
    if principal.subject is None:
        raise Forbidden(
            "Workspaces are made by people who log in; a token belongs to one.", next_call="coord login"
        )
    workspace, owner = new_workspace_id(), user or principal.user or ""
    await store.create(core.database, workspace, name, owner, UUID(principal.subject), personal=False)
    _log.info("workspace_created", workspace=workspace, user=owner)
    return (await store.of_member(core.database, workspace, owner))[0]


async def list_workspaces(core: Core, principal: Principal) -> list[Workspace]:
    """Read the workspaces of a person; of a token, its one. Raises RetryLater."""
    if principal.subject is not None:
        return await store.of_person(core.database, UUID(principal.subject))
    return await read_own(core, principal)


async def read_own(core: Core, principal: Principal) -> list[Workspace]:
    """Read the workspace that the caller is in now. Raises RetryLater."""
    return await store.of_member(core.database, principal.workspace, principal.user or "")


async def list_members(core: Core, principal: Principal) -> list[Member]:
    """Read the members of the caller's workspace, by name.

    Raises:
        Forbidden: the credential does not read.
        RetryLater: the database cannot answer now.
    """
    principal.require("read")
    return await store.members(core.database, principal.workspace)


async def add_member(core: Core, principal: Principal, user: str, role: MemberRole) -> None:
    """Let somebody be a member who works with tokens alone.

    Raises:
        Forbidden: the caller is no owner.
        MemberExists: the name is taken.
        RetryLater: the database cannot answer now.
    """
    require_owner(principal)
    if not await store.add_member(core.database, principal, user, role):
        raise name_is_taken(user)
    _log.info("member_added", workspace=principal.workspace, user=user, role=role, by=principal.user)


async def change_member(core: Core, principal: Principal, user: str, role: MemberRole) -> None:
    """Give a member another role.

    One who may only look then keeps no token that writes, and one who is no owner any more no invitation.

    Raises:
        Forbidden: the caller is no owner.
        LastOwner: the workspace would have no owner.
        UnknownItem: there is no such member.
        RetryLater: the database cannot answer now.
    """
    require_owner(principal)
    if await store.change_member(core.database, principal, user, role) is None:
        raise no_such_member()
    core.authentication.forget()
    _log.info("member_changed", workspace=principal.workspace, user=user, role=role, by=principal.user)


async def remove_member(core: Core, principal: Principal, user: str) -> int:
    """Take a membership away, or leave; the member's tokens work no more, everywhere within two seconds.

    The member's own invitations go too. Tokens that the member made for others are theirs, and stay. What the member's
    agents hold ends by the clock, or is revoked by a person.

    Returns:
        How many tokens were revoked.

    Raises:
        Forbidden: the caller is neither an owner nor that member.
        LastOwner: the workspace would have no owner.
        UnknownItem: there is no such member.
        RetryLater: the database cannot answer now.
    """
    if user == principal.user:
        principal.require("manage")
        principal.require_unbound()
    else:
        require_owner(principal)
    revoked = await store.change_member(core.database, principal, user, None)
    if revoked is None:
        raise no_such_member()
    core.authentication.forget()
    _log.info("member_removed", workspace=principal.workspace, user=user, by=principal.user)
    return revoked


def require_owner(principal: Principal) -> None:
    """Refuse who is no owner.

    Raises:
        Forbidden: the caller is none, or his credential does not allow it.
    """
    if not principal.owns:
        raise Forbidden("Only an owner of the workspace may do that.", next_call="coord workspace members")


def name_is_taken(user: str) -> MemberExists:
    """Return the error for a name that a member has, or somebody who is invited."""
    return MemberExists(
        f'A member, or somebody who is invited, is called "{user}". Choose another name.',
        next_call="coord workspace members",
    )


def no_such_member() -> UnknownItem:
    """Return the error for a member who is not there."""
    return UnknownItem("There is no such member.", next_call="coord workspace members")
