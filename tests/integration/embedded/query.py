"""Ask a database, once or until it answers as it should."""

import asyncio
import time
from collections.abc import Callable

import asyncpg

from tests.integration.embedded.service import SECONDS

AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""How a database that is starting, stopping or gone shows itself."""


async def ask(dsn: str, sql: str, *arguments: object) -> object:
    """The first value of one statement, on a connection of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        value: object = await connection.fetchval(sql, *arguments)
    finally:
        await connection.close()
    return value


async def ask_when_back(dsn: str, sql: str) -> object:
    """The first value, as soon as the database answers again."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return await ask(dsn, sql)
        except AWAY:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until `holds()`; an AssertionError when it never does."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, "this never came true"
        await asyncio.sleep(0.01)


async def write_rows(dsn: str) -> list[int]:
    """Insert rows, one commit each, until the database goes away; returns the acknowledged ones."""
    acknowledged: list[int] = []
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (number int PRIMARY KEY)")
        while True:
            await connection.execute("INSERT INTO kept VALUES ($1)", len(acknowledged))
            acknowledged.append(len(acknowledged))
    except AWAY:
        return acknowledged
    finally:
        connection.terminate()


async def numbers(dsn: str) -> set[int]:
    """The rows of `write_rows` that are there, as soon as the database answers again."""
    written = await ask_when_back(dsn, "SELECT string_agg(number::text, ' ') FROM kept")
    return {int(number) for number in str(written).split()}
