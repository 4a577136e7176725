"""The bound on one agent's places in a queue is the database's, so it holds whoever asks; without it there is none."""

from __future__ import annotations

import pytest

from coordination.domain.errors import TooManyWaits
from coordination.domain.file_lock import Wait
from coordination.store.database import Database
from tests.integration.store.steps import agent, granted, held, waiters, weaken

A, B = agent("impl_a"), agent("impl_b")
MOST = 20


async def fill(database: Database) -> None:
    """Have B wait for as much as one may."""
    paths = [f"{number}.py" for number in range(MOST + 1)]
    await granted(database, A, *paths)
    for path in paths[:MOST]:
        await held(database, B, path, wait=Wait.PARK)


async def test_the_twenty_first_place_is_refused_with_the_bound(own_database: Database) -> None:
    await fill(own_database)
    with pytest.raises(TooManyWaits) as refused:
        await held(own_database, B, f"{MOST}.py", wait=Wait.QUEUE)
    assert refused.value.details["most"] == MOST
    assert len(await waiters(own_database)) == MOST


async def test_without_its_guard_there_is_no_bound(own_database: Database) -> None:
    await weaken(own_database, "take_place", ">= 20", ">= 1000")
    await fill(own_database)
    await held(own_database, B, f"{MOST}.py", wait=Wait.QUEUE)
    assert len(await waiters(own_database)) == MOST + 1


async def test_the_bound_is_that_of_one_session(own_database: Database) -> None:
    await fill(own_database)
    elsewhere = agent("impl_b", session="other")
    await granted(own_database, agent("impl_a", session="other"), "a.py")
    await held(own_database, elsewhere, "a.py", wait=Wait.QUEUE)
