"""What every level shares: one embedded Postgres for each test worker, one fresh database for each test, and how
hypothesis draws its examples.
"""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import structlog
from hypothesis import settings

from coordination.embedded import EmbeddedPostgres
from coordination.services.core import Core
from coordination.store import migration
from coordination.store.database import Database
from tests.acceptance.incidents.report import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

TEMPLATE = "template_coordination"
MEMORY_BYTES = 2 * 1024**3
"""Free memory that test databases may be kept in; with less they go to the disk."""
_numbers = itertools.count(1)

# What is logged with an exception would be drawn with every variable of every frame, for a second each time.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

# `make test` tries the same examples every time, so that chance never decides whether a change goes in. `make fuzz`
# looks for new ones; what it finds becomes an `@example`.
settings.register_profile("steady", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("steady")


def examples(number: int) -> int:
    """How many examples a test tries that needs fewer or more than usual; when exploring, all tests try as many."""
    return number if settings().derandomize else settings().max_examples


def in_database(dsn: str, name: str) -> str:
    """Return the same server's URL for another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


async def administer(dsn: str, statement: str) -> None:
    """Run one statement outside any transaction."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def server_dsn(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The URL of this worker's Postgres, which runs as long as its tests."""
    # These databases live for one test. What survives a crash is tested elsewhere, on a server as users have it.
    settings = {"fsync": "off", "full_page_writes": "off", "max_connections": "100"}
    memory = Path("/dev/shm")  # noqa: S108 - a new folder of our own below it
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_BYTES
    folder = Path(
        tempfile.mkdtemp(prefix="coordination-test-", dir=memory if roomy else tmp_path_factory.getbasetemp())
    )
    postgres = EmbeddedPostgres(folder, settings=settings)
    try:
        yield postgres.start()
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server_dsn: str) -> str:
    """The name of a migrated database that tests clone."""
    asyncio.run(administer(server_dsn, f"CREATE DATABASE {TEMPLATE}"))
    asyncio.run(migration.migrate(in_database(server_dsn, TEMPLATE)))
    return TEMPLATE


@pytest.fixture
async def empty_dsn(server_dsn: str) -> AsyncGenerator[str]:
    """The URL of a database without any schema, for this test alone."""
    name = f"empty_{next(_numbers)}"
    await administer(server_dsn, f"CREATE DATABASE {name}")
    yield in_database(server_dsn, name)
    await administer(server_dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def dsn(server_dsn: str, template: str) -> AsyncGenerator[str]:
    """The URL of a migrated database, for this test alone."""
    name = f"test_{next(_numbers)}"
    await administer(server_dsn, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield in_database(server_dsn, name)
    await administer(server_dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(dsn: str) -> AsyncGenerator[Database]:
    """A pool on a fresh database."""
    pool = Database(dsn)
    yield pool
    await pool.close()


@pytest.fixture
async def core(dsn: str) -> AsyncGenerator[Core]:
    """The use cases' shared parts on a fresh database, with their background work running."""
    running = Core(dsn)
    async with running.running():
        yield running
