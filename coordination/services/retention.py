"""Removing what is past its time: events, closed sessions, and what else would grow without bound.

Claims come first. Each step removes a bounded number of rows, holds a session's lock for some milliseconds at most,
and only where nobody holds it; between two steps there is a rest that is longer than a step. What was in use is left
for the next round. Several servers may do it at once: of two steps in one session one finds the lock taken. A round
that a failure or a stop ends is taken up by the next one, because a step leaves nothing half done.

Who has not read yet what is removed is told so: numbers of events have no gaps, so whoever comes back with an older one
sees by the first number that follows how far they are gone (`services.event_stream`, and the news of a sync).
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Final

import structlog

from coordination.domain.retention import Retention
from coordination.store import retention as store
from coordination.store.database import Database

SWEEP_EVERY_SECONDS: Final = 300.0
REST_SECONDS: Final = 0.05
"""How long it rests after each step at least."""
REST_STEPS: Final = 9
"""It rests for so many times what the step took: whoever claims has nine tenths of the time on a slow machine too."""
MOST_TRIES: Final = 10
"""How often it finds a session in use before it leaves it for the next round."""
_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True)
class Removed:
    """What a round removed. Of events those of sessions that went are not counted apart."""

    events: int = 0
    sessions: int = 0
    indexes: int = 0
    credentials: int = 0


class Sweeper:
    """Removes what is past its time.

    Args:
        database: where it is.
        retention: what is past its time.
        rest: waits so many seconds, and returns whether to go on.
    """

    def __init__(
        self, database: Database, retention: Retention, rest: Callable[[float], Awaitable[bool]]
    ) -> None:
        self._database = database
        self._retention = retention
        self._rest = rest

    async def sweep(self) -> Removed:
        """Go through everything once.

        Raises:
            RetryLater: the database cannot answer now.
        """
        removed = Removed()
        try:
            async for workspace, session in self._due():
                await self._sweep_session(workspace, session, removed)
            while await self._rest(REST_SECONDS) and await store.sweep_index(self._database, self._retention):
                removed.indexes += 1
            while gone := await store.sweep_credentials(self._database):
                removed.credentials += gone
        finally:
            if any(asdict(removed).values()):
                _log.info("past_removed", **asdict(removed))
        return removed

    async def _due(self) -> AsyncGenerator[tuple[str, str]]:
        place: tuple[str, str] | None = ("", "")
        while place is not None:
            found, place = await store.due(self._database, place, self._retention)
            for pair in found:
                yield pair
            if not await self._rest(REST_SECONDS):
                return

    async def _sweep_session(self, workspace: str, session: str, removed: Removed) -> None:
        gone_up_to, in_use = 0, 0
        while in_use < MOST_TRIES:
            begun = time.monotonic()
            step = await store.sweep(self._database, workspace, session, self._retention, gone_up_to)
            rest = max(REST_SECONDS, REST_STEPS * (time.monotonic() - begun))
            if step is None:
                in_use += 1
            else:
                removed.events += step.events
                removed.sessions += step.session
                gone_up_to, in_use = step.up_to, 0
            if (step and not step.more) or not await self._rest(rest):
                return
