"""The moment's values among the metrics (gauges): they are read off the service when it is scraped.

Of several workers one is scraped, and knows nothing of the others but what they wrote down; so where there are several,
each writes its own values every few seconds. What all of them would read alike, off the database, only the one reads
that is scraped.
"""

import math
from typing import Final, NoReturn

from coordination import metrics
from coordination.domain.errors import RetryLater
from coordination.services.core import Core, repeat
from coordination.store import file_lock

EVERY_SECONDS: Final = 5.0


class Sampler:
    """Reads the moment's values of one service.

    Args:
        core: the shared parts of its use cases.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    async def scrape(self) -> bytes:
        """Read all values and write all metrics."""
        await self.sample()
        try:
            depth: float = await file_lock.queue_depth(self._core.database)
        except RetryLater:
            depth = math.nan
        self._core.metrics.queue_depth.set(depth)
        return metrics.written(self._core.metrics)

    async def sample(self) -> None:
        """Read the values of this process."""
        feed, places, gauges = self._core.feed, self._core.database.places, self._core.metrics
        gauges.event_lag.set(feed.lag_seconds)
        gauges.event_streams.set(feed.streams)
        gauges.waiting_calls.set(feed.readers - feed.streams)
        gauges.pool_size.set(places.size)
        gauges.pool_in_use.set(places.taken)
        gauges.pool_waiting.set(places.waiting)

    async def keep_sampling(self) -> NoReturn:
        """Read them every few seconds, for ever."""
        await self.sample()
        await repeat(EVERY_SECONDS, self.sample)
