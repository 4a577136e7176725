"""The pool of connections to Postgres, and the one place where its failures become the product's errors.

Every runtime statement is a single call of a function, a group of such calls (`group_commit`) or a single read; a
process that is stopped in the middle of one is ended by the others (`stopped`). Through a pooler in transaction mode
each is a transaction that brings its settings along (`connection`). A call that gets no answer within two seconds fails
with `RetryLater` and its connection is thrown away. A semaphore in front of the pool keeps the tail short when many
callers compete (facts/mcp-and-fastmcp.md). A database that answers and lacks what this release needs is not ready yet:
whoever calls may come again, and the log says what is lacking. Nothing here knows what the statements mean.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import Any, Final, TypeAlias

import asyncpg
import orjson
import structlog

from coordination.domain import errors
from coordination.domain.trouble import Told, named, tell
from coordination.store.connection import SERVER_SETTINGS, arguments, in_transaction, session
from coordination.store.fencing import RAISE_TOKENS
from coordination.store.group_commit import GroupCommit, Undone
from coordination.store.places import Places
from coordination.store.refusal import explain

DEADLINE_SECONDS: Final = 2.0

Row: TypeAlias = asyncpg.Record
# Any: what such a block lends is of no use here.
Observe: TypeAlias = Callable[[], AbstractContextManager[Any]]
"""Makes the block inside of which one statement runs, for whoever measures it."""
UNREACHABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what the driver may say when the server dies in the middle of an answer
    ssl.SSLError,
)
_ENDING: Final = (asyncpg.OperatorInterventionError, asyncpg.InternalClientError)
_TRANSIENT: Final = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
)
# Somebody migrates, or has still to.
_NOT_READY: Final = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedObjectError,
    asyncpg.InvalidSchemaNameError,
)
_REFUSING: Final = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)
# A statement that was prepared on one backend is not known to the next.
_NOTHING_KEPT: Final[dict[str, Any]] = {"statement_cache_size": 0}
_log: Final = structlog.stdlib.get_logger(__name__)


def retry_later(why: str) -> errors.RetryLater:
    """Return the error for a store that cannot answer now."""
    return errors.RetryLater(
        f"The database cannot answer now ({why}). Nothing was acknowledged, so nothing is lost.",
        next_call="repeat the same call in a few seconds",
    )


class Database:
    """A pool that opens on first use, heals by itself, and once closed stays closed.

    Args:
        dsn: libpq URL of the database.
        size: most connections at once.
        transaction_pooler: whether a pooler stands between that keeps no session for us.
        observe: measures each statement, with the time in which it waits for a connection.

    Attributes:
        keeps_sessions: whether a connection stays with one backend of the database, so that it can listen.
        places: how many connections there may be, are lent and are waited for.
    """

    def __init__(
        self, dsn: str, *, size: int = 4, transaction_pooler: bool = False, observe: Observe = nullcontext
    ) -> None:
        self._dsn = dsn
        self.keeps_sessions = not transaction_pooler
        self._observe = observe
        self.places = Places(size)
        self._pool: asyncpg.Pool[Row] | None = None
        self._opening = asyncio.Lock()
        self._closed = False
        self._told: Told | None = None
        self._decisions = GroupCommit(self, seconds=DEADLINE_SECONDS)

    @property
    def dsn(self) -> str:
        """Where the database is; holds a credential in hosted mode, so never log it."""
        return self._dsn

    async def connect(self, name: str) -> Any:
        """Open a connection outside the pool, for whoever keeps one, under a name that the server shows.

        Raises what asyncpg raises, and UnusableCertificate.
        """
        connection = await asyncpg.connect(**arguments(self._dsn, name=name), timeout=DEADLINE_SECONDS)
        try:
            await connection.execute(
                session({**SERVER_SETTINGS, "application_name": name}), timeout=DEADLINE_SECONDS
            )
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def close(self) -> None:
        """Close all connections for good: calls that are under way, and later ones, fail with `RetryLater`."""
        self._closed = True
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()

    async def fetch_json(self, statement: str, *arguments: object) -> bytes:
        """Run a statement that answers one JSON value and return its text.

        Raises:
            RetryLater: the database did not answer within two seconds.
            CoordinationError: a function refused, see `store/refusal.py`.
        """
        async with self.connection() as connection:
            text: str | None = await connection.fetchval(statement, *arguments)
        return (text or "null").encode()

    async def fetch_jsons(self, statement: str, calls: Sequence[Sequence[object]]) -> list[bytes]:
        """Run such a statement for each of `calls` in one transaction: all or none. Raises like `fetch_json`."""
        async with self.connection() as connection:
            try:
                rows: list[Row] = await connection.fetchmany(statement, calls)
            except asyncpg.DeadlockDetectedError as error:
                # Several calls that join bring several checkouts' locks together; one by one none has two.
                raise Undone from error
        return [(row[0] or "null").encode() for row in rows]

    async def decide(self, statement: str, workspace: str, session: str, *arguments: object) -> bytes:
        """Run such a statement that waits for the session's lock; those that meet go together. Raises likewise."""
        return await self._decisions.fetch_json(
            (workspace, session), statement, workspace, session, *arguments
        )

    async def fetch(self, statement: str, *arguments: object) -> list[Row]:
        """Run one statement and return its rows. Raises like `fetch_json`."""
        async with self.connection() as connection:
            return await connection.fetch(statement, *arguments)

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Any]:
        """Lend a connection for one statement, under the deadline and with errors translated."""
        held = None
        try:
            with self._observe():
                async with asyncio.timeout(DEADLINE_SECONDS), self.places:
                    pool = await self._open()
                    held = await pool.acquire()
                    try:
                        with self._closed_meanwhile():
                            async with nullcontext() if self.keeps_sessions else in_transaction(held):
                                yield held
                    except (TimeoutError, asyncio.CancelledError, *_ENDING):
                        # The server may never answer, and a graceful release would wait for it; or it has said
                        # that it goes, and the next to get this connection would only learn it again.
                        held.terminate()
                        raise
                    finally:
                        await pool.release(held)
        except _TRANSIENT as error:
            raise retry_later(type(error).__name__) from error
        except UNREACHABLE as error:
            raise retry_later("it is not reachable") from error
        except _REFUSING as error:
            raise retry_later(
                "it refuses this service: see user, password and name in DATABASE_URL"
            ) from error
        except _NOT_READY as error:
            self._tell(named(error))
            raise retry_later(
                "its schema is not ready; the service brings it up, see /ready and the log"
            ) from error
        except asyncpg.PostgresError as error:
            code = error.sqlstate or ""
            if code.startswith("CO"):
                raise explain(code, orjson.loads(error.detail) if error.detail else {}) from error
            raise

    @contextmanager
    def _closed_meanwhile(self) -> Generator[None]:
        """Translate what the driver says when `close` comes between two steps of a statement."""
        try:
            yield
        except AttributeError as error:
            if not self._closed:
                raise
            raise retry_later("the service has stopped") from error

    def _tell(self, lacking: str) -> None:
        fresh = tell(self._told, "schema_not_ready", time.monotonic())
        if fresh is not None:
            self._told = fresh
            _log.warning("schema_not_ready", lacking=lacking)

    async def _open(self) -> "asyncpg.Pool[Row]":
        if self._pool is None:
            async with self._opening:
                if self._closed:
                    raise retry_later("the service has stopped")
                if self._pool is None:
                    self._pool = await asyncpg.create_pool(
                        **arguments(self._dsn, name=SERVER_SETTINGS["application_name"]),
                        min_size=0,  # a pool that keeps a floor complains in the log while the server is away
                        max_size=self.places.size,
                        timeout=DEADLINE_SECONDS,
                        init=_begin if self.keeps_sessions else None,
                        reset=_keep,
                        **({} if self.keeps_sessions else _NOTHING_KEPT),
                    )
        return self._pool


async def _begin(connection: Any) -> None:
    """Begin a connection: the last ones may have ended because the database was restored."""
    await connection.execute(session(SERVER_SETTINGS) + RAISE_TOKENS)


async def _keep(_connection: object) -> None:
    """Leave a returned connection as it is: no statement of ours changes its state."""
