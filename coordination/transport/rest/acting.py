"""Who acts over HTTP: the agent that a body names, with its role, as the use cases know it; and that it was heard of.

As over MCP a session begins with the first call for it, so its name must be one that the other transport can say too.
"""

from typing import Annotated, Final

from fastapi import Depends, Path

from coordination.domain.agent import Agent
from coordination.domain.checkout import parse_checkout, parse_terminal
from coordination.domain.errors import InvalidInput, RoleNeeded
from coordination.domain.identity import Role, role_of
from coordination.services.core import Core
from coordination.services.planner import read_role
from coordination.transport.rest.parameters import WORKSPACE
from coordination.wire.acting import Acting
from coordination.wire.rest import NAME_RULE, NAMED, is_name

CLIENT: Final = "http"
"""What an agent is said to have come with."""


def _joined(
    session: Annotated[
        str,
        Path(
            description="The session's id. A session that is not there begins with this call.",
            examples=["demo"],
            json_schema_extra={name: NAMED[name] for name in ("minLength", "maxLength", "pattern")},
        ),
    ],
) -> str:
    if not is_name(session):
        raise InvalidInput(f"session: {NAME_RULE}.")
    return session


JoinedSession = Annotated[str, Depends(_joined)]


def actor(core: Core, session: str, who: Acting) -> Agent:
    """Return the agent that a body names, and note that it acts."""
    agent = named_agent(session, who)
    core.presence.heard(agent, called=True)
    return agent


def named_agent(session: str, who: Acting) -> Agent:
    """Return the agent that a body names, in the session that it is in or joins."""
    user, _, name = who.agent.partition("/")
    checkout = parse_checkout(who.checkout)
    return Agent(
        workspace=WORKSPACE,
        session=session,
        user=user,
        name=name,
        role=_role(name),
        client=CLIENT,
        checkout=checkout.key,
        checkout_root=checkout.root,
        terminal=parse_terminal(who.terminal),
    )


async def require_planner(core: Core, agent: Agent) -> None:
    """Refuse an agent that is no planner; over MCP it would not see the tool.

    Raises:
        RoleNeeded: it is an implementer.
        RetryLater: the database cannot answer now.
    """
    if await read_role(core, agent) != "planner":
        raise RoleNeeded(f"Only a planner may do that, and {agent.id} is an implementer.")


def _role(name: str) -> Role:
    """The role that an agent comes with."""
    return role_of(name) or "implementer"
