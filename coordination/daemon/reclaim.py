"""Claiming again what ended by the clock, after sleep or after the service was away, as long as nobody took it.

What ended never comes back, so this is a new grant, and between the two somebody else may have had the file, and
written it. The grant itself names only a lease that was still there; one that was taken and given back in between
left nothing but its events. So they are read, from the last one that was known before the lease ended: first to see
whether it was given back or revoked instead, which is not undone here, and then, after the new grant, whether anybody
else had claimed the path. When they cannot be read, nobody knows, and the holder is told to look.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import partial

from coordination.client.errors import RequestRefused
from coordination.daemon.connection import ServiceAway
from coordination.daemon.lease import Holder, Kind, Lapsed, OwnLease, Why, holder_of
from coordination.daemon.lease_calls import Happened, Wanted
from coordination.daemon.lease_core import LeaseCore, keys_of
from coordination.domain.event import EventKind
from coordination.domain.file_lock import Granted, Held, Lease
from coordination.domain.path import normalise, overlaps


class Reclaim:
    """Claims again what lapsed."""

    def __init__(self, core: LeaseCore) -> None:
        self._core = core

    async def reclaim(self) -> None:
        """Go through all that lapsed; what cannot be asked for now stays for the next time."""
        groups: dict[tuple[Holder, str, str, str], list[Lapsed]] = defaultdict(list)
        for one in self._core.book.lapsed.values():
            lease = one.own.lease
            group = holder_of(one.own.agent), lease.checkout, str(lease.operation), lease.reason or ""
            groups[group].append(one)
        await asyncio.gather(*(self._try(group) for group in groups.values()))

    async def check_between(self, again: Collection[Lapsed], granted: Granted) -> None:
        """Tell the holder of leases that took the place of ended ones if somebody else had claimed there in between."""
        if not again:
            return
        leases = [one.own for one in again]
        try:
            happened = await self._core.calls.happened(leases[0].agent.session, _first(again))
        except (ServiceAway, RequestRefused):
            happened = None
        taken = _taken_between(leases, happened, granted.previous_holders)
        self._core.tell_lost(taken, Why.TAKEN_MEANWHILE)

    async def _try(self, group: list[Lapsed]) -> None:
        try:
            await self._reclaim(group)
        except ServiceAway:
            return
        except RequestRefused:
            # It will not be granted by asking again.
            self._give_up([one.own for one in group], Why.EXPIRED)

    async def _reclaim(self, group: list[Lapsed]) -> None:
        core = self._core
        leases = [one.own for one in group]
        happened = await core.calls.happened(leases[0].agent.session, _first(group))
        if happened is not None:
            self._forget(leases, happened.ended, EventKind.LOCK_RELEASED)
            core.tell_lost(self._forget(leases, happened.ended, EventKind.LOCK_REVOKED), Why.REVOKED)
        await self._forget_unneeded(leases)
        async with core.order.turn(keys_of(leases)):
            again, granted = await self._claim(leases)
        if granted is not None:
            await self.check_between(again, granted)

    async def _claim(self, leases: list[OwnLease]) -> tuple[list[Lapsed], Granted | None]:
        """Claim what is still lapsed; what others have is told and left out, until the rest is granted."""
        core = self._core
        while left := self._lapsed(leases):
            start, lease, agent = core.now(), left[0].lease, left[0].agent
            paths = tuple(own.lease.path for own in left)
            wanted = Wanted(agent, left[0].checkout, paths, lease.operation, lease.reason or "")
            outcome = await core.calls.claim(wanted, partial(core.take_late, agent, start=start))
            if isinstance(outcome, Granted):
                return core.take(agent, outcome, start), outcome
            self._give_up(_refused(left, outcome), Why.TAKEN)
        return [], None

    def _lapsed(self, leases: Iterable[OwnLease]) -> list[OwnLease]:
        lapsed = self._core.book.lapsed
        return [own for own in leases if own.key in lapsed and lapsed[own.key].own is own]

    def _forget(self, leases: list[OwnLease], ended: Mapping[int, str], kind: EventKind) -> list[OwnLease]:
        """Forget what lapsed only seemingly, because an event of this kind ended it; returns it."""
        found = [own for own in self._lapsed(leases) if ended.get(own.lease.fencing_token) == kind]
        for own in found:
            del self._core.book.lapsed[own.key]
        return found

    async def _forget_unneeded(self, leases: list[OwnLease]) -> None:
        left = [own for own in self._lapsed(leases) if own.kind is Kind.AUTOMATIC]
        if not left:
            return
        needed = await self._core.needs(left[0].agent, left[0].checkout, [own.lease.path for own in left])
        for own in self._lapsed(left):
            if own.lease.path not in needed:
                del self._core.book.lapsed[own.key]

    def _give_up(self, leases: list[OwnLease], why: Why) -> None:
        lost = self._lapsed(leases)
        for own in lost:
            del self._core.book.lapsed[own.key]
        self._core.tell_lost(lost, why)


def _first(lapsed: Collection[Lapsed]) -> int | None:
    """Return the event after which all that matters happened; None when nobody knows it."""
    numbers = [one.after for one in lapsed if one.after is not None]
    return min(numbers) if numbers and len(numbers) == len(lapsed) else None


def _refused(leases: list[OwnLease], held: Held) -> list[OwnLease]:
    """Return what of a refused claim stands in somebody's way; all of it if that cannot be told."""
    wanted = {normalise(one.wanted, literal=True).key for one in (*held.conflicts, *held.ahead)}
    return [own for own in leases if own.lease.key in wanted] or leases


def _taken_between(
    leases: Collection[OwnLease], happened: Happened | None, previous_holders: Mapping[str, str]
) -> list[OwnLease]:
    """Return which leases somebody else had in between, or may have had."""
    if happened is None:
        return list(leases)
    return [
        own
        for own in leases
        if any(_is_anothers(own, lease) for lease in happened.claimed)
        or any(
            overlaps(own.lease.key, key) for key, holder in previous_holders.items() if holder != own.agent.id
        )
    ]


def _is_anothers(own: OwnLease, lease: Lease) -> bool:
    """Whether a lease is another agent's, on a path of ours in the same tree."""
    same = lease.checkout == own.lease.checkout or "" in {lease.checkout, own.lease.checkout}
    return lease.agent_id != own.agent.id and same and overlaps(own.lease.key, lease.key)
