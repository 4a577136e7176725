"""Use cases on invitations: whoever has the code of one becomes a member, once.

The code is what counts, never an address: what a log-in says of somebody's e-mail is not proof of anything here.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from coordination.domain.agent_token import INVITATION_PREFIX, digest
from coordination.domain.errors import UnknownItem
from coordination.domain.principal import SCOPES, Principal
from coordination.domain.workspace import Invitation, MemberRole, Workspace
from coordination.services.agent_token import new_id, new_secret
from coordination.services.core import Core
from coordination.services.workspace import name_is_taken, require_owner
from coordination.store import workspace as store

_DAY_SECONDS: Final = 86_400
_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What an invitation led to.

    Attributes:
        workspace: the workspace that was joined.
        secret: the token of a member who did not log in; None for a person.
    """

    workspace: Workspace
    secret: str | None


async def invite(
    core: Core, principal: Principal, user: str, role: MemberRole, days: int
) -> tuple[str, Invitation]:
    """Invite somebody.

    Returns:
        The code, which nobody can be shown again, and what is known of the invitation.

    Raises:
        Forbidden: the caller is no owner, or with a credential that is not for all that a member gets.
        MemberExists: the name is taken.
        RetryLater: the database cannot answer now.
    """
    require_owner(principal)
    for scope in SCOPES:
        principal.require(scope)
    code = new_secret(INVITATION_PREFIX)
    invitation = await store.invite(
        core.database,
        principal,
        new_id(),
        digest(code),
        user,
        role,
        days * _DAY_SECONDS,
    )
    if invitation is None:
        raise name_is_taken(user)
    _log.info("member_invited", workspace=principal.workspace, user=user, role=role, by=principal.user)
    return code, invitation


async def list_invitations(core: Core, principal: Principal) -> list[Invitation]:
    """Read the invitations that nobody accepted yet.

    Raises:
        Forbidden: the caller is no owner.
        RetryLater: the database cannot answer now.
    """
    require_owner(principal)
    return await store.invitations(core.database, principal.workspace)


async def withdraw(core: Core, principal: Principal, invitation_id: str) -> None:
    """Let an invitation be accepted no more.

    Raises:
        Forbidden: the caller is no owner.
        UnknownItem: there is no such invitation.
        RetryLater: the database cannot answer now.
    """
    require_owner(principal)
    if not await store.withdraw(core.database, principal.workspace, invitation_id):
        raise UnknownItem("There is no such invitation.", next_call="coord workspace invitations")
    _log.info(
        "invitation_withdrawn", workspace=principal.workspace, invitation=invitation_id, by=principal.user
    )


async def accept(core: Core, code: str, subject: UUID | None) -> Acceptance:
    """Become a member by the code of an invitation.

    Args:
        core: the shared parts.
        code: the code.
        subject: the person who logged in; None gives the new member a token instead.

    Raises:
        UnknownItem: the code is wrong, was used, withdrawn, or is too old; which of them, nobody is told.
        MemberExists: the person is a member already.
        RetryLater: the database cannot answer now.
    """
    secret, token_id = new_secret(), new_id()
    joined = await store.accept(core.database, digest(code), subject, token_id, digest(secret))
    if joined is None:
        raise UnknownItem("No invitation with this code can be accepted. Ask an owner for a new one.")
    core.authentication.forget()
    _log.info("invitation_accepted", workspace=joined["workspace"], user=joined["user"], role=joined["role"])
    workspace = (await store.of_member(core.database, joined["workspace"], joined["user"]))[0]
    return Acceptance(workspace, secret if subject is None else None)
