"""Places for calls in front of the pool: as many as it has connections, and how many are taken and wanted.

A call waits here and not in the pool, which halves the slowest calls when many meet.
"""

import asyncio


class Places:
    """A semaphore that tells how it is used.

    Args:
        size: how many places there are.

    Attributes:
        taken: how many are taken now.
        waiting: how many calls wait for one.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.taken = 0
        self.waiting = 0
        self._free = asyncio.Semaphore(size)

    async def __aenter__(self) -> None:
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.taken += 1

    async def __aexit__(self, *_: object) -> None:
        self.taken -= 1
        self._free.release()
