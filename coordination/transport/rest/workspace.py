"""Routes on workspaces, members and invitations. A hosted service has them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request

from coordination.domain.virtual_user import PART_MAX
from coordination.domain.workspace import Workspace
from coordination.services import invitation, workspace
from coordination.services.core import Core
from coordination.transport.hosted_gate import person_of
from coordination.transport.rest.description import MEMBER
from coordination.transport.rest.parameters import NAMED_BY_US, Authenticated, possible_name
from coordination.wire.workspace import (
    Acceptance,
    Accepted,
    InvitationList,
    Invited,
    Left,
    MemberChange,
    MemberList,
    NewInvitation,
    NewMember,
    NewWorkspace,
    Withdrawn,
    WorkspaceList,
)

UserName = Annotated[
    str,
    Path(
        description=f"The member's name, 1 to {PART_MAX} characters.",
        examples=["bob"],
        json_schema_extra={"minLength": 1, "maxLength": PART_MAX},
    ),
]
InvitationId = Annotated[
    str, Path(description="The invitation's id.", examples=["4be81f20c7aa"], json_schema_extra=NAMED_BY_US)
]


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""
    _add_workspaces(router, core)
    _add_members(router, core)
    _add_invitations(router, core)


def _add_workspaces(router: APIRouter, core: Core) -> None:
    @router.get("/workspaces", summary="List your workspaces")
    async def list_workspaces(principal: Authenticated) -> WorkspaceList:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """A token belongs to one."""
        return WorkspaceList(workspaces=await workspace.list_workspaces(core, principal))

    @router.post("/workspaces", summary="Make a workspace, and own it")
    async def create_workspace(principal: Authenticated, wanted: NewWorkspace) -> Workspace:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """People who log in make them. Name it in `x-coordination-workspace` from then on."""
        return await workspace.create(core, principal, wanted.name, wanted.user)


def _add_members(router: APIRouter, core: Core) -> None:
    @router.get("/members", summary="List the members of the workspace")
    async def list_members(principal: Authenticated) -> MemberList:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """By name."""
        return MemberList(members=await workspace.list_members(core, principal))

    @router.post("/members", summary="Add a member who works with tokens alone", responses=MEMBER)
    async def add_member(principal: Authenticated, wanted: NewMember) -> MemberList:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """For an owner, who then makes tokens for that member. People who log in are invited."""
        await workspace.add_member(core, principal, wanted.user, wanted.role)
        return MemberList(members=await workspace.list_members(core, principal))

    @router.patch("/members/{user}", summary="Give a member another role", responses=MEMBER)
    async def change_member(principal: Authenticated, user: UserName, change: MemberChange) -> MemberList:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """For an owner. A workspace keeps at least one owner; a viewer keeps no token that writes."""
        await workspace.change_member(core, principal, possible_name(user), change.role)
        return MemberList(members=await workspace.list_members(core, principal))

    @router.delete("/members/{user}", summary="Remove a member, or leave", responses=MEMBER)
    async def remove_member(principal: Authenticated, user: UserName) -> Left:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """The member's tokens work no more. What the member's agents hold ends by the clock, unless it is revoked."""
        return Left(
            user=user, tokens_revoked=await workspace.remove_member(core, principal, possible_name(user))
        )


def _add_invitations(router: APIRouter, core: Core) -> None:
    @router.get("/invitations", summary="List the invitations that nobody accepted yet")
    async def list_invitations(principal: Authenticated) -> InvitationList:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """For an owner."""
        return InvitationList(invitations=await invitation.list_invitations(core, principal))

    @router.post("/invitations", summary="Invite somebody", responses=MEMBER)
    async def invite_member(principal: Authenticated, wanted: NewInvitation) -> Invited:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """For an owner. Whoever has the code becomes that member, once; the code is in the answer and nowhere else."""
        code, invited = await invitation.invite(core, principal, wanted.user, wanted.role, wanted.days)
        return Invited(code=code, invitation=invited)

    @router.post("/memberships", summary="Become a member by the code of an invitation", responses=MEMBER)
    async def accept_invitation(request: Request, wanted: Acceptance) -> Accepted:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Who has logged in joins as that person. Who sends no credential joins by a token, which is in the answer."""
        person = person_of(request.scope)
        subject: UUID | None = None if person is None else person.subject
        joined = await invitation.accept(core, wanted.code, subject)
        return Accepted(workspace=joined.workspace, secret=joined.secret)

    @router.delete("/invitations/{invitation_id}", summary="Withdraw an invitation")
    async def withdraw_invitation(principal: Authenticated, invitation_id: InvitationId) -> Withdrawn:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """For an owner."""
        await invitation.withdraw(core, principal, possible_name(invitation_id))
        return Withdrawn(id=invitation_id)
