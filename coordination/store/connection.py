"""Opening a connection to Postgres: over which TLS, and what is set before anything is asked.

What we need of a session is set by statements, not in the startup message: poolers refuse there what they do not know
(PgBouncer) or leave it out without a word (Supavisor). Where a pooler in transaction mode stands between, there is no
session to set anything in: every call is a transaction of its own that begins by setting it for itself
(`in_transaction`), four messages instead of one. The same holds then: how long locks and answers are waited for, the
isolation, where names are looked for, and that a process which stops in the middle keeps a lock for a second at most.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from coordination.domain import database_url
from coordination.store.fencing import RAISE_TOKENS_ONCE
from coordination.store.tls import tls

SERVER_SETTINGS: Final = {
    "application_name": "coordination",
    "TimeZone": "UTC",
    "search_path": "public",
    "default_transaction_isolation": "read committed",
    "synchronous_commit": "on",
    "jit": "off",
    "lock_timeout": "1500ms",
    "statement_timeout": "1800ms",
    "idle_in_transaction_session_timeout": "1s",
}
# Where libpq and the driver look for a socket. Named, because without a host the driver would ask the environment.
_SOCKET_FOLDERS: Final = (
    "/run/postgresql",
    "/var/run/postgresql",
    "/var/pgsql_socket",
    "/private/tmp",
    "/tmp",  # noqa: S108 - Postgres puts its socket there, we write nothing
)


def arguments(dsn: str, *, name: str) -> dict[str, Any]:
    """Return what the driver is told to connect.

    Args:
        dsn: libpq URL of the database.
        name: what the server shows of us; the one thing that every pooler takes at the start.

    Raises:
        UnusableCertificate: a file of certificates that the URL names cannot be read.
        ValueError: it is no URL of a Postgres.
    """
    url = database_url.read(dsn)
    found: dict[str, Any] = {"dsn": dsn, "ssl": tls(url), "server_settings": {"application_name": name}}
    if not url.hosts:
        found["host"] = list(_SOCKET_FOLDERS)
    return found


async def connect(dsn: str, *, name: str, seconds: float) -> "asyncpg.Connection[asyncpg.Record]":
    """Open one connection within so many seconds; nothing is set on it. Raises as asyncpg and `arguments` do."""
    return await asyncpg.connect(**arguments(dsn, name=name), timeout=seconds, statement_cache_size=0)


def session(settings: Mapping[str, str]) -> str:
    """Return the statements that make these settings for a whole session."""
    return "".join(f"SET {name} = '{value}';" for name, value in settings.items())


def transaction(settings: Mapping[str, str]) -> str:
    """Return the statements that begin a transaction with these settings, in one message.

    The backend may be another one than the last time, so what is done once for each is done before.
    """
    local = "".join(f"SET LOCAL {name} = '{value}';" for name, value in settings.items())
    return f"BEGIN;{RAISE_TOKENS_ONCE};COMMIT;BEGIN ISOLATION LEVEL READ COMMITTED;{local}"


@asynccontextmanager
async def in_transaction(connection: Any) -> AsyncGenerator[None]:
    """Run the block in a transaction that sets what it needs; undone when it raises."""
    await connection.execute(transaction(SERVER_SETTINGS))
    try:
        yield
    except Exception:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")
