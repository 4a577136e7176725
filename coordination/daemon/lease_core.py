"""What the parts of the table of leases share, and the few steps that several of them take."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from coordination.daemon.following import Following
from coordination.daemon.lease import Holder, Kind, Lapsed, LeaseKey, OwnLease, Why, holder_of, key_of
from coordination.daemon.lease_book import LeaseBook
from coordination.daemon.lease_calls import LeaseCalls
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.path_order import PathOrder
from coordination.domain.file_lock import Granted, Held, Lease
from coordination.domain.path import MAX_PATHS

Needs: TypeAlias = Callable[[LocalAgent, str, Sequence[str]], Awaitable[AbstractSet[str]]]
"""Says which of an agent's automatically held paths of a checkout it needs still: in a turn, or changed on disk."""
OnLost: TypeAlias = Callable[[LocalAgent, tuple[str, ...], str], None]
"""Is told that paths of an agent are protected no more, and why (`Why`)."""

MOST_TOGETHER: Final = MAX_PATHS


@dataclass(slots=True)
class LeaseCore:
    """The shared parts.

    Attributes:
        calls: what asks the service.
        following: who follows the sessions.
        needs: says what is needed still.
        on_lost: is told of what is lost.
        now: seconds that go on in sleep.
        wake: has the table look at its leases now.
        book: what is believed.
        order: who does something with which paths.
        doubted: what may have been claimed by calls whose answers got lost.
        broken_after: sessions whose events broke off and that were not read since, with the last event before.
    """

    calls: LeaseCalls
    following: Following
    needs: Needs
    on_lost: OnLost
    now: Callable[[], float]
    wake: Callable[[], None]
    book: LeaseBook = field(default_factory=LeaseBook)
    order: PathOrder = field(default_factory=PathOrder)
    doubted: set[LeaseKey] = field(default_factory=set[LeaseKey])
    broken_after: dict[str, int | None] = field(default_factory=dict[str, "int | None"])

    def known_up_to(self, session: str) -> int | None:
        """Return the last event of a session up to which none can have been missed; None when nobody knows."""
        return self.broken_after.get(session, self.following.seen(session))

    def tell_lost(self, lost: Iterable[OwnLease], why: Why) -> None:
        """Tell each agent what it lost, in one piece."""
        by_agent: dict[LocalAgent, list[str]] = defaultdict(list)
        for own in lost:
            by_agent[own.agent].append(own.lease.path)
        for agent, paths in by_agent.items():
            self.on_lost(agent, tuple(sorted(paths)), why)

    def take(self, agent: LocalAgent, granted: Granted, start: float) -> list[Lapsed]:
        """Take note of a grant that was asked for at `start`, while it is its paths' turn.

        Returns:
            Of the leases, those which take the place of one that had ended.
        """
        self.book.claimed_again(lease.fencing_token for lease in granted.leases)
        again = [one for lease in granted.leases if (one := self._replaced(agent, lease)) is not None]
        self._confirm(agent, granted, start)
        for lease in granted.leases:
            self.book.lapsed.pop(key_of(agent, lease), None)
        held = ((self.book.held.get(one.own.key), one.after) for one in again)
        return [Lapsed(own, after) for own, after in held if own is not None]

    def take_late(self, agent: LocalAgent, outcome: Granted | Held, start: float) -> None:
        """Take note of a grant whose asker gave up; whether it is needed, and what happened before, is seen next."""
        if isinstance(outcome, Granted):
            self._confirm(agent, outcome, start)
            self.wake()

    def _confirm(self, agent: LocalAgent, granted: Granted, start: float) -> None:
        fresh = set(granted.granted_tokens)
        for lease in granted.leases:
            key = key_of(agent, lease)
            kind = Kind.AUTOMATIC if lease.fencing_token in fresh or key in self.doubted else Kind.EXPLICIT
            self.doubted.discard(key)
            own = self.book.confirm(agent, lease, start=start, kind=kind)
            if own is None:
                continue
            own.used += 1
            if holder_of(agent) not in self.book.agents:
                # It left while the answer was on its way.
                self.give_back([own])
                self.wake()

    def _replaced(self, agent: LocalAgent, lease: Lease) -> Lapsed | None:
        """Return what ended before a lease was granted in its place, if anything did."""
        key = key_of(agent, lease)
        own = self.book.held.get(key)
        if key in self.book.lapsed:
            return self.book.lapsed[key]
        if own is None or own.lease.fencing_token == lease.fencing_token or not own.excludes:
            return None
        return Lapsed(own, self.known_up_to(agent.session))

    def give_back(self, leases: Iterable[OwnLease]) -> None:
        """Have leases given back, for as long as they could last."""
        for own in leases:
            self.book.end(own, self.now() + max(own.lease.expires_in_seconds, 0))


def batches(leases: Iterable[OwnLease]) -> list[list[OwnLease]]:
    """Sort leases into what one call may name: of one agent, in one checkout, not too many."""
    groups: dict[tuple[Holder, str], list[OwnLease]] = defaultdict(list)
    for own in leases:
        groups[holder_of(own.agent), own.lease.checkout].append(own)
    return [
        group[first : first + MOST_TOGETHER]
        for group in groups.values()
        for first in range(0, len(group), MOST_TOGETHER)
    ]


def keys_of(leases: Collection[OwnLease]) -> set[LeaseKey]:
    """Return where leases stand in the table."""
    return {own.key for own in leases}
