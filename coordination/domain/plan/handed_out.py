"""A plan that was handed out: tasks as rows of the session, each with whom it is for and what it waits for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

_BEGUN: Final = frozenset({"started", "in_progress", "blocked"})


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A task of a plan as it was handed out.

    Attributes:
        task_id: its id in the session.
        description: the planner's words, cleaned.
        assigned_to: the agent it is for, `user/name`.
        depends_on: tasks that have to be completed before, because it was said or because of a file.
        files: what it is predicted to write, likeliest first.
        status: `pending` until somebody starts it; in an earlier plan `replaced` when a later one took its place.
        agent_id: who has it, None when nobody has.
        work: the estimate, in units that only compare.
    """

    task_id: str
    description: str | None
    assigned_to: str | None
    depends_on: tuple[str, ...]
    files: tuple[str, ...]
    status: str = "pending"
    agent_id: str | None = None
    work: float = 0.0

    @property
    def whose(self) -> str | None:
        """The agent that has it and has not ended it, whoever it was for; else the one that it is for."""
        return (self.agent_id if self.status in _BEGUN else None) or self.assigned_to

    @property
    def is_left(self) -> bool:
        """Whether there is still something to do."""
        return self.status != "completed"


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """One plan of a session in a list; the attributes are those of `Plan`."""

    revision: int
    analysis_id: str
    agent_count: int
    agent_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of a session.

    Attributes:
        revision: 1 for the first plan of the session.
        analysis_id: the analysis that it was made of.
        agent_count: for how many agents.
        agent_id: who planned.
        tasks: in the order of the plan; of the latest as they are now, of an earlier one as they were handed out, but
            with the status and the holder that they have now.
    """

    revision: int
    analysis_id: str
    agent_count: int
    agent_id: str
    created_at: datetime
    tasks: tuple[HandedOut, ...]
