"""Giving leases back: those that nobody needs any more, those that are released, and all of an agent that leaves.

From the moment at which a lease is to be given back nobody here relies on it. While the service is away it is tried
again with every look, for as long as the lease can last; after that it has ended by itself.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coordination.client.errors import RequestRefused
from coordination.daemon.connection import ServiceAway
from coordination.daemon.lease import TTL_SECONDS, Holder, Kind, OwnLease, holder_of
from coordination.daemon.lease_book import LeaseBook
from coordination.daemon.lease_calls import LEASE_LOST
from coordination.daemon.lease_core import LeaseCore, batches, keys_of
from coordination.daemon.local_agent import LocalAgent
from coordination.domain.agent import WhyLeft


@dataclass(frozen=True, slots=True)
class Leaving:
    """An agent that leaves, and the service is still to be told; until when that makes sense."""

    agent: LocalAgent
    why: WhyLeft
    until: float


class GivingBack:
    """Gives leases back."""

    def __init__(self, core: LeaseCore) -> None:
        self._core = core
        self._leaving: dict[Holder, Leaving] = {}

    def stays(self, agent: LocalAgent) -> None:
        """An agent is here (again): what it claims is not to be given back."""
        self._leaving.pop(holder_of(agent), None)

    async def let_go(self) -> None:
        """Have automatic leases given back that their agents do not need any more."""
        automatic = [own for own in self._core.book.held.values() if own.kind is Kind.AUTOMATIC]
        await asyncio.gather(*(self._let_go(batch) for batch in batches(automatic)))

    async def release(self, agent: LocalAgent, keys: Iterable[str] | None) -> None:
        """Give back what an agent holds: paths by their keys, in any checkout, or everything.

        A claim that is under way for one of the paths is waited for first.
        """
        core, holder = self._core, holder_of(agent)
        wanted = None if keys is None else frozenset(keys)
        mine = core.order.busy(holder) | keys_of(core.book.of(holder))
        concerned = {key for key in mine if wanted is None or key[3] in wanted}
        async with core.order.turn(concerned):
            leases = [own for own in core.book.of(holder) if wanted is None or own.lease.key in wanted]
            core.give_back(leases)
            for key in [key for key in core.book.lapsed if key[:2] == holder and _meant(key[3], wanted)]:
                del core.book.lapsed[key]
            await self._flush(leases)

    async def leave(self, agent: LocalAgent, why: WhyLeft) -> None:
        """Give back everything of an agent that leaves, also what it claimed without our knowing yet."""
        core, holder = self._core, holder_of(agent)
        core.book.agents.pop(holder, None)
        self._leaving[holder] = Leaving(agent, why, core.now() + TTL_SECONDS)
        await self.release(agent, None)
        await self._end_leaving()

    async def flush(self) -> None:
        """Try once more to give back all that is to be given back."""
        await self._end_leaving()
        ending = [own for own, _ in self._core.book.ending.values()]
        await asyncio.gather(*(self._in_turn(batch) for batch in batches(ending)))

    async def _let_go(self, batch: list[OwnLease]) -> None:
        core, first = self._core, batch[0]
        used = [own.used for own in batch]
        needed = await core.needs(first.agent, first.checkout, [own.lease.path for own in batch])
        # Whoever was told meanwhile that it holds one of them goes on to write.
        core.give_back(
            own
            for own, before in zip(batch, used, strict=True)
            if own.lease.path not in needed and own.used == before and core.book.held.get(own.key) is own
        )

    async def _in_turn(self, batch: list[OwnLease]) -> None:
        async with self._core.order.turn(keys_of(batch)):
            await self._flush(batch)

    async def _flush(self, leases: Sequence[OwnLease]) -> None:
        """Give back what is still to be given back of some leases, whose turn it is."""
        book = self._core.book
        for batch in batches(own for own in leases if own.lease.fencing_token in book.ending):
            try:
                await self._release(batch)
            except (ServiceAway, RequestRefused):
                # It stays, to be tried again; what the service refuses for other reasons ends by time.
                continue

    async def _release(self, batch: list[OwnLease]) -> None:
        core = self._core
        try:
            await core.calls.release(batch)
        except RequestRefused as refused:
            if refused.code != LEASE_LOST:
                raise
            listed = {lease.fencing_token for lease in await core.calls.read(batch[0].agent.session)}
            left = [own for own in batch if own.lease.fencing_token in listed]
            _note_ended(core.book, [own for own in batch if own not in left], core.now())
            if left:
                await core.calls.release(left)
                _note_ended(core.book, left, core.now())
        else:
            _note_ended(core.book, batch, core.now())

    async def _end_leaving(self) -> None:
        at = self._core.now()
        for holder, leaving in list(self._leaving.items()):
            if leaving.until <= at:
                del self._leaving[holder]
        await asyncio.gather(*(self._leave(holder) for holder in list(self._leaving)))

    async def _leave(self, holder: Holder) -> None:
        """Have an agent leave at the service, which releases what nobody here knew of, and its places in the queue."""
        core, leaving = self._core, self._leaving.get(holder)
        if leaving is None:
            # It came back before this began.
            return
        try:
            departure = await core.calls.leave(leaving.agent, leaving.why)
        except (ServiceAway, RequestRefused):
            return
        # Of an agent that came back meanwhile, what it has claimed since may be among it.
        core.book.ended([lease.fencing_token for lease in departure.released], core.now())
        if self._leaving.get(holder) is leaving:
            del self._leaving[holder]


def _meant(key: str, wanted: frozenset[str] | None) -> bool:
    return wanted is None or key in wanted


def _note_ended(book: LeaseBook, leases: Iterable[OwnLease], at: float) -> None:
    book.ended([own.lease.fencing_token for own in leases], at)
