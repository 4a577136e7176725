"""Reading the leases of a session, when events alone cannot tell: at the start, after a break, and in doubt.

A session is settled when its events are current and its leases were read since. Only then the absence of bad news is
good news. One list answers for all agents of the session.
"""

import asyncio
from contextlib import suppress

from coordination.client.errors import RequestRefused
from coordination.daemon.connection import ServiceAway
from coordination.daemon.lease import kind_of
from coordination.daemon.lease_core import LeaseCore


class LeaseReading:
    """Keeps the book in step with the service's lists."""

    def __init__(self, core: LeaseCore) -> None:
        self._core = core
        self._read: set[str] = set()
        self._breaks: dict[str, int] = {}
        self._doubted: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def is_settled(self, session: str) -> bool:
        """Return whether the book is right about a session, but for what is on its way."""
        return session in self._read and self._core.following.is_current(session)

    def unsettle(self, session: str) -> None:
        """Something may have been missed."""
        self._read.discard(session)
        self._breaks[session] = self._breaks.get(session, 0) + 1
        self._core.broken_after.setdefault(session, self._core.following.seen(session))

    def doubt(self, session: str) -> None:
        """Something may have happened that no answer told; it is read with the next look."""
        self._doubted.add(session)

    def begin(self, session: str) -> None:
        """Read a session beside what is going on, once more when it is being read already."""
        self._doubted.add(session)
        if session not in self._tasks:
            task = self._tasks[session] = asyncio.create_task(self._until_sure(session))
            task.add_done_callback(lambda _: self._tasks.pop(session, None))

    async def read_doubted(self) -> None:
        """Read every session of which there is doubt; one that cannot be read stays in doubt."""
        await asyncio.gather(*(self._try(session) for session in sorted(self._doubted)))

    async def read(self, session: str) -> None:
        """Read a session now.

        Raises:
            ServiceAway: nobody answered.
            RequestRefused: the service refused.
        """
        core, breaks = self._core, self._breaks.get(session)
        self._doubted.discard(session)
        asked, start = core.book.number(), core.now()
        try:
            leases = await core.calls.read(session)
        except BaseException:
            self._doubted.add(session)
            raise
        for lease in leases:
            agent = core.book.agents.get((session, lease.agent_id))
            if agent is not None:
                core.book.confirm(agent, lease, start=start, kind=kind_of(lease))
        if gone := core.book.absent(session, leases, asked):
            core.book.lapse(gone, core.known_up_to(session), core.now())
            core.wake()
        core.doubted = {key for key in core.doubted if key[0] != session}
        # A list that was asked for before a break says nothing about what was missed in it.
        if breaks == self._breaks.get(session):
            self._read.add(session)
            core.broken_after.pop(session, None)

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_sure(self, session: str) -> None:
        while session in self._doubted:
            if not await self._try(session):
                return

    async def _try(self, session: str) -> bool:
        with suppress(ServiceAway, RequestRefused):
            await self.read(session)
            return True
        return False
