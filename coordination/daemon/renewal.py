"""Renewing leases at half of their time, those of one agent and checkout together.

A renewal names the exact grants and is all or nothing. When one of them is no more the service refuses all; then the
session is read, what is gone lapses, and the rest is renewed.
"""

import asyncio
from typing import Final

from coordination.client.errors import RequestRefused
from coordination.daemon.connection import ServiceAway
from coordination.daemon.lease import OwnLease, Why
from coordination.daemon.lease_calls import LEASE_LOST
from coordination.daemon.lease_core import LeaseCore, batches
from coordination.daemon.lease_reading import LeaseReading

TOGETHER_SECONDS: Final = 60.0
"""What is due so soon is renewed together with what is due now, so that many files need few calls."""
AGAIN_SECONDS: Final = 5.0


class Renewal:
    """Renews what is held."""

    def __init__(self, core: LeaseCore, reading: LeaseReading) -> None:
        self._core = core
        self._reading = reading

    async def renew_due(self) -> None:
        """Renew what is due, and what is due soon of the same agents."""
        at = self._core.now()
        soon = [own for own in self._core.book.held.values() if own.renew_at <= at + TOGETHER_SECONDS]
        due = [batch for batch in batches(soon) if any(own.renew_at <= at for own in batch)]
        await asyncio.gather(*(self._renew(batch) for batch in due))

    def tell_untrusted(self) -> None:
        """Tell the holders of what could not be renewed in time that nobody protects it; once for each lease."""
        at = self._core.now()
        late = [own for own in self._core.book.held.values() if own.trusted_until <= at and not own.told]
        for own in late:
            own.told = True
        self._core.tell_lost(late, Why.UNREACHABLE)

    async def _renew(self, batch: list[OwnLease]) -> None:
        try:
            await self._ask(batch)
        except RequestRefused as refused:
            if refused.code == LEASE_LOST:
                await self._without_lost(batch)
            else:
                self._later(batch)
        except ServiceAway:
            # It stays due, and is tried again when the service is back.
            return

    async def _without_lost(self, batch: list[OwnLease]) -> None:
        """Find out what is no more, and renew the rest."""
        try:
            await self._reading.read(batch[0].agent.session)
            if left := self._still_held(batch):
                await self._ask(left)
        except RequestRefused:
            self._later(batch)
        except ServiceAway:
            return

    async def _ask(self, batch: list[OwnLease]) -> None:
        core, start = self._core, self._core.now()
        renewed = await core.calls.renew(batch)
        still = {own.lease.fencing_token for own in self._still_held(batch)}
        for lease in renewed:
            # What was given back while the answer was on its way stays so.
            if lease.fencing_token in still:
                own = core.book.held[batch[0].agent.session, lease.agent_id, lease.checkout, lease.key]
                core.book.confirm(own.agent, lease, start=start, kind=own.kind)

    def _still_held(self, batch: list[OwnLease]) -> list[OwnLease]:
        return [own for own in batch if self._core.book.held.get(own.key) is own]

    def _later(self, batch: list[OwnLease]) -> None:
        at = self._core.now() + AGAIN_SECONDS
        for own in batch:
            own.renew_at = max(own.renew_at, at)
