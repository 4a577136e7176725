"""Every claim is counted once by how it ended, with how long it waited, and leases by how long they were held."""

import asyncio

import pytest

from coordination.domain.errors import CheckoutTaken, RetryLater, WaitCycle
from coordination.domain.file_lock import Claim, Granted
from coordination.domain.path import normalise
from coordination.domain.task import Report, TaskStatus
from coordination.services import file_lock, task
from coordination.services.core import Core
from coordination.store import file_lock as store
from coordination.store.database import Database
from tests.integration.services.terminal import Terminal, in_queue, waiting
from tests.integration.store.steps import agent, die, expire, queued, wanted

A, B = agent("impl_a"), agent("impl_b")


def counted(core: Core, name: str, **labels: str) -> float:
    """What a metric says now, 0 when nothing was counted."""
    return core.metrics.registry.get_sample_value(f"coordination_{name}", labels) or 0.0


def claims(core: Core) -> dict[str, int]:
    """How many claims ended in which way, without those of which there were none."""
    (family,) = core.metrics.claims.collect()
    return {sample.labels["outcome"]: int(sample.value) for sample in family.samples if sample.value}


async def test_claims_that_do_not_wait_are_granted_or_held(core: Core) -> None:
    await file_lock.claim(core, A, wanted("a.py"))
    await file_lock.claim(core, A, wanted("a.py"))
    await file_lock.claim(core, B, wanted("a.py"))
    assert claims(core) == {"granted": 2, "held": 1}
    assert counted(core, "claim_wait_seconds_count", outcome="granted") == 0


async def test_a_claim_that_waits_counts_once_however_often_it_tries(core: Core, database: Database) -> None:
    await file_lock.claim(core, A, wanted("a.py"))
    turn = waiting(core, B, "a.py")
    await in_queue(database, 1)
    await file_lock.release(core, A, None)
    assert isinstance(await turn, Granted)
    assert claims(core) == {"granted": 2}
    assert counted(core, "claim_wait_seconds_count", outcome="granted") == 1


async def test_a_wait_that_ends_without_a_grant_timed_out(core: Core) -> None:
    await file_lock.claim(core, A, wanted("a.py"))
    await waiting(core, B, "a.py", seconds=0.05)
    assert claims(core) == {"granted": 1, "timed_out": 1}
    assert counted(core, "claim_wait_seconds_sum", outcome="timed_out") >= 0.05


async def test_who_goes_away_has_cancelled(core: Core, database: Database) -> None:
    await file_lock.claim(core, A, wanted("a.py"))
    terminal = Terminal()
    gone, cut = waiting(core, B, "a.py", client=terminal), waiting(core, agent("impl_c"), "a.py")
    await in_queue(database, 2)
    terminal.closed.set()
    await gone
    cut.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut
    assert claims(core) == {"granted": 1, "cancelled": 2}


async def test_a_grant_that_raced_the_going_of_its_client_is_cancelled(core: Core) -> None:
    terminal = Terminal()
    terminal.closed.set()
    await waiting(core, B, "a.py", client=terminal)
    assert claims(core) == {"cancelled": 1}


async def test_errors_have_outcomes_of_their_own(core: Core, database: Database) -> None:
    await file_lock.claim(core, A, wanted("a.py"))
    await file_lock.claim(core, B, wanted("b.py"))
    turn = waiting(core, A, "b.py")
    await in_queue(database, 1)
    with pytest.raises(WaitCycle):
        await waiting(core, B, "a.py")
    here = "aaaaaaaaaaaa"
    await file_lock.claim(core, agent("impl_d", checkout=here), wanted("d.py"))
    with pytest.raises(CheckoutTaken):
        await file_lock.claim(core, agent("impl_e", session="other", checkout=here), wanted("e.py"))
    core.stop_waiting()
    with pytest.raises(RetryLater):
        await turn
    assert claims(core) == {"granted": 3, "cycle": 1, "refused": 1, "unavailable": 1}


async def test_leases_are_measured_by_who_ended_them(core: Core, database: Database) -> None:
    for path in ("a.py", "b.py"):
        await file_lock.claim(core, A, wanted(path))
    await database.fetch("UPDATE file_locks SET granted_at = granted_at - interval '100 seconds'")
    await file_lock.release(core, A, (normalise("a.py"),))
    await file_lock.revoke(core, "local", "demo", "alice", ["b.py"], None)
    await task.sync(core, A, Report("t1", TaskStatus.STARTED))
    await file_lock.claim(core, A, wanted("c.py"))
    await task.sync(core, A, Report("t1", TaskStatus.COMPLETED))
    for end, least, most in (("released", 100, 160), ("revoked", 100, 160), ("completed", 0, 60)):
        assert counted(core, "lease_hold_seconds_count", end=end) == 1
        assert least <= counted(core, "lease_hold_seconds_sum", end=end) < most


async def test_what_ends_by_the_clock_is_an_expiry_whoever_clears_it_away(
    clean_dsn: str, database: Database
) -> None:
    core = Core(clean_dsn)  # its own clearing away does not run
    short = Claim((normalise("a.py"),), wanted("a.py").operation, ttl_seconds=60)
    await file_lock.claim(core, A, short)
    await expire(database, "a.py")
    await file_lock.claim(core, B, wanted("a.py", "b.py"))
    assert counted(core, "expiries_total") == 1
    await queued(database, agent("impl_c"), "b.py")
    await die(database, agent("impl_c"))
    await expire(database, "a.py", "b.py")
    await core._expire()
    assert counted(core, "expiries_total") == 4
    await core.database.close()


async def test_the_queue_is_as_deep_as_there_are_live_places(core: Core, database: Database) -> None:
    await file_lock.claim(core, A, wanted("a.py"))
    await waiting(core, B, "a.py", seconds=0.01)  # keeps its place for two minutes
    turn = waiting(core, agent("impl_c"), "a.py")
    await in_queue(database, 2)
    assert await store.queue_depth(database) == 2
    await file_lock.release(core, B, None)
    await file_lock.release(core, A, None)
    await turn
    assert await store.queue_depth(database) == 0


async def test_statements_are_measured_and_places_in_the_pool_are_counted(core: Core) -> None:
    before = counted(core, "database_seconds_count")
    await file_lock.claim(core, A, wanted("a.py"))
    assert counted(core, "database_seconds_count") > before
    places = core.database.places
    async with places:
        assert (places.size, places.taken, places.waiting) == (4, 1, 0)
