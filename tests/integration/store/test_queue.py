"""The queue on a real Postgres: whose turn it is, who may pass whom, and how places are kept and given up."""

import asyncio
from dataclasses import replace

import pytest

from coordination.domain.agent import Agent
from coordination.domain.errors import WaitCycle
from coordination.domain.file_lock import Granted, Held, Lost, Released, Wait
from coordination.store import file_lock
from coordination.store.database import Database
from tests.integration.store.steps import (
    READ,
    agent,
    die,
    granted,
    held,
    kinds,
    leases,
    names,
    queued,
    try_claim,
    waiters,
    wanted,
)

A, B, C, D = (agent(f"impl_{letter}") for letter in "abcd")


async def release(database: Database, who: Agent) -> None:
    await file_lock.release(database, who, None, None)


async def test_readers_do_not_starve_a_writer(database: Database) -> None:
    await granted(database, A, "a.py", operation=READ)
    await queued(database, B, "a.py")
    late = await held(database, C, "a.py", operation=READ)
    assert late.conflicts == ()
    assert names(late.ahead) == ["impl_b"]
    await release(database, A)
    await granted(database, B, "a.py", wait=Wait.QUEUE)


async def test_readers_that_wait_for_a_writer_are_granted_together(database: Database) -> None:
    await granted(database, A, "a.py")
    for reader in (B, C):
        await queued(database, reader, "a.py", operation=READ)
    await release(database, A)
    for reader in (C, B):
        await granted(database, reader, "a.py", operation=READ, wait=Wait.QUEUE)


async def test_the_queue_is_first_come_first_served_whoever_asks_first_afterwards(database: Database) -> None:
    await granted(database, A, "a.py")
    first, second = await queued(database, B, "a.py"), await queued(database, C, "a.py")
    assert first < second
    await release(database, A)
    passed = await held(database, C, "a.py", wait=Wait.QUEUE)
    assert (names(passed.ahead), passed.queue_position, passed.ticket) == (["impl_b"], 2, second)
    await granted(database, B, "a.py", wait=Wait.QUEUE)
    assert [who for _, who in await waiters(database)] == [C.id]


async def test_a_claim_waits_behind_a_waiter_it_overlaps_even_where_its_own_paths_are_free(
    database: Database,
) -> None:
    await granted(database, A, "a.py")
    await queued(database, B, "a.py", "b.py")
    for paths in (("b.py",), ("b.py", "c.py"), (".",)):
        refused = await held(database, C, *paths)
        assert names(refused.ahead) == ["impl_b"]
    await granted(database, C, "c.py")


async def test_waiters_on_other_paths_and_other_checkouts_are_not_in_the_way(database: Database) -> None:
    here, there = agent("impl_b", checkout="aaaaaaaaaaaa"), agent("impl_c", checkout="bbbbbbbbbbbb")
    await granted(database, agent("impl_a", checkout="aaaaaaaaaaaa"), "a.py", "resource:port/1")
    await queued(database, here, "a.py", "resource:port/1")
    await granted(database, there, "a.py")
    await granted(database, there, "b.py")
    # A resource is session-wide, and so is its queue.
    refused = await held(database, there, "resource:port")
    assert names(refused.ahead) == ["impl_b"]


async def test_a_waiter_that_the_claimant_blocks_directly_is_let_past(database: Database) -> None:
    await granted(database, A, "a.py")
    await queued(database, B, "a.py", "b.py")
    await granted(database, A, "b.py")


async def test_a_waiter_that_the_claimant_blocks_through_others_is_let_past(database: Database) -> None:
    await granted(database, A, "a.py")
    await granted(database, B, "b.py")
    await queued(database, B, "a.py")
    await queued(database, C, "b.py", "c.py")
    # impl_c waits for impl_b, who waits for impl_a.
    await granted(database, A, "c.py")
    assert names((await held(database, D, "c.py")).ahead) == ["impl_c"]


async def test_a_waiter_is_not_let_past_because_of_another_place_of_its_owner(database: Database) -> None:
    await granted(database, A, "a.py")
    await granted(database, D, "d.py")
    await queued(database, B, "a.py")
    await queued(database, B, "d.py")
    await release(database, D)
    # impl_b's place on a.py is blocked by impl_a; its place on d.py is not, and comes first.
    assert names((await held(database, A, "d.py")).ahead) == ["impl_b"]


async def test_a_circle_of_three_is_named_on_the_shortest_way(database: Database) -> None:
    for who, path in ((A, "a.py"), (B, "b.py"), (C, "c.py")):
        await granted(database, who, path)
    await queued(database, A, "b.py")
    await queued(database, B, "c.py")
    with pytest.raises(
        WaitCycle, match=r"impl_c waits for alice/impl_a waits for alice/impl_b waits for alice/impl_c"
    ):
        await queued(database, C, "a.py")
    assert [who for _, who in await waiters(database)] == [A.id, B.id]
    assert isinstance(await try_claim(database, C, "a.py"), Held)


async def park(database: Database, who: Agent) -> int:
    refused = await held(database, who, "a.py", wait=Wait.PARK)
    assert refused.ticket is not None
    return refused.ticket


async def test_a_parked_place_is_kept_for_two_minutes_and_resumed(database: Database) -> None:
    await granted(database, A, "a.py")
    ticket = await queued(database, B, "a.py")
    assert await park(database, B) == ticket
    await die(database, B)  # no server refreshes it any more
    assert names((await held(database, C, "a.py")).ahead) == ["impl_b"]
    left = await database.fetch(
        "SELECT extract(epoch FROM parked_until - clock_timestamp()) FROM file_lock_waiters WHERE ticket = $1",
        ticket,
    )
    assert 100 < left[0][0] <= 120
    assert await queued(database, B, "a.py") == ticket
    rows = await database.fetch("SELECT parked_until FROM file_lock_waiters")
    assert [row[0] for row in rows] == [None]


async def test_a_parked_place_blocks_nobody_once_its_time_is_over(database: Database) -> None:
    await granted(database, A, "a.py")
    await park(database, B)
    await database.fetch("UPDATE file_lock_waiters SET parked_until = clock_timestamp() RETURNING 1")
    await release(database, A)
    await granted(database, C, "a.py")


async def test_a_claim_that_does_not_wait_keeps_the_place_of_one_that_did(database: Database) -> None:
    await granted(database, A, "a.py")
    ticket = await park(database, B)
    assert (await held(database, B, "a.py")).ticket == ticket
    await release(database, A)
    await granted(database, B, "a.py")
    assert await waiters(database) == []


async def test_different_claims_of_one_agent_are_different_places(database: Database) -> None:
    await granted(database, A, "a.py", "b.py")
    first = await queued(database, B, "a.py")
    second = await queued(database, B, "a.py", "b.py")
    third = await queued(database, B, "a.py", operation=READ)
    assert len({first, second, third}) == 3
    await release(database, A)
    await granted(database, B, "a.py", "b.py", wait=Wait.QUEUE)


async def test_releasing_everything_leaves_every_queue(database: Database) -> None:
    await granted(database, A, "a.py")
    await queued(database, B, "a.py")
    released = await file_lock.release(database, B, None, None)
    assert isinstance(released, Released)
    assert released.leases == ()
    assert await waiters(database) == []
    assert (await kinds(database))[-1] == "waiter.left"


async def test_releasing_what_is_only_awaited_leaves_the_queue(database: Database) -> None:
    await granted(database, A, "a.py", "b.py")
    await granted(database, B, "c.py")
    await queued(database, B, "a.py")
    await queued(database, B, "a.py", "b.py")
    released = await file_lock.release(database, B, ["a.py", "c.py"], None)
    assert isinstance(released, Released)
    assert [lease.path for lease in released.leases] == ["c.py"]
    rows = await database.fetch("SELECT paths FROM file_lock_waiters")
    assert [row[0] for row in rows] == [["a.py", "b.py"]]
    assert isinstance(await file_lock.release(database, B, ["b.py"], None), Lost)


async def test_an_exact_grant_is_not_confused_with_a_place_in_the_queue(database: Database) -> None:
    token = (await granted(database, A, "a.py")).granted_tokens[0]
    await queued(database, B, "a.py")
    assert isinstance(await file_lock.release(database, B, ["a.py"], [token]), Lost)
    assert [who for _, who in await waiters(database)] == [B.id]


async def test_giving_up_a_request_leaves_its_place_and_gives_back_its_grants_alone(
    database: Database,
) -> None:
    await granted(database, B, "kept.py")
    raced, waiting = wanted("a.py", "b.py"), wanted("kept.py")
    assert isinstance(await file_lock.claim(database, B, raced, Wait.QUEUE), Granted)
    assert isinstance(await file_lock.claim(database, C, waiting, Wait.QUEUE), Held)
    assert await file_lock.cancel_wait(database, C, raced.request_id) == ()
    assert await file_lock.cancel_wait(database, C, waiting.request_id) == ()
    assert await waiters(database) == []
    back = await file_lock.cancel_wait(database, B, raced.request_id)
    assert [lease.path for lease in back] == ["a.py", "b.py"]
    assert await leases(database) == [(B.id, "kept.py", "write")]


@pytest.mark.parametrize("again", ["claim", "renew"])
async def test_a_grant_that_the_agent_was_told_again_is_not_given_back_by_the_first_request(
    database: Database, again: str
) -> None:
    first = wanted("a.py")
    assert isinstance(await file_lock.claim(database, A, first, Wait.QUEUE), Granted)
    if again == "claim":
        second = wanted("a.py")
        told = await file_lock.claim(database, A, second, Wait.QUEUE)
        assert isinstance(told, Granted)
        assert await file_lock.cancel_wait(database, A, second.request_id) == ()
    else:
        await file_lock.renew(database, A, None, None, 60)
    assert await file_lock.cancel_wait(database, A, first.request_id) == ()
    assert await leases(database) == [(A.id, "a.py", "write")]


async def test_a_place_in_which_two_requests_wait_is_left_with_the_last_of_them(database: Database) -> None:
    await granted(database, A, "a.py")
    first, again = wanted("a.py"), wanted("a.py")
    for request in (first, again, first):
        await file_lock.claim(database, B, request, Wait.QUEUE)
    await queued(database, C, "a.py")
    await file_lock.cancel_wait(database, B, first.request_id)
    assert [who for _, who in await waiters(database)] == [B.id, C.id]
    await file_lock.cancel_wait(database, B, again.request_id)
    assert [who for _, who in await waiters(database)] == [C.id]


async def test_a_place_that_a_call_left_for_two_minutes_is_not_left_with_it(database: Database) -> None:
    await granted(database, A, "a.py")
    request = wanted("a.py")
    for wait in (Wait.QUEUE, Wait.PARK):
        await file_lock.claim(database, B, request, wait)
    await file_lock.cancel_wait(database, B, request.request_id)
    assert [who for _, who in await waiters(database)] == [B.id]


async def test_a_place_that_was_only_left_for_two_minutes_belongs_to_no_request(database: Database) -> None:
    await granted(database, A, "a.py")
    request = wanted("a.py")
    await file_lock.claim(database, B, request, Wait.PARK)
    await file_lock.cancel_wait(database, B, request.request_id)
    assert [who for _, who in await waiters(database)] == [B.id]


async def test_a_request_takes_nothing_of_another_agent_along(database: Database) -> None:
    """Whatever a client calls its requests."""
    await granted(database, A, "a.py")
    place, grant = wanted("a.py"), wanted("b.py")
    for request in (place, replace(grant, request_id=place.request_id)):
        await file_lock.claim(database, B, request, Wait.QUEUE)
    assert await file_lock.cancel_wait(database, C, place.request_id) == ()
    assert [who for _, who in await waiters(database)] == [B.id]
    assert (B.id, "b.py", "write") in await leases(database)


async def test_many_waiters_are_granted_in_their_order(database: Database) -> None:
    await granted(database, A, "hot.py")
    crowd = [agent(f"worker_{number}") for number in range(12)]
    tickets = await asyncio.gather(*(queued(database, who, "hot.py") for who in crowd))
    await release(database, A)
    remaining = [who for _, who in sorted(zip(tickets, crowd, strict=True), key=lambda pair: pair[0])]
    while remaining:
        outcomes = {
            who: await try_claim(database, who, "hot.py", wait=Wait.QUEUE) for who in reversed(remaining)
        }
        assert [who for who, outcome in outcomes.items() if isinstance(outcome, Granted)] == remaining[:1]
        await release(database, remaining.pop(0))


async def test_dead_places_are_swept_away_and_recorded(database: Database) -> None:
    await granted(database, A, "a.py", "b.py")
    await queued(database, B, "a.py")
    await die(database, B)
    await queued(database, C, "a.py")
    assert await file_lock.expire(database) == [file_lock.Ended("local", "demo", 1)]
    assert [who for _, who in await waiters(database)] == [C.id]
    rows = await database.fetch("SELECT payload->>'why' FROM coordination_events WHERE kind = 'waiter.left'")
    assert [row[0] for row in rows] == ["died"]
    assert await file_lock.expire(database) == []
