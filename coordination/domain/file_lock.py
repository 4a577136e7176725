"""Leases on files: what a claim asks for and what can come of it.

A file lock is a lease (design section 5): it has a holder, was granted at a database instant, ends at another, and
carries a fencing token that no other grant ever had. Expired means free, at once and for everybody. Contention is
an outcome (`Held`), not an error. Who wins is decided in SQL alone; these are the values that go in and come out.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from coordination.domain.path import LockPath


class Operation(StrEnum):
    """What the holder means to do. Reads share; write and delete exclude everybody else."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"


class Wait(StrEnum):
    """How a claim that meets a conflict goes on."""

    NO = "no"
    """Answer at once."""
    QUEUE = "wait"
    """Enter the queue, or refresh the caller's place in it."""
    PARK = "park"
    """Last look before the call ends: keep the place for two minutes."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one call wants, all or nothing.

    Attributes:
        paths: at least one, sorted by key, no key twice.
        ttl_seconds: how long the lease shall last from its grant.
        reason: cleaned text, shown to whoever is refused.
        task_id: the task the work belongs to; None means the caller's started task.
        request_id: the call that it came with, by which a waiting one can be taken back.
    """

    paths: tuple[LockPath, ...]
    operation: Operation
    ttl_seconds: int
    reason: str | None = None
    task_id: str | None = None
    request_id: str = ""

    @property
    def keys(self) -> list[str]:
        """Conflict keys, in the order of `paths`."""
        return [path.key for path in self.paths]

    @property
    def probe(self) -> list[str]:
        """The keys and all their ancestors: a lease on any of these covers part of the claim."""
        return sorted({key for path in self.paths for key in (path.key, *path.ancestors)})

    @property
    def ranges(self) -> tuple[list[str], list[str]]:
        """Lower and upper bounds of the keys below the claimed paths, as two parallel lists.

        A path below another claimed path adds none, so that no two ranges overlap.
        """
        claimed = set(self.keys)
        bounds = [bound for path in self.paths if claimed.isdisjoint(path.ancestors) for bound in path.ranges]
        return [low for low, _ in bounds], [high for _, high in bounds]


@dataclass(frozen=True, slots=True)
class Lease:
    """One granted file lock. Instants are the database's; `checkout` is '' when it is not known."""

    path: str
    key: str
    operation: Operation
    checkout: str
    agent_id: str
    fencing_token: int
    granted_at: datetime
    expires_at: datetime
    expires_in_seconds: float
    reason: str | None = None
    task_id: str | None = None

    @property
    def held_seconds(self) -> float:
        """How long it had been held when it was read."""
        return (self.expires_at - self.granted_at).total_seconds() - self.expires_in_seconds


@dataclass(frozen=True, slots=True)
class Conflict(Lease):
    """A live lease that stands in a claim's way; `wanted` is the claimed path that it overlaps."""

    wanted: str = ""


@dataclass(frozen=True, slots=True)
class Ahead:
    """An earlier live waiter that a claim must let pass first.

    Attributes:
        paths: the first three of what it waits for.
        wanted: the claimed path that meets one of them, which is `awaited`.
    """

    agent_id: str
    operation: Operation
    paths: tuple[str, ...]
    queued_at: datetime
    wanted: str
    awaited: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A conflicting lease in another checkout: no obstacle now, but the trees will meet at merge."""

    path: str
    locked_by: str
    checkout: str
    checkout_root: str | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """The claim was granted whole. `granted_tokens` are the new grants; the other leases were extended."""

    outcome: Literal["granted"]
    leases: tuple[Lease, ...]
    granted_tokens: tuple[int, ...]
    previous_holders: dict[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[Elsewhere, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody else has part of it; nothing was claimed.

    Attributes:
        conflicts: at most twenty leases in the way; `conflict_count` says how many there are.
        ahead: at most ten earlier waiters that must be let past.
        queue_position: 1 is next in line; without a place in the queue, the position a waiter would get.
        ticket: the caller's place in the queue, None when it has none.
        next_expiry_seconds: until the first of the leases ends by itself, None when only waiters are in the way.
    """

    outcome: Literal["held"]
    conflicts: tuple[Conflict, ...]
    conflict_count: int
    ahead: tuple[Ahead, ...]
    queue_position: int
    ticket: int | None
    next_expiry_seconds: float | None


@dataclass(frozen=True, slots=True)
class Renewed:
    """All named leases were extended."""

    outcome: Literal["renewed"]
    leases: tuple[Lease, ...]


@dataclass(frozen=True, slots=True)
class Released:
    """All named leases were given back."""

    outcome: Literal["released"]
    leases: tuple[Lease, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """Some named paths (`lost`, keys) are not live grants of the caller, so nothing was changed; `held` are."""

    outcome: Literal["lost"]
    lost: tuple[str, ...]
    held: tuple[str, ...]
