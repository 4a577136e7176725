"""Long work beside the loop: a session's one after the other, little at once, and none that nobody wants any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator

import pytest

from coordination.domain.errors import RetryLater
from coordination.services.turns import MOST_AT_ONCE, Look, Turns

WORKSPACE = "local"


class Held:
    """Work that goes on until it is let go, or until it looks in vain."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.let_go = threading.Event()
        self.ended = threading.Event()

    def __call__(self, look: Look) -> str:
        self.began.set()
        try:
            while not self.let_go.wait(0.001):
                look()
        finally:
            self.ended.set()
        return "done"


class DeafHeld(Held):
    """The same, and it never looks."""

    def __call__(self, look: Look) -> str:
        return super().__call__(lambda: None)


@pytest.fixture
def held() -> Generator[Callable[[Held], Held]]:
    """Keeps works, and lets them go at the end, or their threads would outlive the test."""
    kept: list[Held] = []

    def keep(one: Held) -> Held:
        kept.append(one)
        return one

    yield keep
    for one in kept:
        one.let_go.set()


@pytest.fixture
async def stopping() -> AsyncGenerator[asyncio.Event]:
    event = asyncio.Event()
    yield event
    event.set()


async def do(
    turns: Turns, work: Callable[[Look], str], session: str = "demo", caller: asyncio.Event | None = None
) -> str:
    async with turns.turn(WORKSPACE, session, Gone(caller) if caller else None) as turn:
        return await turn.run(work)


class Gone:
    """A caller that has gone once an event is set."""

    def __init__(self, event: asyncio.Event) -> None:
        self.event = event

    async def wait(self) -> None:
        await self.event.wait()


def quick(_look: Look) -> str:
    return "quick"


async def began(*works: Held) -> None:
    for work in works:
        assert await asyncio.to_thread(work.began.wait, 10)


async def test_the_second_of_a_session_waits_for_its_turn_and_gets_it(
    stopping: asyncio.Event, held: Callable[[Held], Held]
) -> None:
    turns = Turns(stopping)
    first, second = held(Held()), held(Held())
    one = asyncio.create_task(do(turns, first))
    await began(first)
    two = asyncio.create_task(do(turns, second))
    assert await do(turns, quick, "other") == "quick"
    assert not second.began.is_set()
    first.let_go.set()
    second.let_go.set()
    assert await asyncio.gather(one, two) == ["done", "done"]


async def test_whoever_waits_too_long_is_told_to_come_back(
    stopping: asyncio.Event, held: Callable[[Held], Held]
) -> None:
    turns = Turns(stopping, patience_seconds=0.02)
    works = [held(Held()) for _ in range(MOST_AT_ONCE)]
    tasks = [asyncio.create_task(do(turns, work, f"s{number}")) for number, work in enumerate(works)]
    await began(*works)
    for session in ("s0", "other"):
        with pytest.raises(RetryLater, match="under way"):
            await do(turns, quick, session)
    for work in works:
        work.let_go.set()
    await asyncio.gather(*tasks)
    assert await do(turns, quick, "other") == "quick"


@pytest.mark.parametrize("ends", ["stop", "gone", "cancelled"])
async def test_work_that_nobody_wants_ends_when_it_looks(
    stopping: asyncio.Event, held: Callable[[Held], Held], ends: str
) -> None:
    turns, gone, work = Turns(stopping), asyncio.Event(), held(Held())
    task = asyncio.create_task(do(turns, work, caller=gone))
    await began(work)
    {"stop": stopping.set, "gone": gone.set, "cancelled": task.cancel}[ends]()
    with pytest.raises(asyncio.CancelledError if ends == "cancelled" else RetryLater):
        await task
    assert await asyncio.to_thread(work.ended.wait, 10)


async def test_nobody_waits_for_a_thread_that_does_not_look_and_it_keeps_its_place(
    stopping: asyncio.Event, held: Callable[[Held], Held]
) -> None:
    turns, gone, deaf = Turns(stopping, patience_seconds=0.02), asyncio.Event(), held(DeafHeld())
    task = asyncio.create_task(do(turns, deaf, caller=gone))
    await began(deaf)
    gone.set()
    with pytest.raises(RetryLater):
        await task
    assert not deaf.ended.is_set()
    with pytest.raises(RetryLater, match="under way"):
        await do(turns, quick)
    deaf.let_go.set()
    async with asyncio.timeout(10):
        while await _refused(turns):
            pass


async def _refused(turns: Turns) -> bool:
    try:
        await do(turns, quick)
    except RetryLater:
        return True
    return False


@pytest.mark.parametrize("ends", ["stop", "gone"])
async def test_whoever_waits_for_a_turn_is_not_kept(
    stopping: asyncio.Event, held: Callable[[Held], Held], ends: str
) -> None:
    turns, gone, first = Turns(stopping), asyncio.Event(), held(Held())
    task = asyncio.create_task(do(turns, first))
    await began(first)
    waiting = asyncio.create_task(do(turns, quick, caller=gone))
    await asyncio.sleep(0)
    (stopping if ends == "stop" else gone).set()
    with pytest.raises(RetryLater, match="stops"):
        await waiting
    first.let_go.set()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_goes_wrong_in_the_work_reaches_whoever_asked_and_frees_the_turn(
    stopping: asyncio.Event,
) -> None:
    turns = Turns(stopping)

    def wrong(_look: Look) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await do(turns, wrong)
    assert await do(turns, quick) == "quick"
