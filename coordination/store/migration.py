"""Applying the migrations: the one way by which the schema comes into being and changes.

Alembic is the only source of DDL; the revisions live in the top-level folder `migrations` (inside the package in a
wheel). Several servers may start at once: whoever comes second waits for the first and finds nothing to do. All of
it happens in one transaction in the schema `public`, whatever the role's settings say, and gives up rather than
queue behind a long transaction on our tables: whoever queues for a table blocks everybody behind it. This module
does not know what the revisions contain; as text they are in `migration_text`.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar
from uuid import uuid4

import asyncpg
from alembic import command
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from coordination.domain.errors import InvalidInput, RetryLater
from coordination.store import row_policies
from coordination.store.connection import connect
from coordination.store.database import retry_later
from coordination.store.migration_text import TABLE_LOCK_SECONDS, config, opening
from coordination.store.schema_version import VERSION_TABLE, folder

_Result = TypeVar("_Result")
_AWAY: Final = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)
_NAME: Final = "coordination migrate"
CONNECT_SECONDS: Final = 5.0


def head() -> str:
    """Return the newest revision that this release knows."""
    revision = _scripts().get_current_head()
    if revision is None:
        raise RuntimeError("the migrations folder holds no revision")
    return revision


async def current(dsn: str) -> str | None:
    """Return the database's revision, None when it was never migrated.

    Raises:
        RetryLater: the database cannot be reached.
        asyncpg.PostgresError: it refuses, for example the credential.
    """
    return await _in_transaction(dsn, _current)


async def migrate(
    dsn: str, to: str = "head", *, table_lock_seconds: float = TABLE_LOCK_SECONDS
) -> tuple[str | None, str | None]:
    """Bring the database to revision `to` ("head", "base", or a revision) and return (before, after).

    Args:
        dsn: libpq URL of the database, direct or through a pooler of any kind.
        to: where to go, up or down.
        table_lock_seconds: how long to wait for a table that somebody else's transaction uses.

    Raises:
        InvalidInput: there is no such revision, or the database is at one of a later release.
        RetryLater: the database cannot be reached, or others used the tables all the time; nothing was changed.
        asyncpg.PostgresError: Postgres refused, for example a right is missing; nothing was changed.
    """

    def run(connection: Connection) -> tuple[str | None, str | None]:
        for statement in opening(table_lock_seconds):
            connection.execute(text(statement))
        before = _current(connection)
        target = _destination(to, before)
        if before != target:
            move = command.downgrade if _is_below(target, before) else command.upgrade
            move(config(connection, to_base=target is None), target or "base")
        return before, target

    return await _in_transaction(dsn, run)


async def apply_policies(dsn: str) -> bool:
    """Make the policies for Supabase's roles if those came after the revision; return whether that was so.

    Only for a database at the newest revision.

    Raises:
        RetryLater: the database cannot be reached, or others used the tables all the time; nothing was changed.
        asyncpg.PostgresError: Postgres refused; nothing was changed.
    """

    def run(connection: Connection) -> bool:
        for statement in opening(TABLE_LOCK_SECONDS):
            connection.execute(text(statement))
        found = connection.execute(text(row_policies.LOOK)).one()
        absent = row_policies.state(wanted=found.wanted, there=found.there) == "absent"
        if absent:
            driver: Any = connection.connection.dbapi_connection
            driver.run_async(_make_policies)
        return absent

    return await _in_transaction(dsn, run)


async def _make_policies(driver: Any) -> None:
    """Make them on the driver's connection, which takes several statements at once."""
    await driver.execute(row_policies.statements())


def migrate_blocking(dsn: str, to: str = "head") -> tuple[str | None, str | None]:
    """Call `migrate` where no event loop runs."""
    return asyncio.run(migrate(dsn, to))


async def verify(dsn: str) -> tuple[str, ...]:
    """Return what the newest revision made and this database lacks or opens to others; empty when all is well.

    Raises:
        RetryLater: the database cannot be reached.
        asyncpg.PostgresError: it refuses, for example the credential.
    """
    try:
        connection = await connect(dsn, name=_NAME, seconds=CONNECT_SECONDS)
    except _AWAY as error:
        raise retry_later("it is not reachable") from error
    try:
        await connection.execute(verify_script())
    except asyncpg.RaiseError as error:
        return tuple((error.detail or str(error)).splitlines())
    finally:
        await connection.close()
    return ()


def verify_script() -> str:
    """Return the SQL that raises when a database is not as the newest revision left it."""
    return (folder() / "sql" / "verify.sql").read_text(encoding="utf-8")


def _destination(to: str, present: str | None) -> str | None:
    """Return the revision that `to` means for a database at `present`; None is the state before the first."""
    known = [script.revision for script in _scripts().walk_revisions()]
    if present is not None and present not in known:
        if to == "head":
            return present  # made by a later release, under which this one works (design section 4)
        raise InvalidInput(
            f'The database is at revision "{present}", which this release does not know. Use the release that made it.',
            next_call="coord migrate --check",
        )
    if to == "base":
        return None
    if to != "head" and to not in known:
        raise InvalidInput(
            f'There is no revision "{to}". Known are {", ".join(known)}, and the words "head" and "base".',
            next_call="coord migrate --to head",
        )
    return head() if to == "head" else to


def _is_below(target: str | None, present: str | None) -> bool:
    """Whether the way from `present` to `target` leads down."""
    if target is None or present is None:
        return target is None
    return target in {script.revision for script in _scripts().iterate_revisions(present, "base")}


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(config())


def _current(connection: Connection) -> str | None:
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE, "version_table_schema": "public"}
    )
    return context.get_current_revision()


async def _in_transaction(dsn: str, run: Callable[[Connection], _Result]) -> _Result:
    async def creator() -> "asyncpg.Connection[asyncpg.Record]":
        return await connect(dsn, name=_NAME, seconds=CONNECT_SECONDS)

    engine = create_async_engine(
        "postgresql+asyncpg://",
        connect_args={
            "async_creator_fn": creator,
            # Through a pooler in transaction mode one that bears the usual name may be there already.
            "prepared_statement_name_func": lambda: f"coordination_{uuid4()}",
        },
        poolclass=NullPool,
    )
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(run)
    except DBAPIError as error:
        cause = error.orig.__cause__ if error.orig is not None else None
        raise _explain(cause or error) from error
    except (*_AWAY, asyncpg.PostgresError) as error:
        raise _explain(error) from error
    finally:
        await engine.dispose()


def _explain(error: BaseException) -> BaseException:
    """Return the product's error for one of the driver's, or the driver's own."""
    if isinstance(error, asyncpg.LockNotAvailableError | asyncpg.DeadlockDetectedError):
        return RetryLater(
            "The schema was not changed: another connection used its tables or was changing it all the time.",
            next_call="coord migrate",
        )
    return retry_later("it is not reachable") if isinstance(error, _AWAY) else error
