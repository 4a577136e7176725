"""Who acts over HTTP: the agent that a body names, with its role, as the use cases know it; and that it was heard of.

As over MCP a session begins with the first call for it, so its name must be one that the other transport can say too.
"""

from typing import Annotated, Final

from fastapi import Depends, Path

from coordination.domain.agent import Agent
from coordination.domain.checkout import parse_checkout, parse_terminal
from coordination.domain.errors import InvalidInput, RoleNeeded
from coordination.domain.identity import role_of
from coordination.services.core import Core
from coordination.services.planner import read_role
from coordination.transport.rest.parameters import Allowed, InSession
from coordination.wire.acting import Acting
from coordination.wire.rest import NAME_RULE, NAMED, is_name

CLIENT: Final = "http"
"""What an agent is said to have come with."""


def _joined(
    principal: Allowed,
    session: Annotated[
        str,
        Path(
            description="The session's id. A session that is not there begins with this call.",
            examples=["demo"],
            json_schema_extra={name: NAMED[name] for name in ("minLength", "maxLength", "pattern")},
        ),
    ],
) -> InSession:
    principal.require_session(session)
    if not is_name(session):
        raise InvalidInput(f"session: {NAME_RULE}.")
    return InSession(principal, session)


JoinedSession = Annotated[InSession, Depends(_joined)]


def actor(core: Core, session: InSession, who: Acting) -> Agent:
    """Return the agent that a body names, and note that it acts."""
    agent = named_agent(session, who)
    core.presence.heard(agent, called=True)
    return agent


def named_agent(session: InSession, who: Acting) -> Agent:
    """Return the agent that a body names, in the session that it is in or joins.

    Raises:
        Forbidden: the credential is not that agent's.
    """
    user, _, name = who.agent.partition("/")
    session.principal.require_agent(user, name)
    checkout = parse_checkout(who.checkout)
    return Agent(
        workspace=session.workspace,
        session=session.id,
        user=user,
        name=name,
        role=role_of(name, session.principal.role) or "implementer",
        client=CLIENT,
        checkout=checkout.key,
        checkout_root=checkout.root,
        terminal=parse_terminal(who.terminal),
    )


async def require_planner(core: Core, agent: Agent, *, role_fixed: bool) -> None:
    """Refuse an agent that is no planner; over MCP it would not see the tool.

    Raises:
        RoleNeeded: it is an implementer.
        RetryLater: the database cannot answer now.
    """
    role = agent.role if role_fixed else await read_role(core, agent)
    if role != "planner":
        raise RoleNeeded(f"Only a planner may do that, and {agent.id} is an implementer.")
