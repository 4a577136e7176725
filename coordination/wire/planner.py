"""What the HTTP API takes about the planner's role."""

from coordination.wire.rest import NOBODY, AgentId, Body, Person


class RoleChange(Body):
    """Whose role is to change.

    Attributes:
        agent: the agent, `user/name`.
        by: the person who wants it so.
    """

    agent: AgentId
    by: Person = NOBODY
