"""Applying the migrations: the one way by which the schema comes into being and changes.

Alembic is the only source of DDL; the revisions live in the top-level folder `migrations` (inside the package in a
wheel). Several servers may start at once: whoever comes second waits for the first and finds nothing to do. This
module does not know what the revisions contain.
"""

import asyncio
import io
from typing import Any, Final

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from coordination.store.schema_version import VERSION_TABLE, folder

_LOCK: Final = "SELECT pg_advisory_xact_lock(20261120)"
_PATIENCE: Final = "SET LOCAL lock_timeout = '60s'"


def head() -> str:
    """Return the newest revision that this release knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError("the migrations folder holds no revision")
    return revision


async def current(dsn: str) -> str | None:
    """Return the database's revision, None when it was never migrated.

    Raises:
        OSError, asyncpg.PostgresError: the database cannot be reached.
    """
    return await _with_connection(dsn, _current)


async def migrate(dsn: str, to: str = "head") -> tuple[str | None, str | None]:
    """Bring the database to revision `to` ("head", "base", or a revision) and return (before, after)."""

    def run(connection: Connection) -> tuple[str | None, str | None]:
        connection.execute(text(_PATIENCE))
        connection.execute(text(_LOCK))
        before = _current(connection)
        target = head() if to == "head" else to
        config = _config(connection)
        if to == "base" or _is_below(target, before):
            command.downgrade(config, to)
        else:
            command.upgrade(config, to)
        return before, _current(connection)

    return await _with_connection(dsn, run)


def script(to: str = "head") -> str:
    """Return the SQL that brings an empty (or the deployment guide's) database to revision `to`."""
    output = io.StringIO()
    command.upgrade(_config(output=output), to, sql=True)
    return output.getvalue()


def down_script() -> str:
    """Return the SQL that takes a database from the newest revision back to none."""
    output = io.StringIO()
    command.downgrade(_config(output=output), f"{head()}:base", sql=True)
    return output.getvalue()


def _is_below(target: str, present: str | None) -> bool:
    if present is None:
        return False
    ancestors = {
        revision.revision
        for revision in ScriptDirectory.from_config(_config()).iterate_revisions(present, "base")
    }
    return target in ancestors and target != present


def _current(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _config(connection: Connection | None = None, output: io.StringIO | None = None) -> Config:
    config = Config(output_buffer=output) if output is not None else Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    return config


async def _with_connection(dsn: str, run: Any) -> Any:
    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            dsn, timeout=5, server_settings={"application_name": "coordination migrate"}
        )

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(run)
    finally:
        await engine.dispose()


def migrate_blocking(dsn: str, to: str = "head") -> tuple[str | None, str | None]:
    """Call `migrate` where no event loop runs."""
    return asyncio.run(migrate(dsn, to))
