"""One agent has at most twenty places in the queue of a session, whichever servers it asks."""

from __future__ import annotations

import pytest

from coordination.domain.errors import TooManyWaits
from coordination.domain.file_lock import Wait
from coordination.services import file_lock
from coordination.services.core import Core
from coordination.store import file_lock as store
from coordination.store.database import Database
from tests.integration.services.terminal import waiting
from tests.integration.services.test_claim_count import claims
from tests.integration.store.steps import agent, granted, held, queued, waiters, wanted

A, B, C = agent("impl_a"), agent("impl_b"), agent("impl_c")
MOST = 20


async def fill(database: Database) -> list[str]:
    """Give B all the places that it may have; return what it waits for."""
    paths = [f"{number}.py" for number in range(MOST)]
    await granted(database, A, *paths, "one_more.py")
    for path in paths:
        await held(database, B, path, wait=Wait.PARK)  # keeps its place for two minutes
    return paths


async def test_the_next_wait_is_refused_and_everything_else_goes_on(core: Core, database: Database) -> None:
    paths = await fill(database)
    with pytest.raises(TooManyWaits) as refused:
        await waiting(core, B, "one_more.py")
    assert str(MOST) in refused.value.message
    assert refused.value.details["retry_after_seconds"]
    assert len(await waiters(database)) == MOST
    assert claims(core) == {"too_many_waits": 1}
    await held(database, B, "one_more.py")  # without waiting it may ask
    await queued(database, B, paths[0])  # and what it waits for already it may go on waiting for
    await queued(database, C, "one_more.py")  # others have places of their own
    await granted(database, B, "free.py", wait=Wait.QUEUE)


async def test_the_second_of_two_servers_refuses_it_too(
    core: Core, other_core: Core, database: Database
) -> None:
    await fill(database)
    for server in (core, other_core):
        with pytest.raises(TooManyWaits):
            await waiting(server, B, "one_more.py")


async def test_a_place_that_was_left_or_died_makes_room(core: Core, database: Database) -> None:
    paths = await fill(database)
    await store.release(database, B, [paths[0]], None)
    await queued(database, B, "one_more.py")
    with pytest.raises(TooManyWaits):
        await file_lock.claim(core, B, wanted(paths[0]), wait_seconds=1)
    await database.fetch(
        "UPDATE file_lock_waiters SET parked_until = clock_timestamp() - interval '1 second'"
    )
    await queued(database, B, paths[0])
