"""What happens to leases at the same moment, or while an answer is on its way. Each guard is shown to be needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager

import pytest

from coordination.daemon.lease import Kept, LeaseKey, OwnLease, Unknown
from coordination.daemon.lease_book import LeaseBook
from coordination.daemon.lease_core import LeaseCore
from coordination.daemon.path_order import PathOrder
from coordination.domain.file_lock import Held, Lease
from coordination.domain.path import normalise_all
from coordination.services import file_lock
from tests.integration.cli.running import Running
from tests.integration.daemon.machine import CHECKOUT, TREE, Machine, local
from tests.integration.store.steps import READ, agent, granted, leases

A = local("impl_a")
MINE = [("alice/impl_a", "a.py", "write")]


def no(*_: object) -> bool:
    """Do nothing in the place of a guard."""
    return False


def nothing(*_: object) -> None:
    """Keep nothing."""


@asynccontextmanager
async def no_turn(_order: PathOrder, _keys: Collection[LeaseKey]) -> AsyncGenerator[None]:
    """Let everybody go at once."""
    yield


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_claim_and_a_release_of_one_path_come_one_after_the_other(
    service: Running, one: Machine, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(PathOrder, "turn", no_turn)
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await one.settled()
    halt = one.link.halt(before=True)
    releasing = asyncio.create_task(one.table.release(A, ["a.py"]))
    await halt.until_reached()
    holding = asyncio.create_task(one.table.hold(A, CHECKOUT, ["a.py"], patience=30))
    # Without the guard the claim is answered now, with the token that the release names; with it, never before.
    await asyncio.wait({holding}, timeout=0.3)
    halt.go.set()
    await releasing
    assert isinstance(await holding, Kept)
    assert (await leases(service.core.database) == MINE) is guarded


@pytest.mark.parametrize("guarded", [True, False])
async def test_what_is_used_while_its_need_is_looked_at_is_not_given_back(
    service: Running, one: Machine, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(OwnLease, "used", property(no, nothing))
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await one.settled()

    async def edit() -> None:
        assert isinstance(await one.table.hold(A, CHECKOUT, ["a.py"]), Kept)

    one.on_needed.append(edit)
    await one.table.tick()
    assert (await leases(service.core.database) == MINE) is guarded
    await one.table.tick()
    assert await leases(service.core.database) == []


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_list_says_nothing_of_what_was_granted_after_it(
    service: Running, one: Machine, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        absent = LeaseBook.absent

        def anything(book: LeaseBook, session: str, listed: Sequence[Lease], _asked: int) -> list[OwnLease]:
            return absent(book, session, listed, 10**9)

        monkeypatch.setattr(LeaseBook, "absent", anything)
    await one.table.hold(A, CHECKOUT, ["first.py"])
    await one.settled()
    halt = one.link.halt()
    reading = asyncio.create_task(one.table._reading.read("demo"))
    await halt.until_reached()
    await one.table.hold(A, CHECKOUT, ["a.py"])
    halt.go.set()
    await reading
    assert (list(one.tokens()) == ["first.py", "a.py"]) is guarded


@pytest.mark.parametrize("guarded", [True, False])
async def test_what_was_given_back_does_not_come_back_with_an_older_list(
    service: Running, one: Machine, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(LeaseBook, "_is_past", no)
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await one.settled()
    one.deafen()
    halt = one.link.halt()
    reading = asyncio.create_task(one.table._reading.read("demo"))
    await halt.until_reached()
    await one.table.release(A)
    halt.go.set()
    await reading
    assert (one.tokens() == {}) is guarded


@pytest.mark.parametrize("guarded", [True, False])
async def test_what_is_claimed_again_is_not_given_back_by_what_was_put_off(
    service: Running, one: Machine, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(LeaseBook, "claimed_again", no)
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await one.gate.shut()
    await one.table.release(A, ["a.py"])
    await one.gate.open()
    await one.reachable()
    assert isinstance(await one.table.hold(A, CHECKOUT, ["a.py"]), Kept)
    one.needed.add("a.py")
    await one.table.tick()
    assert (await leases(service.core.database) == MINE) is guarded


async def test_a_grant_whose_answer_comes_too_late_is_in_the_table(service: Running, one: Machine) -> None:
    halt = one.link.halt()
    unknown = await one.table.hold(A, CHECKOUT, ["a.py"], patience=0)
    assert isinstance(unknown, Unknown)
    halt.go.set()
    await one.until(one.tokens)
    await one.settled()
    calls = one.link.calls
    assert isinstance(await one.table.hold(A, CHECKOUT, ["a.py"]), Kept)
    assert one.link.calls == calls
    await one.table.tick()
    assert await leases(service.core.database) == []


async def test_a_grant_whose_answer_got_lost_is_found_and_given_back(service: Running, one: Machine) -> None:
    await one.table.adopt(A, [CHECKOUT])
    await one.settled()
    one.following.close()
    for _ in range(2):
        one.link.halt(lost=True).go.set()
    assert isinstance(await one.table.hold(A, CHECKOUT, ["a.py"]), Unknown)
    assert await leases(service.core.database) == MINE
    await one.reachable()
    one.needed.add("a.py")
    await one.table.tick()
    assert list(one.tokens()) == ["a.py"]
    one.needed.clear()
    await one.table.tick()
    assert await leases(service.core.database) == []


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_grant_for_an_agent_that_left_meanwhile_is_given_back(
    service: Running, one: Machine, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(LeaseCore, "give_back", no)
        monkeypatch.setattr(PathOrder, "turn", no_turn)
    await one.table.adopt(A, [CHECKOUT])
    await one.settled()
    halt = one.link.halt(before=True)
    holding = asyncio.create_task(one.table.hold(A, CHECKOUT, ["a.py"], patience=30))
    await halt.until_reached()
    leaving = asyncio.create_task(one.table.leave(A, "ended"))
    if not guarded:
        await leaving
    halt.go.set()
    await holding
    await leaving
    await one.table.tick()
    assert (await leases(service.core.database) == []) is guarded


async def test_of_a_lease_that_the_agent_gives_back_itself_nothing_is_told(
    service: Running, one: Machine
) -> None:
    await one.table.hold(A, CHECKOUT, ["a.py", "b.py"])
    await one.settled()
    who = agent("impl_a", checkout=TREE)
    await file_lock.release(service.core, who, normalise_all(["a.py"]))
    await one.until(lambda: list(one.tokens()) == ["b.py"])
    assert one.lost == []


async def test_two_claims_of_one_path_at_once_are_one(service: Running, one: Machine) -> None:
    await one.table.adopt(A, [CHECKOUT])
    await one.settled()
    calls = one.link.calls
    both = await asyncio.gather(*(one.table.hold(A, CHECKOUT, ["a.py"]) for _ in range(8)))
    assert all(isinstance(outcome, Kept) for outcome in both)
    assert one.link.calls <= calls + 2


async def test_a_waiting_claim_gets_its_turn(service: Running, one: Machine) -> None:
    await one.table.hold(A, CHECKOUT, ["a.py"])
    other = local("impl_b", pid=77)
    waiting = asyncio.create_task(one.table.hold(other, CHECKOUT, ["a.py"], wait_seconds=30))
    async with asyncio.timeout(40):
        while not await service.core.database.fetch("SELECT 1 FROM file_lock_waiters"):
            pass
    await one.table.release(A)
    kept = await waiting
    assert isinstance(kept, Kept)
    held = await one.table.hold(A, CHECKOUT, ["a.py"])
    assert isinstance(held, Held)


async def test_a_read_lease_that_becomes_exclusive_is_no_loss(service: Running, one: Machine) -> None:
    await granted(service.core.database, agent("impl_a", checkout=TREE), "a.py", operation=READ)
    await one.table.adopt(A, [CHECKOUT])
    await one.settled()
    assert isinstance(await one.table.hold(A, CHECKOUT, ["a.py"]), Kept)
    await one.table.tick()
    assert one.lost == []
    assert await leases(service.core.database) == MINE
