"""What a history is made of, as values: calls, events, waiters, faults, readers and the last rows of locks and tasks.

The fields and their units are described once, in the package's docstring. Nothing here judges anything.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import ConfigDict

FileOperation = Literal["read", "write", "delete"]
TaskStatus = Literal["started", "in_progress", "completed", "failed", "blocked"]
Outcome = Literal["ok", "held", "fail", "unknown"]
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One path of a claim, as an answer, an event or the lock table states it."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    path: str
    token: int
    operation: FileOperation = "write"
    checkout: str = ""
    granted_at: float | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """What a sync reported on a task."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    task: str
    status: TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPlan:
    """A plan as its planner wanted it."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    id: str
    depends_on: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the history as a whole contains and how its two clocks relate."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["header"] = "header"
    events: bool = False
    waiters: bool = False
    tasks: bool = False
    snapshot_at: float | None = None
    clock_offset: float | None = None
    clock_error: float = 0.0
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of one client, with what it heard."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["call"] = "call"
    id: int
    client: str
    session: str
    agent: str
    checkout: str = ""
    kind: str
    paths: tuple[str, ...] = ()
    operation: FileOperation = "write"
    ttl_seconds: float = 900.0
    wait_seconds: float = 0.0
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    invoked: float
    completed: float | None = None
    outcome: Outcome = "unknown"
    code: str = ""
    at: float | None = None
    leases: tuple[Lease, ...] = ()
    seqs: tuple[int, ...] = ()
    report: TaskReport | None = None
    offered: str = ""
    plan: AskedPlan | None = None

    def __str__(self) -> str:
        """Name the call as a sentence does."""
        what = ", ".join(self.paths[:4]) + (", ..." if len(self.paths) > 4 else "")
        if self.report is not None:
            what = f"{self.report.status} {self.report.task}"
        elif self.plan is not None:
            what = f"plan {self.plan.id}"
        mode = f" for {self.operation}" if self.kind == "claim" else ""
        return f"call {self.id} ({self.agent}: {self.kind} [{what}]{mode}, {self.outcome})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of the event table."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["event"] = "event"
    session: str
    seq: int
    kind: str
    agent: str = ""
    created_at: float
    leases: tuple[Lease, ...] = ()
    call: int | None = None
    task: str = ""
    plan: str = ""
    kept: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Name the event as a sentence does."""
        what = f' of "{self.task}"' if self.task else ""
        return f"event {self.seq} of {self.session} ({self.kind}{what} by {self.agent})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiter:
    """One place in the queue of a session."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["waiter"] = "waiter"
    session: str
    ticket: int
    agent: str
    checkout: str = ""
    paths: tuple[str, ...]
    operation: FileOperation = "write"
    enqueued_at: float
    live: tuple[tuple[float, float], ...] = ()
    kept: tuple[tuple[float, float], ...] = ()
    granted_at: float | None = None
    left_at: float | None = None
    dead_after: float | None = None

    def __str__(self) -> str:
        """Name the waiter as a sentence does."""
        wish = f"{self.operation} [{', '.join(self.paths[:4])}]"
        return f"waiter {self.ticket} of {self.session} ({self.agent}: {wish})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A time in which something was stopped or dead on purpose, recovery included."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["fault"] = "fault"
    from_: float
    until: float
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The events that one reader saw, in its order."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["reader"] = "reader"
    id: str
    session: str
    after: int = 0
    seqs: tuple[int, ...] = ()
    until: int | None = None
    kinds: tuple[str, ...] | None = None
    told: tuple[tuple[str, float], ...] | None = None
    way: str = ""
    resumed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRow:
    """One row of the lock table at the end."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["lock"] = "lock"
    session: str
    agent: str
    lease: Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """One row of the table of tasks at the end."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["task"] = "task"
    session: str
    id: str
    status: TaskStatus | Literal["pending"]
    agent: str = ""


Record = Header | Call | Event | Waiter | Fault | Reader | LockRow | TaskRow


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Everything that is known about one run."""

    header: Header = field(default_factory=Header)
    calls: tuple[Call, ...] = ()
    events: tuple[Event, ...] = ()
    waiters: tuple[Waiter, ...] = ()
    faults: tuple[Fault, ...] = ()
    readers: tuple[Reader, ...] = ()
    locks: tuple[LockRow, ...] = ()
    tasks: tuple[TaskRow, ...] = ()

    def records(self) -> tuple[Record, ...]:
        """All records, the header first."""
        return (
            self.header,
            *self.calls,
            *self.events,
            *self.waiters,
            *self.faults,
            *self.readers,
            *self.locks,
            *self.tasks,
        )
