"""Bringing the database's schema up to this release, as soon as there is a database and as often as it takes.

A server looks first, cheaply, and loads the migration tool only when the database is behind. Several servers may do
so at once (`store.migration`). A database that is ahead of this release is left as it is and served: every migration
works under the release before it. When the database is away or a migration fails, the server goes on and tries again;
nothing here ends it.
"""

import asyncio
from typing import Final, Literal

import structlog

from coordination.domain.errors import RetryLater
from coordination.store import file_lock, schema_version
from coordination.store.database import Database

RETRY_SECONDS: Final = 1.0

State = Literal["current", "behind", "ahead", "unreachable", "migration failed"]
_log: Final = structlog.stdlib.get_logger(__name__)


class Schema:
    """The schema of one database, as this release sees it.

    Attributes:
        newest: the newest revision that this release knows.
        fits: set once the schema was seen to fit this release; never cleared, because the service lives on.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known = schema_version.known()
        self._failed = False
        self._told: object = None
        self.newest = self._known[-1]
        self.fits = asyncio.Event()

    async def look(self) -> tuple[State, str | None]:
        """Return the state now, and the database's revision (None when it has none or cannot tell)."""
        try:
            revision = await schema_version.applied(self._database)
        except RetryLater:
            return "unreachable", None
        if revision == self.newest:
            return "current", revision
        if revision is None or revision in self._known:
            return ("migration failed" if self._failed else "behind"), revision
        return "ahead", revision

    async def bring_up(self) -> bool:
        """Look, migrate if that is needed, and return whether the schema fits now. Never raises."""
        try:
            state, revision = await self.look()
            if state in {"behind", "migration failed"}:
                await self._migrate()
                state, revision = await self.look()
            if state in {"current", "ahead"}:
                await file_lock.raise_tokens(self._database)
        except Exception as error:
            self._failed = True
            self._tell_once("migration_failed", error)
            return False
        if state == "unreachable":
            self._tell_once("database_unreachable", None)
            return False
        if state == "ahead":
            _log.warning("schema_ahead_of_release", revision=revision, newest=self.newest)
        self._failed = False
        self.fits.set()
        return True

    async def keep_trying(self) -> None:
        """Bring the schema up, trying once a second, and return when it fits."""
        while not await self.bring_up():  # noqa: ASYNC110 - a database sends no word when it comes back
            await asyncio.sleep(RETRY_SECONDS)

    async def _migrate(self) -> None:
        # Here, because loading the tool takes a second and a third of our memory, and starts rarely need it.
        from coordination.store.migration import migrate  # noqa: PLC0415

        before, after = await migrate(self._database.dsn)
        _log.info("schema_migrated", before=before, after=after)

    def _tell_once(self, event: str, error: Exception | None) -> None:
        """Log a trouble when it begins, not each time it is met again."""
        trouble = (event, repr(error))
        if trouble != self._told:
            self._told = trouble
            _log.error(event, exc_info=error, retry_seconds=RETRY_SECONDS)
