"""`hook.py headers` answers what the daemon says, waits for one that is only starting, and never fails."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from coordination.daemon.hook_call import HookCall, Reply
from coordination.daemon.hook_socket import HookSocket
from tests.integration.daemon.fake_daemon import FakeDaemon, framed, replying
from tests.integration.daemon.hook import PATIENCE_SECONDS, Hook

HEADERS = b'{"Authorization":"Bearer x","x-coordination-terminal":"1-2.00"}'


async def answer(call: HookCall) -> Reply:
    """Give the headers to whoever asks for them."""
    return Reply(HEADERS if call.event == "headers" else b"{}")


async def test_headers_are_those_of_the_daemon_and_standard_input_is_not_read(hook: Hook) -> None:
    reading, writing = os.pipe()
    try:
        async with HookSocket(Path(hook.pinned["socket"]), answer):
            running = hook.start("headers", stdin=reading)
            printed, _ = await asyncio.to_thread(running.communicate)
    finally:
        os.close(reading)
        os.close(writing)
    assert printed == HEADERS + b"\n"


async def test_a_daemon_that_is_not_there_is_started_and_waited_for(hook: Hook, folder: Path) -> None:
    """The program in place of `coord` lets the test know that it was started; only then a daemon begins to listen."""
    started = folder / "started"
    os.mkfifo(started)
    (folder / "coord").write_text(f'#!/bin/sh\necho "$*" >{started}\n')
    (folder / "coord").chmod(0o755)
    pipe = os.open(started, os.O_RDWR)
    loop = asyncio.get_running_loop()
    told: asyncio.Future[bytes] = loop.create_future()
    loop.add_reader(pipe, lambda: told.done() or told.set_result(os.read(pipe, 100)))
    running = hook.start("headers", stdin=subprocess.DEVNULL)
    try:
        assert await asyncio.wait_for(told, PATIENCE_SECONDS) == b"daemon start\n"
    finally:
        loop.remove_reader(pipe)
        os.close(pipe)
    async with HookSocket(Path(hook.pinned["socket"]), answer):
        printed, _ = await asyncio.to_thread(running.communicate)
    assert printed == HEADERS + b"\n"


@pytest.mark.parametrize("bad", [b'{"Authorization":1}', b"[]", b"{"])
def test_headers_that_are_none_are_left_out(bad: bytes, hook: Hook) -> None:
    with FakeDaemon(Path(hook.pinned["socket"]), replying(framed(bad))):
        assert hook.run("headers") == {}


def test_without_a_daemon_and_a_way_to_start_it_there_are_no_headers(hook: Hook, folder: Path) -> None:
    hook.environment["PATH"] = str(folder)
    if Path("~/.local/bin/coord").expanduser().exists():
        pytest.skip("coord is installed here")
    assert hook.run("headers") == {}
