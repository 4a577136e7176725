"""What goes over the wire about agents' tokens. Only a hosted service answers it."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from coordination.domain.agent_token import DAYS_MAX, LABEL_MAX, AgentToken
from coordination.domain.identity import Role
from coordination.wire.rest import Body, Person
from coordination.wire.text import PlainText


class TokenRequest(Body):
    """A token to make. What is left out is not bound: any session, any agent, the role by the agent's name."""

    user: Annotated[Person | None, Field(description="Whose it is; an owner may name another member.")] = None
    session: Annotated[Person | None, Field(description="The one session that it is for.")] = None
    agent: Annotated[Person | None, Field(description="The one agent that it is for.")] = None
    role: Annotated[Role | None, Field(description="The role that it gives its agent, for good.")] = None
    scopes: Annotated[
        list[Literal["read", "write", "manage"]],
        Field(
            min_length=1,
            max_length=3,
            description="What it is for; at most what its maker's credential is for.",
            default_factory=lambda: ["read", "write"],
        ),
    ]
    label: Annotated[PlainText, Field(max_length=LABEL_MAX, description="What people call it.")] = ""
    days: Annotated[int | None, Field(ge=1, le=DAYS_MAX, description="How long it works; null for ever.")] = (
        90
    )


class TokenList(BaseModel):
    """The tokens of the caller that still work; an owner sees everybody's."""

    tokens: list[AgentToken]


class TokenRevoked(BaseModel):
    """The token that works no more."""

    id: str
