"""Use cases on the planner's role: an agent takes it, gives it back, and which role it has."""

from coordination.domain.agent import Agent
from coordination.domain.errors import UnknownItem
from coordination.domain.identity import Role
from coordination.domain.planner import HeldRole
from coordination.services.core import Core
from coordination.store import planner as store


async def take(core: Core, workspace: str, session: str, by: str, agent_id: str) -> HeldRole:
    """Let an agent have the planner's role, when no other agent that has it is there.

    Args:
        core: the shared parts.
        workspace: the tenant.
        session: the session.
        by: the person who wants it so.
        agent_id: the agent, ``user/name``; it must have been in the session.

    Raises:
        RoleTaken: another agent that has the role is there.
        UnknownItem: there is no such agent, or no such session.
        RetryLater: the database cannot answer now.
    """
    held = await store.take(core.database, workspace, session, by, agent_id)
    return _told(core, workspace, session, held)


async def give_back(core: Core, workspace: str, session: str, by: str, agent_id: str) -> HeldRole:
    """Make an agent that had taken the planner's role an implementer again.

    One that has the role by its name keeps it, and an implementer stays one.

    Raises:
        UnknownItem: there is no such agent, or no such session.
        RetryLater: the database cannot answer now.
    """
    held = await store.give_back(core.database, workspace, session, by, agent_id)
    return _told(core, workspace, session, held)


async def read_role(core: Core, agent: Agent) -> Role:
    """Return the role that an agent has in its session now.

    Whoever comes with the planner's role has it. Of anybody else the session is asked, so this is a statement.

    Raises:
        RetryLater: the database cannot answer now.
    """
    if agent.role == "planner":
        return agent.role
    return await store.read_role(core.database, agent.workspace, agent.session, agent.id) or agent.role


def _told(core: Core, workspace: str, session: str, held: HeldRole | None) -> HeldRole:
    if held is None:
        raise UnknownItem("There is no such agent in this session.", next_call="coord status --all")
    if held.changed:
        core.feed.announce(workspace, session, freed=False)
    return held
