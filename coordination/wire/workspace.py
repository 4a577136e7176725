"""What goes over the wire about workspaces: logging in, members, invitations. Only a hosted service answers it."""

from typing import Annotated, Final

from pydantic import BaseModel, Field

from coordination.domain.agent_token import AgentToken
from coordination.domain.identity import Role
from coordination.domain.workspace import NAME_MAX, Invitation, Member, MemberRole, Workspace
from coordination.wire.rest import Body, Person
from coordination.wire.text import PlainText

INVITATION_DAYS: Final = 7
INVITATION_DAYS_MAX: Final = 90

WorkspaceName = Annotated[
    PlainText, Field(min_length=1, max_length=NAME_MAX, description="How people call it.")
]


class LoginOffer(BaseModel):
    """How people log in here. `supabase_url` and `supabase_key` are None where no Supabase project is set."""

    supabase_url: str | None
    supabase_key: str | None
    bootstrap: bool = Field(description="Whether the first workspace is still to be made.")


class Bootstrap(Body):
    """The first workspace and its owner."""

    user: Annotated[
        Person, Field(description="The owner's name, which stands in the URLs of the owner's agents.")
    ]
    workspace_name: WorkspaceName = "team"


class Bootstrapped(BaseModel):
    """The owner's token, which is shown this once. It is for all that an owner may do, until it is revoked."""

    secret: str
    workspace: str
    user: str


class Me(BaseModel):
    """Who the credential is, and what it allows."""

    workspace: str
    workspace_name: str
    user: str
    role: MemberRole
    scopes: list[str]
    session: str | None
    agent: str | None
    agent_role: Role | None
    token_id: str | None


class NewToken(BaseModel):
    """A token with its secret, which is shown this once."""

    secret: str
    token: AgentToken
    workspace: str


class NewWorkspace(Body):
    """A workspace to make; whoever asks owns it."""

    name: WorkspaceName
    user: Annotated[
        Person | None, Field(description="The owner's name in it; by default the one in this workspace.")
    ] = None


class WorkspaceList(BaseModel):
    """The workspaces of a person; of a token, its one."""

    workspaces: list[Workspace]


class NewMember(Body):
    """A member who works with tokens alone."""

    user: Person
    role: MemberRole = "member"


class MemberChange(Body):
    """Another role for a member."""

    role: MemberRole


class MemberList(BaseModel):
    """All members of the workspace, by name."""

    members: list[Member]


class Left(BaseModel):
    """Who is no member any more, with how many of their tokens."""

    user: str
    tokens_revoked: int


class NewInvitation(Body):
    """An invitation for one person."""

    user: Annotated[Person, Field(description="The name that the member will have.")]
    role: MemberRole = "member"
    days: Annotated[int, Field(ge=1, le=INVITATION_DAYS_MAX, description="How long it can be accepted.")] = (
        INVITATION_DAYS
    )


class Invited(BaseModel):
    """An invitation with its code, which is shown this once."""

    code: str
    invitation: Invitation


class InvitationList(BaseModel):
    """The invitations that nobody accepted yet."""

    invitations: list[Invitation]


class Withdrawn(BaseModel):
    """The invitation that cannot be accepted any more."""

    id: str


class Acceptance(Body):
    """The code of an invitation."""

    code: Annotated[str, Field(min_length=1, max_length=100)]


class Accepted(BaseModel):
    """The workspace that was joined, and for whoever did not log in a token, which is shown this once."""

    workspace: Workspace
    secret: str | None
