"""The store in transaction mode, where nothing may be left on a connection; real poolers are in acceptance tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from coordination.domain.errors import UnknownItem
from coordination.store import session
from coordination.store.database import Database
from tests.integration.store.steps import agent, granted, held, leases


@pytest.fixture
async def pooled(dsn: str) -> AsyncGenerator[Database]:
    """A pool that believes a pooler stands between."""
    database = Database(dsn, transaction_pooler=True)
    yield database
    await database.close()


async def test_claims_are_decided_as_ever(pooled: Database) -> None:
    await granted(pooled, agent("impl_a"), "a.py")
    await held(pooled, agent("impl_b"), "a.py")
    assert await leases(pooled) == [("alice/impl_a", "a.py", "write")]


async def test_a_refused_call_leaves_no_transaction_behind(pooled: Database) -> None:
    for _ in range(5):
        with pytest.raises(UnknownItem):
            await session.configure(pooled, "local", "nowhere", "bob", status="closed", across_checkouts=None)
    await granted(pooled, agent("impl_a"), "a.py")


async def test_every_call_has_the_settings_and_leaves_none(pooled: Database) -> None:
    (inside,) = await pooled.fetch(
        "SELECT current_setting('lock_timeout') AS lock, current_setting('transaction_isolation') AS isolation"
    )
    assert dict(inside) == {"lock": "1500ms", "isolation": "read committed"}
    async with pooled.connection() as connection:
        await connection.execute("COMMIT")
        assert await connection.fetchval("SELECT current_setting('lock_timeout')") == "0"
        await connection.execute("BEGIN")
