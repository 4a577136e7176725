"""A terminal's end is told once, however it ends, with descriptors of processes and without."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack

import psutil
import pytest

from coordination.daemon import liveness
from coordination.daemon.liveness import Liveness
from coordination.daemon.local_agent import TerminalKey

SECONDS = 20
DESCRIPTORS = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="descriptors of processes are of Linux"
)


class Terminals:
    """Processes that live until they are ended."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.running: dict[TerminalKey, subprocess.Popen[bytes]] = {}

    def start(self) -> TerminalKey:
        program = self._stack.enter_context(subprocess.Popen(["sleep", "600"]))
        self._stack.callback(program.kill)
        key = TerminalKey(program.pid, f"{psutil.Process(program.pid).create_time():.2f}")
        self.running[key] = program
        return key

    def kill(self, key: TerminalKey) -> None:
        """End one as a crash does; nobody waits for it yet."""
        self.running[key].kill()


@pytest.fixture
def terminals() -> Generator[Terminals]:
    with ExitStack() as stack:
        yield Terminals(stack)


@pytest.fixture(params=[pytest.param(True, marks=DESCRIPTORS), False], ids=["descriptors", "looks"])
async def watching(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Liveness]:
    monkeypatch.setattr(liveness, "LOOK_SECONDS", 0.02)
    one = Liveness(descriptors=request.param)
    yield one
    one.close()


class Told:
    """Who was told of, in order."""

    def __init__(self) -> None:
        self.of: asyncio.Queue[TerminalKey] = asyncio.Queue()

    def __call__(self, key: TerminalKey) -> None:
        self.of.put_nowait(key)

    async def next(self) -> TerminalKey:
        return await asyncio.wait_for(self.of.get(), SECONDS)


async def test_the_end_of_each_is_told_once_and_not_that_of_the_others(
    watching: Liveness, terminals: Terminals
) -> None:
    told, first, second = Told(), terminals.start(), terminals.start()
    watching.watch(first, told)
    watching.watch(second, told)
    watching.watch(second, told)
    terminals.kill(second)
    assert await told.next() == second
    terminals.kill(first)
    assert await told.next() == first
    assert told.of.empty()
    assert not watching._watched
    assert not watching._open
    assert not watching._looked_at


async def test_one_that_ended_before_is_told_too_but_not_before_watch_returns(
    watching: Liveness, terminals: Terminals
) -> None:
    told, key = Told(), terminals.start()
    terminals.kill(key)
    terminals.running[key].wait()
    watching.watch(key, told)
    assert told.of.empty()
    assert await told.next() == key


async def test_another_process_under_its_id_is_not_it(watching: Liveness, terminals: Terminals) -> None:
    told, key = Told(), terminals.start()
    former = TerminalKey(key.pid, f"{float(key.started) - 60:.2f}")
    watching.watch(former, told)
    watching.watch(key, told)
    assert await told.next() == former
    terminals.kill(key)
    assert await told.next() == key


async def test_one_that_is_stopped_lives(watching: Liveness, terminals: Terminals) -> None:
    told, stopped, other = Told(), terminals.start(), terminals.start()
    watching.watch(stopped, told)
    watching.watch(other, told)
    os.kill(stopped.pid, signal.SIGSTOP)
    await asyncio.to_thread(os.waitid, os.P_PID, stopped.pid, os.WSTOPPED | os.WNOWAIT)
    terminals.kill(other)
    assert await told.next() == other
    os.kill(stopped.pid, signal.SIGCONT)
    terminals.kill(stopped)
    assert await told.next() == stopped


async def test_of_what_is_watched_no_more_nobody_is_told(watching: Liveness, terminals: Terminals) -> None:
    told, left, dead, other = Told(), terminals.start(), terminals.start(), terminals.start()
    terminals.kill(dead)
    terminals.running[dead].wait()
    for key in (left, dead, other):
        watching.watch(key, told)
    watching.unwatch(left)
    watching.unwatch(dead)
    terminals.kill(left)
    terminals.kill(other)
    assert await told.next() == other
    assert told.of.empty()


async def test_who_is_told_may_fail_and_the_others_are_told_all_the_same(
    watching: Liveness, terminals: Terminals
) -> None:
    told, failing, other = Told(), terminals.start(), terminals.start()
    errors: asyncio.Queue[object] = asyncio.Queue()
    asyncio.get_running_loop().set_exception_handler(
        lambda _, found: errors.put_nowait(found.get("exception"))
    )

    def fail(key: TerminalKey) -> None:
        raise RuntimeError(key)

    try:
        watching.watch(failing, fail)
        watching.watch(other, told)
        terminals.kill(failing)
        assert isinstance(await asyncio.wait_for(errors.get(), SECONDS), RuntimeError)
        terminals.kill(other)
        assert await told.next() == other
    finally:
        asyncio.get_running_loop().set_exception_handler(None)


@DESCRIPTORS
async def test_where_no_descriptor_is_to_be_had_it_is_looked_at(
    terminals: Terminals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_pid: int) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "pidfd_open", refuse)
    monkeypatch.setattr(liveness, "LOOK_SECONDS", 0.02)
    watching, told, key = Liveness(), Told(), terminals.start()
    watching.watch(key, told)
    terminals.kill(key)
    assert await told.next() == key


@DESCRIPTORS
async def test_one_that_is_replaced_between_both_looks_is_gone(
    terminals: Terminals, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the descriptor is of lives on; what was meant began earlier.
    told, now = Told(), terminals.start()
    meant = TerminalKey(now.pid, f"{float(now.started) - 60:.2f}")
    watching = Liveness()
    watching.watch(meant, told)
    assert await told.next() == meant
    assert psutil.pid_exists(now.pid)
