"""Sessions as people look at them: the list of sessions, of agents, and one session's agents, locks and queue."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from coordination.domain.agent import Presence
from coordination.domain.file_lock import Lease, Operation
from coordination.domain.task import Progress


class AcrossCheckouts(StrEnum):
    """What a lease in one checkout means for claims in another one of the session."""

    WARN = "warn"
    BLOCK = "block"


class SessionState(StrEnum):
    """Whether a session is in use; joining a closed one opens it again."""

    ACTIVE = "active"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """One session in a list."""

    id: str
    name: str
    description: str | None
    user: str
    status: str
    across_checkouts: AcrossCheckouts
    created_at: datetime
    agents: int
    locks: int
    last_activity: datetime | None


@dataclass(frozen=True, slots=True)
class AgentSummary:
    """One agent in a list.

    Attributes:
        agent_id: ``user/name``.
        client: what it came with at first, such as `claude`.
        quiet_seconds: since it was last heard of.
        lock_count: how many leases it has.
    """

    agent_id: str
    name: str
    user: str | None
    role: str
    client: str | None
    presence: Presence
    quiet_seconds: float
    checkout: str
    checkout_root: str | None
    lock_count: int
    joined_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """One place in the queue: at most five of `path_count` paths. `parked`: its call ended, the place is kept."""

    paths: tuple[str, ...]
    path_count: int
    operation: Operation
    since: datetime
    ticket: int
    parked: bool


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """One agent of a session.

    Attributes:
        agent_id: ``user/name``.
        quiet_seconds: since it was last heard of.
        checkout_root: the folder it works in, None when not known.
        locks: at most twenty of `lock_count` leases.
        terminals: how many terminals used its name within two minutes, as far as they are known.
        listed_at, called_at: when it last listed and called the tools.
    """

    agent_id: str
    name: str
    user: str | None
    role: str
    presence: Presence
    quiet_seconds: float
    checkout: str
    checkout_root: str | None
    task: Progress | None
    locks: tuple[Lease, ...]
    lock_count: int
    waiting: tuple[Waiting, ...]
    terminals: int
    listed_at: datetime | None
    called_at: datetime | None


@dataclass(frozen=True, slots=True)
class Departure:
    """What came of an agent's leaving.

    Attributes:
        agent_id: ``user/name``.
        left: whether it was there until now, and is no more.
        released: the leases that it had, all of them.
    """

    agent_id: str
    left: bool
    released: tuple[Lease, ...]


@dataclass(frozen=True, slots=True)
class WaitsFor:
    """That one agent's claim waits for another agent."""

    waiting: str
    blocking: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """Leases of two agents on one path in different checkouts: their trees will meet at merge."""

    path: str
    agent_id: str
    other_path: str
    other_agent_id: str


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """One page of a session's status; `next_cursor` is None on the last page."""

    now: datetime
    session: str
    status: str
    across_checkouts: AcrossCheckouts
    agents: tuple[AgentStatus, ...]
    waits: tuple[WaitsFor, ...]
    overlaps: tuple[Overlap, ...]
    totals: dict[str, Any] = field(default_factory=dict[str, Any])
    next_cursor: str | None = None
