"""Fencing tokens never come twice and never fall, whatever happens to the database or to who raises them."""

import asyncio
from urllib.parse import urlsplit

from coordination.store import migration
from coordination.store.database import Database
from coordination.store.fencing import RAISE_TOKENS
from tests.conftest import administer, in_database
from tests.integration.store.steps import agent, blocked, granted, worker


async def test_tokens_grow_over_a_restore(server_dsn: str, dsn: str) -> None:
    name = urlsplit(dsn).path.lstrip("/")
    await administer(server_dsn, f"CREATE DATABASE copy_of_{name} TEMPLATE {name}")  # the backup
    lost, restored = Database(dsn), Database(in_database(dsn, f"copy_of_{name}"))
    try:
        last = (await granted(lost, agent("impl_a"), "a.py")).granted_tokens[-1]
        assert (await granted(restored, agent("impl_b"), "a.py")).granted_tokens[0] > last
    finally:
        await lost.close()
        await restored.close()
        await administer(server_dsn, f"DROP DATABASE copy_of_{name} WITH (FORCE)")


async def test_tokens_grow_over_a_downgrade(dsn: str) -> None:
    tokens: list[int] = []
    for number in range(2):
        pool = Database(dsn)
        tokens += (await granted(pool, agent("impl_a"), f"{number}.py")).granted_tokens
        await pool.close()
        await migration.migrate(dsn, "base")
        await migration.migrate(dsn)
    assert tokens[1] > tokens[0]


async def test_new_connections_never_lower_the_tokens(dsn: str) -> None:
    tokens = [9_000_000_000_000]
    await administer(dsn, f"SELECT setval('coordination_fencing_token', {tokens[0]})")
    for name in ("impl_a", "impl_b"):
        pool = Database(dsn)
        tokens += (await granted(pool, agent(name), f"{name}.py")).granted_tokens
        await pool.close()
    assert tokens == sorted({*tokens})


async def test_a_sequence_behind_the_clock_is_set_before_it(dsn: str) -> None:
    """And well before it: what others draw between the look and the setting must not come again."""
    async with worker(dsn) as one:
        behind = (
            "SELECT setval('coordination_fencing_token', 7), extract(epoch FROM clock_timestamp()) * 1000"
        )
        clock = (await one.fetch(behind))[0][1]
        await one.raw.execute(RAISE_TOKENS)
        last = (await one.fetch("SELECT last_value FROM coordination_fencing_token"))[0][0]
    assert last >= clock + 900
    pool = Database(dsn)
    assert (await granted(pool, agent("impl_a"), "a.py")).granted_tokens[0] > last
    await pool.close()


async def test_connections_raise_the_tokens_one_after_the_other(dsn: str) -> None:
    """Of two that find the sequence behind, the later must not set it back below what was drawn in between."""
    async with worker(dsn) as first, worker(dsn) as second:
        await first.fetch("SELECT setval('coordination_fencing_token', 7)")
        async with first.raw.transaction():
            await first.raw.execute(RAISE_TOKENS)
            raising = asyncio.create_task(second.raw.execute(RAISE_TOKENS))
            await blocked(first, second)
        await raising
