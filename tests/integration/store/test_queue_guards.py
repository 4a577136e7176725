"""The queue's guards of design section 5 (barging, dead waiters, circles): each holds, and breaks without its guard."""

import pytest

from coordination.domain.errors import WaitCycle
from coordination.domain.file_lock import Held, Wait
from coordination.store import file_lock
from coordination.store.database import Database
from tests.integration.store.steps import (
    READ,
    agent,
    die,
    granted,
    names,
    queued,
    try_claim,
    waiters,
    weaken,
)

NO_SEARCH = ("IF NOT v_reached ? p_target THEN", "IF true THEN")


async def barge(database: Database, session: str) -> list[str]:
    """A path becomes free while somebody waits for it; return whom a newcomer had to let pass."""
    await granted(database, agent("impl_a", session=session), "a.py")
    await queued(database, agent("impl_b", session=session), "a.py")
    await file_lock.release(database, agent("impl_a", session=session), None, None)
    outcome = await try_claim(database, agent("impl_c", session=session), "a.py")
    return names(outcome.ahead) if isinstance(outcome, Held) else []


async def test_a_newcomer_does_not_barge_past_a_waiter(own_database: Database) -> None:
    assert await barge(own_database, "guarded") == ["impl_b"]
    await weaken(own_database, "claim_file_lock", "AND cardinality(v_ahead) = 0", "")
    assert await barge(own_database, "weakened") == []


async def pass_a_dead_waiter(database: Database, session: str) -> bool:
    """Return whether a waiter whose server is silent still blocks."""
    await granted(database, agent("impl_a", session=session), "a.py")
    await queued(database, agent("impl_b", session=session), "a.py")
    await die(database, agent("impl_b", session=session))
    await file_lock.release(database, agent("impl_a", session=session), None, None)
    return isinstance(await try_claim(database, agent("impl_c", session=session), "a.py"), Held)


async def revive_a_dead_waiter(database: Database, session: str) -> list[str]:
    """A waiter's place dies, another one queues, the first comes back; return the order of the queue."""
    await granted(database, agent("impl_a", session=session), "a.py")
    await queued(database, agent("impl_b", session=session), "a.py")
    await die(database, agent("impl_b", session=session))
    await queued(database, agent("impl_c", session=session), "a.py")
    await queued(database, agent("impl_b", session=session), "a.py")
    return [who for _, who in await waiters(database, session)]


async def test_a_dead_waiter_blocks_nobody_and_comes_back_at_the_end(own_database: Database) -> None:
    assert not await pass_a_dead_waiter(own_database, "guarded")
    assert await revive_a_dead_waiter(own_database, "guarded too") == ["alice/impl_c", "alice/impl_b"]
    await weaken(own_database, "live_waiters", "w.refreshed_at > p_now - interval '3 seconds'", "true")
    assert await pass_a_dead_waiter(own_database, "weakened")
    assert await revive_a_dead_waiter(own_database, "weakened too") == ["alice/impl_b", "alice/impl_c"]


async def wait_in_a_circle(database: Database, session: str) -> bool:
    """Each of two holds what the other waits for; return whether both can wait."""
    one, two = agent("impl_a", session=session), agent("impl_b", session=session)
    await granted(database, one, "a.py")
    await granted(database, two, "b.py")
    await queued(database, one, "b.py")
    await queued(database, two, "a.py")
    return True


async def test_a_circle_of_leases_is_refused_when_it_would_form(own_database: Database) -> None:
    with pytest.raises(WaitCycle) as refused:
        await wait_in_a_circle(own_database, "guarded")
    assert refused.value.details["cycle"] == ["alice/impl_b", "alice/impl_a", "alice/impl_b"]
    assert "alice/impl_b waits for alice/impl_a waits for alice/impl_b" in refused.value.message
    assert [who for _, who in await waiters(own_database, "guarded")] == ["alice/impl_a"]
    await weaken(own_database, "waiting_path", *NO_SEARCH)
    assert await wait_in_a_circle(own_database, "weakened")


async def wait_in_a_circle_through_the_queue(database: Database, session: str) -> bool:
    """planner waits for impl_h, who must let impl_e pass, who waits for planner; return whether all can wait."""
    await granted(database, agent("impl_z", session=session), "z.py")
    await granted(database, agent("impl_h", session=session), "h.py")
    await granted(database, agent("planner", session=session), "p.py")
    await queued(database, agent("impl_e", session=session), "p.py", "z.py")
    await queued(database, agent("impl_h", session=session), "z.py")
    await queued(database, agent("planner", session=session), "h.py")
    return True


async def test_a_circle_through_the_order_of_the_queue_is_refused_and_named(own_database: Database) -> None:
    with pytest.raises(WaitCycle) as refused:
        await wait_in_a_circle_through_the_queue(own_database, "guarded")
    assert refused.value.details["cycle"] == [
        "alice/planner",
        "alice/impl_h",
        "alice/impl_e",
        "alice/planner",
    ]
    # Without: only leases count as a reason to wait.
    await weaken(own_database, "blockers_of", "earlier.ticket = o.earlier", "false")
    assert await wait_in_a_circle_through_the_queue(own_database, "weakened")


async def upgrade_twice(database: Database, session: str) -> list[object]:
    """Two readers both want to write; return what each is told when it asks once more."""
    one, two = agent("impl_a", session=session), agent("impl_b", session=session)
    for reader in (one, two):
        await granted(database, reader, "a.py", operation=READ)
    await queued(database, one, "a.py")
    await queued(database, two, "a.py")
    return [type(await try_claim(database, who, "a.py", wait=Wait.QUEUE)) for who in (one, two)]


async def test_the_second_of_two_upgraders_gets_the_circle(own_database: Database) -> None:
    with pytest.raises(WaitCycle) as refused:
        await upgrade_twice(own_database, "guarded")
    assert refused.value.details["cycle"] == ["alice/impl_b", "alice/impl_a", "alice/impl_b"]
    await file_lock.release(own_database, agent("impl_b", session="guarded"), None, None)
    await granted(own_database, agent("impl_a", session="guarded"), "a.py", wait=Wait.QUEUE)
    # Without: both wait, each for the other, for ever.
    await weaken(own_database, "waiting_path", *NO_SEARCH)
    assert await upgrade_twice(own_database, "weakened") == [Held, Held]
