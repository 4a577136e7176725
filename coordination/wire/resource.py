"""The resources of the MCP endpoint: their addresses, and what each holds as JSON.

An address names no session: it is the caller's own. A resource is bounded. What follows is under the address that its
`next` says, and what was left out is counted. Words of agents stand quoted, with who wrote them.
"""

from typing import Any, Final
from urllib.parse import quote

from coordination.wire.agent import AgentAnswer
from coordination.wire.plan import AssignmentAnswer
from coordination.wire.text import AnswerPart, UntrustedText

SESSION: Final = "coordination://session"
LOCKS: Final = "coordination://locks"
EVENTS: Final = "coordination://events"
PROMPT: Final = "coordination://prompt"
ANALYSIS: Final = "coordination://analysis"


def prompt_of(agent: str) -> str:
    """Return the address of what an agent is told first."""
    return f"{PROMPT}/{quote(agent, safe='')}"


def analysis_of(analysis_id: str) -> str:
    """Return the address of an analysis."""
    return f"{ANALYSIS}/{quote(analysis_id, safe='')}"


def following(address: str, after: str | int) -> str:
    """Return the address of the page that follows `after`."""
    return f"{address}?after={quote(str(after), safe='')}"


class SessionContent(AnswerPart):
    """Who is here, doing what: the agents that are present or hold something, by id."""

    session: str
    status: str
    across_checkouts: str
    agents: list[AgentAnswer]
    conflicts: list[str]
    totals: dict[str, Any]
    next: str | None = None


class LeaseContent(AnswerPart):
    """One live lease. `operation` is one of `Operation`; a checkout that is not known is left out."""

    path: str
    operation: str
    agent: str
    expires_in_seconds: int
    granted_at: str
    expires_at: str
    checkout: str | None = None
    task_id: str | None = None
    reason: UntrustedText | None = None


class WaiterContent(AnswerPart):
    """One place in the queue: the first of the paths that an agent waits for, and how many there are."""

    agent: str
    operation: str
    paths: list[str]
    path_count: int
    since: str


class LocksContent(AnswerPart):
    """A page of the live leases by path, and the queue in its order."""

    session: str
    locks: list[LeaseContent]
    lock_count: int
    waiting: list[WaiterContent]
    waiting_count: int
    next: str | None = None


class EventContent(AnswerPart):
    """One event. Of its payload: the first paths and their number, what was said, and short facts by name."""

    seq: int
    kind: str
    at: str
    agent: str | None = None
    paths: list[str] | None = None
    path_count: int | None = None
    message: UntrustedText | None = None
    facts: dict[str, str | int] | None = None


class EventsContent(AnswerPart):
    """Events in order, without gaps: `cursor` is the number of the last, `earlier` and `later` are not shown.

    Those up to `removed_up_to` are not kept any more.
    """

    session: str
    events: list[EventContent]
    cursor: int
    earlier: int
    later: int
    previous: str | None = None
    next: str
    removed_up_to: int | None = None


class SignContent(AnswerPart):
    """One sign that a task touches a file; `source` is one of `Source`."""

    source: str
    confidence: float
    reason: str


class ForeseenContent(AnswerPart):
    """A file that a task is likely to write, and every sign of it."""

    path: str
    confidence: float
    signs: list[SignContent]


class CollisionContent(AnswerPart):
    """Another task that would write the same files: the likeliest of them, and how many more there are."""

    task: str
    severity: str
    likelihood: float
    files: list[str]
    more: int | None = None


class AnalysedTaskContent(AnswerPart):
    """A task, all of its files, and its collisions with tasks that were handed in after it."""

    id: str
    description: UntrustedText | None = None
    given: list[str] | None = None
    depends_on: list[str] | None = None
    work: float
    files: list[ForeseenContent]
    collisions: list[CollisionContent] | None = None


class AnalysisContent(AnswerPart):
    """A page of an analysis, task by task in the order in which they were handed in.

    The first page has what is about all tasks too: their order, and the split. What waits because of a file is told of
    the tasks of the page.
    """

    session: str
    analysis_id: str
    agent: str
    recommended_agent_count: int
    task_count: int
    conflict_count: int
    order: list[str] | None = None
    assignments: list[AssignmentAnswer] | None = None
    waits_for: dict[str, list[str]] | None = None
    tasks: list[AnalysedTaskContent]
    more_tasks: int | None = None
    next: str | None = None
