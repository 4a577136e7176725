"""The daemon follows the sessions that have agents here: in order, each event once, and every break is told."""

from __future__ import annotations

import asyncio
import threading

import pytest

from coordination.daemon import following as module
from coordination.services.core import Core
from tests.integration.app.streams import claim, join
from tests.integration.cli.running import Running
from tests.integration.daemon.machine import LIMIT_SECONDS, Machine, Noted

SESSION = "followed"


async def heard(noted: Noted, number: int) -> list[int | bool]:
    """What is told of the session next."""
    async with asyncio.timeout(LIMIT_SECONDS):
        return [(await noted.told.get())[1] for _ in range(number)]


def streams() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("events of ")]


@pytest.fixture
def noted(one: Machine) -> Noted:
    found = Noted()
    one.following.observers.append(found)
    return found


async def began(core: Core, one: Machine, noted: Noted) -> None:
    """Have a session followed."""
    await join(core, SESSION)
    one.following.add(SESSION, "impl_a")
    assert await heard(noted, 1) == [True]


async def test_each_event_comes_once_and_breaks_are_told(
    service: Running, one: Machine, noted: Noted
) -> None:
    await began(service.core, one, noted)
    await claim(service.core, SESSION, "a.py")
    assert await heard(noted, 1) == [3]
    await one.gate.cut()
    assert await heard(noted, 1) == [False]
    await claim(service.core, SESSION, "b.py")
    assert await heard(noted, 2) == [True, 4]
    assert one.following.seen(SESSION) == 4
    assert one.following.is_current(SESSION)


async def test_a_session_that_is_not_there_yet_is_followed_once_it_is(
    service: Running, one: Machine, noted: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 3600)
    one.following.add(SESSION, "impl_a")
    followed = one.following._sessions[SESSION]
    await one.until(lambda: followed._thread is None)
    assert not one.following.is_current(SESSION)
    await join(service.core, SESSION)
    one.following.poke(SESSION)
    assert await heard(noted, 1) == [True]


async def test_whoever_is_refused_comes_back_after_pauses_that_grow_and_are_drawn(
    service: Running, one: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    between: list[tuple[float, float]] = []

    class Drawn:
        def uniform(self, shortest: float, longest: float) -> float:
            between.append((shortest, longest))
            return 0.001

    monkeypatch.setattr(module, "_RANDOM", Drawn())
    one.following.add("nowhere", "impl_a")
    await one.until(lambda: len(between) > 2)
    one.following.remove("nowhere", "impl_a")
    assert between[:3] == [(0.25, 0.5), (0.5, 1.0), (1.0, 2.0)]


async def test_it_ends_with_the_last_agent_that_wants_it(
    service: Running, one: Machine, noted: Noted
) -> None:
    await began(service.core, one, noted)
    one.following.add(SESSION, "impl_b")
    assert streams() == [f"events of {SESSION}"]
    one.following.remove(SESSION, "impl_a")
    assert one.following.is_current(SESSION)
    one.following.remove(SESSION, "impl_b")
    assert await heard(noted, 1) == [False]
    await one.until(lambda: not streams())


async def test_after_sleep_it_begins_anew_where_it_stopped(
    service: Running, one: Machine, noted: Noted
) -> None:
    await began(service.core, one, noted)
    one.deafen(SESSION)
    await claim(service.core, SESSION, "a.py")
    one.following.again()
    assert await heard(noted, 3) == [False, True, 3]


async def test_who_is_behind_loses_nothing(
    service: Running, one: Machine, noted: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKLOG", 2)
    await join(service.core, SESSION)
    for number in range(40):
        await claim(service.core, SESSION, f"{number}.py")
    one.following.add(SESSION, "impl_a")
    assert await heard(noted, 1) == [True]
    followed = one.following._sessions[SESSION]
    followed.seen = 0
    followed.begin()
    told = await heard(noted, 44)
    assert told == [False, True, *range(1, 43)]
    for number in range(40, 50):
        await claim(service.core, SESSION, f"{number}.py")
    assert await heard(noted, 10) == list(range(43, 53))
