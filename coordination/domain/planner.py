"""The planner's role: what became of it when an agent took it or gave it back.

The agent named `planner` has the role, always. Another one can take it when it is free: no other agent that has it is
there, by presence. Taking makes whoever had taken it before an implementer. Who wins is decided in the database.
"""

from dataclasses import dataclass

from coordination.domain.identity import Role


@dataclass(frozen=True, slots=True)
class HeldRole:
    """The role of an agent after it took the planner's or gave it back.

    Attributes:
        agent_id: ``user/name``.
        role: what it is now.
        changed: whether it was something else before.
        taken_from: the ids of the agents that had taken the role before, and are implementers now.
    """

    agent_id: str
    role: Role
    changed: bool
    taken_from: tuple[str, ...]
