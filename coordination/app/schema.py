"""Bringing the database's schema up to this release, as soon as there is a database and as often as it takes.

A server looks first, cheaply, and loads the migration tool only when the database is behind. Several servers may do
so at once (`store.migration`). A database that is ahead of this release is left as it is and served: every migration
works under the release before it. When the database is away or a migration fails, the server goes on and tries again,
a migration ever more seldom; nothing here ends it. The log says what is wrong in one line, when it begins and while it
goes on; tracebacks are for the level debug.
"""

import asyncio
import time
from typing import Final, Literal

import structlog

from coordination.domain.errors import RetryLater
from coordination.domain.trouble import Told, named, tell
from coordination.store import row_policies, schema_version
from coordination.store.away import why_away
from coordination.store.database import UNREACHABLE, Database

RETRY_SECONDS: Final = 1.0
MOST_RETRY_SECONDS: Final = 30.0

State = Literal["current", "behind", "ahead", "unreachable", "migration failed"]
_log: Final = structlog.stdlib.get_logger(__name__)


class Schema:
    """The schema of one database, as this release sees it.

    Attributes:
        newest: the newest revision that this release knows.
        pause: seconds to wait before `bring_up` is worth another try.
        fits: set once the schema was seen to fit this release; never cleared, because the service lives on.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known = schema_version.known()
        self._failed = False
        self._told: Told | None = None
        self._away = ""
        self.pause = 0.0
        self.newest = self._known[-1]
        self.fits = asyncio.Event()

    async def look(self) -> tuple[State, str | None]:
        """Return the state now, and the database's revision (None when it has none or cannot tell)."""
        try:
            revision = await schema_version.applied(self._database)
        except RetryLater as error:
            cause = error.__cause__
            away = isinstance(cause, UNREACHABLE)
            self._away = why_away(cause, self._database.dsn) if away else error.message
            return "unreachable", None
        if revision == self.newest:
            return "current", revision
        if revision is None or revision in self._known:
            return ("migration failed" if self._failed else "behind"), revision
        return "ahead", revision

    async def policies(self) -> row_policies.State | Literal["unknown"]:
        """Return whether Supabase's roles have their policies, as far as the database tells."""
        try:
            return await row_policies.look(self._database)
        except RetryLater:
            return "unknown"

    async def bring_up(self) -> bool:
        """Look, migrate if that is needed, and return whether the schema fits now. Never raises."""
        try:
            state, revision = await self.look()
            if state in {"behind", "migration failed"}:
                await self._migrate()
                state, revision = await self.look()
        except Exception as error:
            self._failed = True
            self.pause = min(2 * self.pause, MOST_RETRY_SECONDS) or RETRY_SECONDS
            self._tell("migration_failed", named(error))
            _log.debug("migration_traceback", exc_info=error)
            return False
        if state == "unreachable":
            self.pause = RETRY_SECONDS
            self._tell("database_unreachable", self._away)
            return False
        if state == "ahead":
            _log.warning("schema_ahead_of_release", revision=revision, newest=self.newest)
        self._failed = False
        self.fits.set()
        return True

    async def keep_trying(self) -> None:
        """Bring the schema up, trying as often as `pause` says, and return when it fits."""
        while not await self.bring_up():  # noqa: ASYNC110 - a database sends no word when it comes back
            await asyncio.sleep(self.pause)

    async def _migrate(self) -> None:
        # Here, because loading the tool takes a second and a third of our memory, and starts rarely need it.
        from coordination.store.migration import migrate  # noqa: PLC0415

        before, after = await migrate(self._database.dsn)
        _log.info("schema_migrated", before=before, after=after)

    def _tell(self, event: str, why: str) -> None:
        """Log a trouble when it begins, and now and then while it goes on."""
        fresh = tell(self._told, f"{event}: {why}", time.monotonic())
        if fresh is not None:
            self._told = fresh
            _log.error(event, why=why, retry_seconds=self.pause)
