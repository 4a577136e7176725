"""Tasks, what agents report on them, and the news that a report is answered with."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from coordination.domain.file_lock import Lease


class TaskStatus(StrEnum):
    """What an agent can report. Only `STARTED` leads out of `COMPLETED` and `FAILED`."""

    STARTED = "started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    BLOCKED = "blocked"


class TaskState(StrEnum):
    """Where a task stands: `PENDING` until somebody starts it, then what its holder last reported."""

    PENDING = "pending"
    STARTED = "started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Report:
    """What an agent reports in one sync; a field that is None keeps its value.

    Attributes:
        task_id: the task, together with `status`, or None.
        message: cleaned text.
        paths: affected files as shown to people; `path_keys` runs in parallel.
        to: ids or names of the agents that the message is for.
    """

    task_id: str | None = None
    status: TaskStatus | None = None
    progress_percentage: int | None = None
    message: str | None = None
    paths: tuple[str, ...] | None = None
    path_keys: tuple[str, ...] | None = None
    to: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a task after a report. `message` and `affected_files` are the agents' own words."""

    task_id: str
    status: TaskStatus
    progress_percentage: int | None = None
    message: str | None = None
    affected_files: tuple[str, ...] | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a session, planned or not, with what its holder last reported.

    Attributes:
        description: the planner's words, None for a task that no plan knows.
        agent_id: who has it, None when nobody has.
        assigned_to: the agent that a plan meant it for.
        depends_on: tasks that have to be completed before.
        files: what it was predicted to write, likeliest first.
        work: the estimate, in units that only compare.
        plan_revision: the plan that it belongs to.
        message, affected_files: the holder's own words.
        taken_at: since when `agent_id` has it.
    """

    task_id: str
    status: TaskState
    updated_at: datetime
    description: str | None = None
    agent_id: str | None = None
    assigned_to: str | None = None
    depends_on: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    work: float | None = None
    plan_revision: int | None = None
    progress_percentage: int | None = None
    message: str | None = None
    affected_files: tuple[str, ...] | None = None
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was sent in a session.

    Attributes:
        id: the number of its event.
        sender: an agent's id, or a person's name.
        text: the sender's own words.
        to: ids of the agents that it was sent to.
    """

    id: int
    sender: str
    text: str
    to: tuple[str, ...]
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class NewsItem:
    """One event that concerns an agent; `id` is the event's number in the session."""

    id: int
    kind: str
    at: datetime
    payload: dict[str, Any]
    from_agent: str | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What happened since the last sync.

    Attributes:
        cursor: the number of the event that it reaches.
        more: whether there is more.
        removed_up_to: the number of the last event that was removed after its time before the agent read it; None when
            nothing is missing.
    """

    items: tuple[NewsItem, ...]
    cursor: int
    more: bool
    removed_up_to: int | None = None


@dataclass(frozen=True, slots=True)
class NextTask:
    """The next task that is assigned to an agent and waits for nothing."""

    task_id: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Awaited:
    """A task that has to be completed before another can begin; `agent_id` is None while nobody has it."""

    task_id: str
    status: str
    agent_id: str | None = None


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """A task that is assigned to an agent and cannot begin yet."""

    task_id: str
    waits_for: tuple[Awaited, ...]


@dataclass(frozen=True, slots=True)
class NamesakeTask:
    """A task that could begin, of a plan that took another user for the one that an agent of this name has."""

    task_id: str
    assigned_to: str


@dataclass(frozen=True, slots=True)
class Synced:
    """The answer to one sync.

    Attributes:
        task: the reported task afterwards, None when none was reported.
        sent_to: ids of the agents a message went to, None when none was sent.
        released: leases that ended with the task.
        leases: the agent's leases, first to end first, at most twenty of `lease_count`.
        open_task: the task that the agent started last and is still at.
        waiting_task: the first of its tasks that cannot begin yet.
        namesake_task: the first one that is for another user's agent of the same name who never came; None for an
            agent that has tasks of its own.
    """

    now: datetime
    task: Progress | None
    sent_to: tuple[str, ...] | None
    released: tuple[Lease, ...]
    news: News
    leases: tuple[Lease, ...]
    lease_count: int
    next_task: NextTask | None
    open_task: str | None = None
    waiting_task: WaitingTask | None = None
    namesake_task: NamesakeTask | None = None
