"""One after the other on the same path of the same agent: what takes a lease and what gives it back.

A claim of what an agent holds extends it under the same token. Were the lease being given back at that moment, the
claim could be served first, be answered with that token, and the release that follows would end what the claim
promised. So whoever claims or gives back waits until nobody else does that with one of the paths. Renewals need no
turn: one that comes too late is refused, and changes nothing.

All paths are taken at once or not at all, so nobody waits while others wait for it.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager

from coordination.daemon.lease import Holder, LeaseKey


class PathOrder:
    """Who does something with which paths just now."""

    def __init__(self) -> None:
        self._busy: set[LeaseKey] = set()
        self._freed = asyncio.Event()

    def busy(self, holder: Holder) -> set[LeaseKey]:
        """Return the paths with which something is being done for an agent."""
        return {key for key in self._busy if key[:2] == holder}

    @asynccontextmanager
    async def turn(self, keys: Collection[LeaseKey]) -> AsyncGenerator[None]:
        """Wait for one's turn on all paths, and have it in the block."""
        mine = frozenset(keys)
        while not self._busy.isdisjoint(mine):
            self._freed.clear()
            await self._freed.wait()
        self._busy |= mine
        try:
            yield
        finally:
            self._busy -= mine
            self._freed.set()
