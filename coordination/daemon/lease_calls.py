"""What the table of leases asks the service, one call each. It keeps nothing and believes nothing.

What means the same when it is done twice is tried once more if it failed at once: after sleep, and after a restart of
the service, the first to use a connection finds that it is dead.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from coordination.client.agent import AgentClient
from coordination.client.errors import RequestRefused
from coordination.client.service import ServiceClient
from coordination.daemon.connection import ServiceAway
from coordination.daemon.lease import REASON, TTL_MINUTES, OwnLease
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent
from coordination.domain.agent import WhyLeft
from coordination.domain.event import Event, EventKind
from coordination.domain.file_lock import Granted, Held, Lease, Operation
from coordination.domain.session import Departure

LEASE_LOST: Final = "lease_lost"
NOT_FOUND: Final = "not_found"
ANSWER_SECONDS: Final = 8.0
LIST_SECONDS: Final = 20.0
_AT_ONCE: Final = 1.0
_PAGE: Final = 200
_MOST_PAGES: Final = 100
_LEASES: Final = TypeAdapter(tuple[Lease, ...])

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to claim for an agent.

    Attributes:
        agent: who claims.
        checkout: the working tree, `{host}:{git top level}`, or ''.
        paths: as they are on disk.
        operation: what for.
        reason: shown to whoever is refused.
        wait_seconds: how long to wait for one's turn.
    """

    agent: LocalAgent
    checkout: str
    paths: tuple[str, ...]
    operation: Operation = Operation.WRITE
    reason: str = REASON
    wait_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Happened:
    """What events say of leases.

    Attributes:
        ended: by token, the kind of the event that ended it.
        claimed: what was claimed to be written or deleted.
        last: the number of the last event that was read.
    """

    ended: dict[int, str]
    claimed: tuple[Lease, ...]
    last: int


class LeaseCalls:
    """Asks the service; every call may raise `ServiceAway` and `RequestRefused`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def claim(self, wanted: Wanted, late: Callable[[Granted | Held], None]) -> Granted | Held:
        """Claim all or nothing; `late` takes an answer that came after this gave up."""

        def work(client: ServiceClient) -> Granted | Held:
            return _acting(client, wanted.agent, wanted.checkout).claim(
                list(wanted.paths),
                operation=wanted.operation,
                duration_minutes=TTL_MINUTES,
                wait_seconds=wanted.wait_seconds,
                reason=wanted.reason,
                literal=True,
            )

        return await self._twice(work, ANSWER_SECONDS + wanted.wait_seconds, late)

    async def renew(self, batch: Sequence[OwnLease]) -> tuple[Lease, ...]:
        """Extend leases of one agent in one checkout, all or none."""
        leases, first = [own.lease for own in batch], batch[0]
        return await self._twice(
            lambda client: _acting(client, first.agent, first.checkout).renew(
                leases, duration_minutes=TTL_MINUTES
            ),
            ANSWER_SECONDS,
        )

    async def release(self, batch: Sequence[OwnLease]) -> tuple[Lease, ...]:
        """Give leases of one agent in one checkout back, all or none; asked once."""
        leases, first = [own.lease for own in batch], batch[0]
        return await self._link.call(
            lambda client: _acting(client, first.agent, first.checkout).release(leases),
            seconds=ANSWER_SECONDS,
        )

    async def leave(self, agent: LocalAgent, why: WhyLeft) -> Departure:
        """Have an agent leave its session, with all that it holds there."""
        return await self._twice(
            lambda client: _acting(client, agent, agent.checkout).leave(why), ANSWER_SECONDS
        )

    async def read(self, session: str) -> list[Lease]:
        """Read all live leases of a session; of one that is not there, none."""
        try:
            return await self._twice(lambda client: client.locks(session), LIST_SECONDS)
        except RequestRefused as refused:
            if refused.code == NOT_FOUND:
                return []
            raise

    async def happened(self, session: str, after: int | None) -> Happened | None:
        """Read what happened to leases after an event; None when nobody knows, because events were removed."""
        if after is None:
            return None
        events = await self._twice(lambda client: _events(client, session, after), LIST_SECONDS)
        if events is None:
            return None
        ended: dict[int, str] = {}
        claimed: list[Lease] = []
        for event in events:
            if event.kind in {EventKind.LOCK_RELEASED, EventKind.LOCK_REVOKED, EventKind.LOCK_EXPIRED}:
                ended |= {lease.fencing_token: event.kind for lease in leases_of(event)}
            elif event.kind == EventKind.LOCK_CLAIMED:
                claimed += [lease for lease in leases_of(event) if lease.operation is not Operation.READ]
        return Happened(ended, tuple(claimed), events[-1].seq if events else after)

    async def _twice(
        self, work: Callable[[ServiceClient], T], seconds: float, late: Callable[[T], None] | None = None
    ) -> T:
        begun = time.monotonic()
        try:
            return await self._link.call(work, seconds=seconds, late=late)
        except ServiceAway:
            if time.monotonic() - begun > _AT_ONCE:
                raise
        return await self._link.call(work, seconds=seconds, late=late)


def leases_of(event: Event) -> tuple[Lease, ...]:
    """Return the leases of which an event tells; none when it cannot be read."""
    # Any: JSON.
    locks: Any = event.payload.get("locks", [])
    try:
        return _LEASES.validate_python(locks)
    except ValidationError:
        return ()


def _acting(client: ServiceClient, agent: LocalAgent, checkout: str) -> AgentClient:
    return client.acting(agent.session, agent.id, checkout=checkout, terminal=str(agent.terminal))


def _events(client: ServiceClient, session: str, after: int) -> list[Event] | None:
    found: list[Event] = []
    for _ in range(_MOST_PAGES):
        page = client.events(session, after, limit=_PAGE)
        if page.removed_up_to is not None:
            return None
        found += page.events
        after = page.next_after
        if len(page.events) < _PAGE:
            return found
    return None
