"""Time that went by unnoticed: the machine slept, the daemon was stopped, the service was away or began anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from coordination.daemon import lease_table
from coordination.daemon.lease import Kept
from coordination.daemon.reclaim import Reclaim
from coordination.domain.file_lock import Held
from coordination.domain.path import normalise_all
from coordination.services import file_lock
from tests.integration.app.proxy import Gate
from tests.integration.cli.running import Running, running_on
from tests.integration.daemon.machine import CHECKOUT, TREE, Machine, local, machine
from tests.integration.store.steps import agent, expire, granted, leases

A = local("impl_a")
OTHER = agent("impl_c", checkout=TREE)
MINE = [("alice/impl_a", "a.py", "write")]


async def asleep(service: Running, one: Machine, *paths: str) -> None:
    """Let the machine sleep for an hour, in which leases end and nothing is heard."""
    await one.settled()
    one.deafen()
    one.clock.ahead += 3600
    await expire(service.core.database, *paths)


async def test_what_nobody_took_is_claimed_again_without_a_word(service: Running, one: Machine) -> None:
    one.needed |= {"a.py"}
    await one.table.hold(A, CHECKOUT, ["a.py", "unneeded.py"])
    token = one.tokens()["a.py"]
    await asleep(service, one, "a.py", "unneeded.py")
    await one.table.tick(jumped=True)
    assert await leases(service.core.database) == MINE
    assert one.tokens()["a.py"] > token
    assert one.lost == []


async def test_what_another_has_is_lost_and_the_rest_is_claimed_again(service: Running, one: Machine) -> None:
    one.needed |= {"a.py", "b.py", "c.py"}
    await one.table.hold(A, CHECKOUT, ["a.py", "b.py", "c.py"])
    await asleep(service, one, "a.py", "b.py", "c.py")
    await granted(service.core.database, OTHER, "b.py")
    await one.table.tick(jumped=True)
    assert one.lost == [("impl_a", ("b.py",), "taken")]
    assert sorted(one.tokens()) == ["a.py", "c.py"]


@pytest.mark.parametrize("guarded", [True, False])
async def test_what_another_had_in_between_is_told(
    service: Running, one: Machine, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:

        async def nothing(*_: object) -> None:
            """Look at nothing."""

        monkeypatch.setattr(Reclaim, "check_between", nothing)
    one.needed |= {"a.py", "b.py"}
    await one.table.hold(A, CHECKOUT, ["a.py", "b.py"])
    await asleep(service, one, "a.py", "b.py")
    await granted(service.core.database, OTHER, "a.py")
    await file_lock.release(service.core, OTHER, normalise_all(["a.py"]))
    await one.table.tick(jumped=True)
    assert (one.lost == [("impl_a", ("a.py",), "taken meanwhile")]) is guarded
    assert sorted(one.tokens()) == ["a.py", "b.py"]


async def test_what_another_had_in_between_is_told_to_an_edit_that_comes_first(
    service: Running, one: Machine
) -> None:
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await asleep(service, one, "a.py")
    await granted(service.core.database, OTHER, "a.py")
    await expire(service.core.database, "a.py")
    kept = await one.table.hold(A, CHECKOUT, ["a.py"])
    assert isinstance(kept, Kept)
    assert kept.previous_holders == {"a.py": "alice/impl_c"}
    assert one.lost == [("impl_a", ("a.py",), "taken meanwhile")]


async def test_when_the_events_are_gone_nobody_knows_and_the_holder_is_to_look(
    service: Running, one: Machine
) -> None:
    one.needed.add("a.py")
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await asleep(service, one, "a.py")
    await granted(service.core.database, OTHER, "b.py")
    await service.core.database.fetch(
        "DELETE FROM coordination_events WHERE seq < (SELECT max(seq) FROM coordination_events)"
    )
    await one.table.tick(jumped=True)
    assert one.lost == [("impl_a", ("a.py",), "taken meanwhile")]


async def test_what_lapsed_is_looked_at_from_where_it_lapsed(service: Running, one: Machine) -> None:
    await one.table.hold(A, CHECKOUT, ["a.py"])
    book = one.table._core.book
    [own] = book.held.values()
    book.lapse([own], 3, one.clock())
    # The service tells of an end when it is noticed, which may be much later.
    book.lapse(book.found([own.lease.fencing_token]), 9, one.clock())
    assert [lapsed.after for lapsed in book.lapsed.values()] == [3]


async def test_what_was_revoked_in_sleep_is_not_claimed_again(service: Running, one: Machine) -> None:
    one.needed |= {"a.py", "b.py"}
    await one.table.hold(A, CHECKOUT, ["a.py", "b.py"])
    await one.settled()
    one.deafen()
    one.clock.ahead += 100
    await file_lock.revoke(service.core, "local", "demo", "bob", ["a.py"], None)
    await file_lock.release(service.core, agent("impl_a", checkout=TREE), normalise_all(["b.py"]))
    await one.table.tick(jumped=True)
    await one.until(lambda: one.lost)
    assert one.lost == [("impl_a", ("a.py",), "revoked")]
    await one.settled()
    assert await leases(service.core.database) == []
    assert (one.tokens(), len(one.lost)) == ({}, 1)


async def test_an_edit_before_the_first_look_after_sleep_is_not_answered_from_memory(
    service: Running, one: Machine
) -> None:
    """The lease is trusted by its time still; that it was revoked and taken meanwhile nobody heard."""
    one.needed.add("a.py")
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await one.settled()
    await one.table.tick()
    one.deafen()
    one.clock.ahead += 100
    await file_lock.revoke(service.core, "local", "demo", "bob", ["a.py"], None)
    await granted(service.core.database, OTHER, "a.py")
    assert isinstance(await one.table.hold(A, CHECKOUT, ["a.py"]), Held)


async def test_an_end_that_an_event_tells_is_mended_at_the_next_look(service: Running, one: Machine) -> None:
    one.needed.add("a.py")
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await one.settled()
    await expire(service.core.database, "a.py")
    await service.core.database.fetch("SELECT coordination_expire_file_locks('local', 'demo')")
    service.core.feed.announce("local", "demo", freed=True)
    await one.until(lambda: not one.tokens())
    assert not isinstance(await one.table.hold(local("impl_b"), CHECKOUT, ["b.py"]), Held)
    await one.table.tick()
    assert "a.py" in one.tokens()
    assert one.lost == []


async def test_the_loop_sees_a_jump_of_the_clock_and_looks_at_once(
    service: Running, one: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_table, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(lease_table, "SHORTEST_PAUSE", 0.02)
    one.needed.add("a.py")
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await one.settled()
    token = one.tokens()["a.py"]
    running = asyncio.create_task(one.table.run())
    await expire(service.core.database, "a.py")
    # As after SIGSTOP and SIGCONT, or after the machine slept.
    one.clock.ahead += 120
    await one.until(lambda: one.tokens().get("a.py", token) != token)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert one.lost == []


async def test_a_service_that_ends_during_a_renewal_and_comes_back_costs_nothing(
    dsn: str, tmp_path: Path
) -> None:
    async with Gate() as gate, machine(gate) as one:
        one.needed.add("a.py")
        async with running_on(dsn, tmp_path / "first") as service:
            gate.behind = int(service.url.rpartition(":")[2])
            await gate.open()
            await one.reachable()
            await one.table.hold(A, CHECKOUT, ["a.py"])
            await one.settled()
            token = one.tokens()["a.py"]
            one.clock.ahead += 160
            for _ in range(2):
                one.link.halt(before=True)
            halt, again = one.link.halts
            again.go.set()
            looking = asyncio.create_task(one.table.tick())
            await halt.until_reached()
            await gate.shut()
        halt.go.set()
        await looking
        assert one.link.state.value == "away"
        assert one.lost == []
        async with running_on(dsn, tmp_path / "second") as service:
            gate.behind = int(service.url.rpartition(":")[2])
            await gate.open()
            await one.reachable()
            await one.table.tick()
            await one.settled()
            assert one.tokens() == {"a.py": token}
            kept = await one.table.hold(A, CHECKOUT, ["a.py"])
            assert isinstance(kept, Kept)
            assert kept.seconds > 250
            assert one.lost == []
            one.following.close()
