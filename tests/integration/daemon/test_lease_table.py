"""What the table holds for the agents of a machine, beside a real service: claims, renewals, releases, what is lost."""

from __future__ import annotations

import asyncio

from coordination.daemon.lease import Kept, Unknown
from coordination.daemon.lease_table import TICK_SECONDS
from coordination.domain.file_lock import Held
from coordination.services import file_lock
from tests.integration.cli.running import Running
from tests.integration.daemon.machine import CHECKOUT, TREE, Machine, beside, local
from tests.integration.store.steps import agent, expire, granted, leases

A = local("impl_a")
B = local("impl_b", pid=77)


async def ends(service: Running) -> dict[str, float]:
    """How many seconds each lease has left, by path."""
    rows = await service.core.database.fetch(
        "SELECT file_path, extract(epoch FROM expires_at - clock_timestamp()) AS left FROM file_locks"
    )
    return {row["file_path"]: float(row["left"]) for row in rows}


async def age(service: Running, seconds: float) -> None:
    """Let so much of the time of all leases go by."""
    await service.core.database.fetch(
        "UPDATE file_locks SET expires_at = expires_at - make_interval(secs => $1)", seconds
    )


async def test_what_is_held_is_known_without_asking_and_what_another_has_is_told(
    service: Running, one: Machine
) -> None:
    first = await one.table.hold(A, CHECKOUT, ["a.py", "src/b.py"])
    assert isinstance(first, Kept)
    assert 280 < first.seconds <= 290
    assert await leases(service.core.database) == [
        ("alice/impl_a", "a.py", "write"),
        ("alice/impl_a", "src/b.py", "write"),
    ]
    await one.settled()
    calls = one.link.calls
    again = await one.table.hold(A, CHECKOUT, ["src/b.py"])
    assert isinstance(again, Kept)
    assert one.link.calls == calls

    held = await one.table.hold(B, CHECKOUT, ["free.py", "a.py"])
    assert isinstance(held, Held)
    assert [(one.agent_id, one.wanted, one.reason) for one in held.conflicts] == [
        ("alice/impl_a", "a.py", "editing")
    ]
    assert "free.py" not in one.tokens()


async def test_a_folder_that_an_agent_holds_covers_the_files_in_it(service: Running, one: Machine) -> None:
    await one.table.hold(A, CHECKOUT, ["src"])
    await one.settled()
    calls = one.link.calls
    assert isinstance(await one.table.hold(A, CHECKOUT, ["src/deep/a.py"]), Kept)
    assert one.link.calls == calls
    assert isinstance(await one.table.hold(A, CHECKOUT, ["src2/a.py"]), Kept)
    assert one.link.calls == calls + 1


async def test_too_little_time_left_is_asked_for_again(service: Running, one: Machine) -> None:
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await one.settled()
    token = one.tokens()["a.py"]
    one.clock.ahead += 231
    one.table._looked_at = one.clock()
    kept = await one.table.hold(A, CHECKOUT, ["a.py"])
    assert isinstance(kept, Kept)
    assert kept.seconds > 280
    assert one.tokens()["a.py"] == token


async def test_while_the_service_is_away_only_what_is_trusted_is_kept(service: Running, one: Machine) -> None:
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await one.gate.shut()
    kept = await one.table.hold(A, CHECKOUT, ["a.py"])
    assert isinstance(kept, Kept)
    assert isinstance(await one.table.hold(A, CHECKOUT, ["b.py"]), Unknown)
    one.clock.ahead += 231
    unknown = await one.table.hold(A, CHECKOUT, ["a.py"])
    assert isinstance(unknown, Unknown)
    assert one.gate.url in unknown.why


async def test_what_a_person_takes_is_held_no_more_and_told(service: Running, one: Machine) -> None:
    await one.table.hold(A, CHECKOUT, ["a.py", "b.py"])
    await one.settled()
    await file_lock.revoke(service.core, "local", "demo", "bob", ["a.py"], None)
    await one.until(lambda: one.lost)
    assert one.lost == [("impl_a", ("a.py",), "revoked")]
    assert list(one.tokens()) == ["b.py"]
    await granted(service.core.database, agent("impl_c", checkout=TREE), "a.py")
    assert isinstance(await one.table.hold(A, CHECKOUT, ["a.py"]), Held)


async def test_wrong_paths_are_unknown_and_never_sent(service: Running, one: Machine) -> None:
    for paths in ([], ["../out.py"], ["a\x00.py"], [f"{number}.py" for number in range(501)]):
        assert isinstance(await one.table.hold(A, CHECKOUT, paths), Unknown), paths
    assert isinstance(await one.table.hold(A, "no checkout", ["a.py"]), Unknown)
    assert one.link.calls == 0
    assert isinstance(await one.table.hold(A, CHECKOUT, ["app/[id]/what?.py"]), Kept)


async def test_what_is_needed_is_renewed_at_half_and_what_is_not_is_given_back(
    service: Running, one: Machine
) -> None:
    for path in ("kept.py", "done.py"):
        await one.table.hold(A, CHECKOUT, [path])
    one.needed.add("kept.py")
    await one.settled()
    before, calls = one.tokens(), one.link.calls
    await one.table.tick()
    assert await leases(service.core.database) == [("alice/impl_a", "kept.py", "write")]
    assert one.link.calls == calls + 1
    one.clock.ahead += 151
    await age(service, 151)
    await one.table.tick()
    assert one.tokens() == {"kept.py": before["kept.py"]}
    assert (await ends(service))["kept.py"] > 290
    assert set(one.asked) == {("impl_a", CHECKOUT)}
    assert one.lost == []


async def test_what_an_agent_claimed_itself_is_renewed_as_long_as_it_is_there(
    service: Running, one: Machine
) -> None:
    who = agent("impl_a", checkout=TREE)
    await granted(service.core.database, who, "before.py")
    await one.table.adopt(A, [CHECKOUT])
    await one.settled()
    await granted(service.core.database, who, "after.py")
    service.core.feed.announce("local", "demo", freed=False)
    await one.until(lambda: "after.py" in one.tokens())
    await service.core.database.fetch("UPDATE file_locks SET expires_at = now() + interval '20 s'")
    one.clock.ahead += 900
    await one.table.tick()
    assert {path: left > 290 for path, left in (await ends(service)).items()} == {
        "before.py": True,
        "after.py": True,
    }
    assert one.asked == []
    await one.table.leave(A, "ended")
    assert await leases(service.core.database) == []


async def test_an_edit_of_what_an_agent_claimed_itself_keeps_its_reason_also_over_a_restart(
    service: Running, one: Machine
) -> None:
    who = agent("impl_a", checkout=TREE)
    await granted(service.core.database, who, "a.py")
    await service.core.database.fetch("UPDATE file_locks SET reason = 'the parser'")
    await one.table.adopt(A, [CHECKOUT])
    await one.settled()
    # Too little of its time is left, so it is asked for again, beside a file that is not held yet.
    one.clock.ahead += 880
    assert isinstance(await one.table.hold(A, CHECKOUT, ["a.py", "b.py"]), Kept)
    reasons = {lease.path: lease.reason for lease in await one.table._core.calls.read("demo")}
    assert reasons == {"a.py": "the parser", "b.py": "editing"}
    async with beside(service) as later:
        await later.table.adopt(A, [CHECKOUT])
        assert later.table.automatic(A) == [(CHECKOUT, "b.py")]


async def test_what_is_dropped_is_exactly_what_was_lost(service: Running, one: Machine) -> None:
    one.needed |= {"a.py", "b.py", "c.py"}
    await one.table.hold(A, CHECKOUT, ["a.py", "b.py", "c.py"])
    await one.settled()
    one.deafen()
    before = one.tokens()
    await age(service, 160)
    await expire(service.core.database, "b.py")
    await granted(service.core.database, agent("impl_c", checkout=TREE), "b.py")
    one.clock.ahead += 160
    await one.table.tick()
    assert one.lost == [("impl_a", ("b.py",), "taken")]
    assert one.tokens() == {path: before[path] for path in ("a.py", "c.py")}
    left = await ends(service)
    assert min(left["a.py"], left["c.py"]) > 290


async def test_when_trust_is_over_the_holder_is_told_once(service: Running, one: Machine) -> None:
    one.needed.add("a.py")
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await one.gate.shut()
    one.clock.ahead += 200
    await one.table.tick()
    assert one.lost == []
    one.clock.ahead += 91
    for _ in range(3):
        await one.table.tick()
    assert one.lost == [("impl_a", ("a.py",), "unreachable")]


async def test_everything_is_given_back_by_who_leaves_also_what_nobody_knew_of(
    service: Running, one: Machine
) -> None:
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await one.gate.shut()
    await granted(service.core.database, agent("impl_a", checkout=TREE), "by-itself.py")
    await one.table.leave(A, "ended")
    assert len(await leases(service.core.database)) == 2
    await one.gate.open()
    await one.reachable()
    await one.table.tick()
    assert await leases(service.core.database) == []
    assert one.lost == []


async def test_after_the_time_of_a_lease_giving_back_is_given_up(service: Running, one: Machine) -> None:
    await one.table.hold(A, CHECKOUT, ["a.py"])
    await one.gate.shut()
    await one.table.leave(A, "ended")
    one.clock.ahead += 301
    await one.table.tick()
    await one.gate.open()
    await one.reachable()
    await one.table.tick()
    # By the clock of the database it lives: only this machine's was put forward.
    assert await leases(service.core.database) == [("alice/impl_a", "a.py", "write")]


async def test_a_file_goes_from_a_terminal_to_its_subagent_and_back(service: Running, one: Machine) -> None:
    await one.table.hold(A, CHECKOUT, ["a.py", "b.py"])
    assert isinstance(await one.table.hand_over(A, B, CHECKOUT, "a.py"), Kept)
    assert await leases(service.core.database) == [
        ("alice/impl_a", "b.py", "write"),
        ("alice/impl_b", "a.py", "write"),
    ]
    assert isinstance(await one.table.hold(A, CHECKOUT, ["a.py"]), Held)
    assert isinstance(await one.table.hand_over(B, A, CHECKOUT, "a.py"), Kept)
    await granted(service.core.database, agent("impl_a", checkout=TREE), "own.py")
    await one.table.adopt(A, [CHECKOUT])
    assert isinstance(await one.table.hand_over(A, B, CHECKOUT, "own.py"), Held)
    await one.gate.shut()
    assert isinstance(await one.table.hand_over(A, B, CHECKOUT, "b.py"), Unknown)


async def test_a_hundred_files_of_a_terminal_need_a_few_calls_a_minute(
    service: Running, one: Machine
) -> None:
    paths = [f"{number}.py" for number in range(100)]
    one.needed |= set(paths)
    for path in paths[::10]:
        await one.table.hold(A, CHECKOUT, [path])
        one.clock.ahead += 6
    await one.table.hold(A, CHECKOUT, paths)
    await one.settled()
    calls = one.link.calls
    for _ in range(int(600 / TICK_SECONDS)):
        one.clock.ahead += TICK_SECONDS
        await one.table.tick()
        for path in paths:
            assert isinstance(await one.table.hold(A, CHECKOUT, [path]), Kept)
    assert one.link.calls - calls <= 10
    assert one.lost == []


async def test_agents_beside_each_other_do_not_wait_for_one_another(service: Running, one: Machine) -> None:
    await one.table.hold(A, CHECKOUT, ["a.py"])
    halt = one.link.halt(before=True)
    slow = asyncio.create_task(one.table.hold(A, CHECKOUT, ["slow.py"], patience=30))
    await halt.until_reached()
    assert isinstance(await one.table.hold(A, CHECKOUT, ["quick.py"]), Kept)
    assert isinstance(await one.table.hold(B, CHECKOUT, ["other.py"]), Kept)
    halt.go.set()
    assert isinstance(await slow, Kept)
