"""What is known of a lease of an agent of this machine, and the answers to whether files may be edited.

A lease ends by the clock of the database, which nobody here can read. It is trusted until the moment at which the call
that granted, extended or read it began, plus the time that it had left then, minus a margin. The call began before the
database looked at its clock, so the lease lasts longer than it is trusted, however long the answer was on its way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from coordination.daemon.local_agent import LocalAgent
from coordination.domain.file_lock import Lease, Operation

TTL_MINUTES: Final = 5
TTL_SECONDS: Final = 60.0 * TTL_MINUTES
MARGIN_SECONDS: Final = 10.0
NEEDED_SECONDS: Final = 60.0
"""How long a lease must be trusted still for an edit to begin."""
REASON: Final = "editing"
"""The reason of automatic claims, by which they are known again after a restart."""
NEVER: Final = float("-inf")
_EVENT_DELAY: Final = 40.0
"""How late an event can come on a stream that is not known to be dead."""

Holder: TypeAlias = tuple[str, str]
"""Session and agent id."""
LeaseKey: TypeAlias = tuple[str, str, str, str]
"""Session, agent id, checkout key and path key."""


class Kind(StrEnum):
    """Who asked for a lease."""

    AUTOMATIC = "automatic"
    """The daemon did, for an edit; it is given back when nobody needs it."""
    EXPLICIT = "explicit"
    """The agent did; it is kept as long as the agent lives."""


class Why(StrEnum):
    """Why a lease protects no more."""

    UNREACHABLE = "unreachable"
    """The service could not be asked for so long that the lease may have ended."""
    TAKEN = "taken"
    """It ended, and another agent has the file."""
    TAKEN_MEANWHILE = "taken meanwhile"
    """It is held again, but another agent had the file in between, or nobody knows: read it again."""
    REVOKED = "revoked"
    """A person took it."""
    EXPIRED = "expired"
    """It ended, and could not be claimed again."""


@dataclass(frozen=True, slots=True)
class Kept:
    """All paths are held.

    Attributes:
        seconds: for how long at least that can be trusted.
        previous_holders: by path key, whose lease had expired: what is on disk may be its work.
    """

    seconds: float
    previous_holders: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether another agent has the paths; `why` is in plain words that may repeat names."""

    why: str


@dataclass(slots=True)
class OwnLease:
    """A lease of an agent of this machine.

    Attributes:
        agent: whose it is.
        lease: as the service last described it.
        kind: who asked for it.
        checkout: the working tree as the service is told, `{host}:{git top level}`; '' when only its key is known.
        trusted_until: boot seconds; `NEVER` when it is only known from an event.
        renew_at: boot seconds.
        confirmed: the book's number of when that was last heard; later numbers are greater.
        used: grows with each answer that rested on it.
        told: whether the agent was told that it cannot be trusted any more.
    """

    agent: LocalAgent
    lease: Lease
    kind: Kind
    checkout: str
    trusted_until: float
    renew_at: float
    confirmed: int
    used: int = 0
    told: bool = False

    @property
    def key(self) -> LeaseKey:
        """Where it stands in the table."""
        return key_of(self.agent, self.lease)

    @property
    def excludes(self) -> bool:
        """Whether nobody else may write there."""
        return self.lease.operation is not Operation.READ


@dataclass(frozen=True, slots=True)
class Lapsed:
    """A lease that ended, and may be claimed again; `after` is the last event that was known before, if any was."""

    own: OwnLease
    after: int | None


def holder_of(agent: LocalAgent) -> Holder:
    """Return who holds the leases of an agent."""
    return agent.session, agent.id


def key_of(agent: LocalAgent, lease: Lease) -> LeaseKey:
    """Return where a lease of an agent stands in the table."""
    return agent.session, agent.id, lease.checkout, lease.key


def kind_of(lease: Lease) -> Kind:
    """Return who asked for a lease that is seen for the first time."""
    return Kind.AUTOMATIC if lease.reason == REASON else Kind.EXPLICIT


def trusted_until(lease: Lease, start: float) -> float:
    """Return until when a lease is trusted whose description was asked for at `start`."""
    return start + lease.expires_in_seconds - MARGIN_SECONDS


def renew_at(lease: Lease, start: float) -> float:
    """Return when to renew it: at half of its time, or of what renewing gives it."""
    left = lease.expires_in_seconds
    return start + left - min(left, TTL_SECONDS) / 2


def first_renewal(lease: Lease, at: float) -> float:
    """Return when to renew a lease of which an event told at `at`, some time after it was written."""
    return max(at, renew_at(lease, at) - _EVENT_DELAY)
