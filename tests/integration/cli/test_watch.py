"""`coord watch` as a program of its own: on a terminal, into a pipe, with and without a service."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import re
import signal
import struct
import termios
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from coordination.domain.errors import RetryLater
from tests.integration.cli.running import Coord, Running, program

PATIENCE_SECONDS: Final = 40
ANSI: Final = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
SHOW_CURSOR, MAIN_SCREEN = b"\x1b[?25h", b"\x1b[?1049l"


@asynccontextmanager
async def watching(
    service: Running, *options: str, stdout: int, stderr: int | None = None
) -> AsyncGenerator[Process]:
    environment = {
        **os.environ,
        **service.environment,
        "TERM": "xterm",
        "COLUMNS": "",
        "PYTHONUNBUFFERED": "1",
    }
    started = await asyncio.create_subprocess_exec(
        *program(), "watch", "demo", *options, env=environment, stdin=DEVNULL, stdout=stdout, stderr=stderr
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


async def waits_for_events(service: Running) -> None:
    """Return once somebody waits for events of the session."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while ("local", "demo") not in service.core.feed._readers:  # noqa: ASYNC110 - nobody announces a reader
            await asyncio.sleep(0)


class Screen:
    """A terminal of 80 columns: what a program wrote to it."""

    def __init__(self) -> None:
        self.own, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 80, 0, 0))
        self.written = b""
        self._changed = asyncio.Event()

    def __enter__(self) -> Screen:
        asyncio.get_running_loop().add_reader(self.own, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self.own)
        os.close(self.own)

    def started(self) -> None:
        """Leave the other end to the program."""
        os.close(self.theirs)

    @property
    def text(self) -> str:
        return ANSI.sub(b"", self.written).decode(errors="replace")

    async def shows(self, text: str) -> None:
        """Return once `text` was drawn."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while text not in self.text:
                self._changed.clear()
                await self._changed.wait()

    def _read(self) -> None:
        try:
            self.written += os.read(self.own, 65536)
        except OSError:
            asyncio.get_running_loop().remove_reader(self.own)
        self._changed.set()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
async def test_into_a_pipe_it_prints_one_json_object_for_each_event_and_ends_when_asked(
    service: Running, end: signal.Signals
) -> None:
    await service.claim(service.agent("planner"), "a.py")
    async with watching(service, "--json", stdout=PIPE, stderr=PIPE) as watch:
        assert watch.stdout is not None
        await waits_for_events(service)
        await service.claim(service.agent("planner"), "b.py")
        async with asyncio.timeout(PATIENCE_SECONDS):
            event = json.loads(await watch.stdout.readline())
        assert (event["kind"], event["agent_id"]) == ("lock.claimed", "alice/planner")
        watch.send_signal(end)
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, errors = await watch.communicate()
        assert (watch.returncode, errors) == (0, b"")


async def test_into_a_pipe_without_json_it_prints_lines_for_people(service: Running) -> None:
    await service.claim(service.agent("planner"), "a.py")
    async with watching(service, stdout=PIPE) as watch:
        assert watch.stdout is not None
        await waits_for_events(service)
        await service.claim(service.agent("planner"), "b.py")
        async with asyncio.timeout(PATIENCE_SECONDS):
            line = await watch.stdout.readline()
        assert line.decode().rstrip().endswith("alice/planner claimed b.py (write)")


async def test_on_a_terminal_it_draws_follows_and_leaves_the_terminal_as_it_was(service: Running) -> None:
    await service.claim(service.agent("planner"), "a.py")
    with Screen() as screen:
        async with watching(service, stdout=screen.theirs, stderr=screen.theirs) as watch:
            screen.started()
            await screen.shows("Session demo: 1 agent(s)")
            await screen.shows("holds  a.py")
            await service.claim(service.agent("impl_a"), "b.py")
            await screen.shows("holds  b.py")
            await screen.shows("alice/impl_a claimed b.py (write)")
            watch.send_signal(signal.SIGINT)
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await watch.wait() == 0
        assert "Traceback" not in screen.text
        assert SHOW_CURSOR in screen.written
        assert MAIN_SCREEN in screen.written


async def claimed(service: Running) -> bool:
    """Claim a file; a call that is under way at the wrong address may have opened its pool again."""
    try:
        await service.claim(service.agent("impl_a"), "b.py")
    except RetryLater:
        return False
    return True


async def test_when_the_service_cannot_answer_the_picture_says_that_it_is_old(own_service: Running) -> None:
    await own_service.claim(own_service.agent("planner"), "a.py")
    with Screen() as screen:
        async with watching(own_service, stdout=screen.theirs, stderr=screen.theirs):
            screen.started()
            await screen.shows("holds  a.py")
            good = own_service.core.database.dsn
            own_service.move_database("postgresql://nobody@127.0.0.1:9/nowhere")
            await screen.shows("The database cannot answer now")
            await screen.shows("old and may be wrong")
            drawn = len(screen.text)
            own_service.move_database(good)
            while not await claimed(own_service):
                pass
            await screen.shows("holds  b.py")
            assert "may be wrong" not in screen.text[drawn:].rpartition("Session demo: 2 agent(s)")[2]


async def test_once_shows_the_status_and_the_last_events_and_ends(service: Running, coord: Coord) -> None:
    for number in range(8):
        await service.claim(service.agent("planner"), f"f{number}.py")
    watched = await coord("watch", "demo", "--once")
    assert watched.exit_code == 0
    assert "holds  f0.py" in watched.out
    last = [line.partition("  ")[2] for line in watched.out.rpartition("\n\n")[2].splitlines()]
    assert last == [f"alice/planner claimed f{number}.py (write)" for number in range(2, 8)]
    in_json = (await coord("watch", "--once", "--json")).json
    assert in_json["agents"][0]["agent_id"] == "alice/planner"
    assert [event["payload"]["locks"][0]["path"] for event in in_json["events"]] == [
        f"f{number}.py" for number in range(2, 8)
    ]
    assert "events" not in (await coord("status", "--json")).json


async def test_a_reader_who_has_had_enough_ends_it_without_a_complaint(service: Running) -> None:
    await service.claim(service.agent("planner"), "a.py")
    ours, theirs = os.pipe()
    async with watching(service, stdout=theirs, stderr=PIPE) as watch:
        assert watch.stderr is not None
        os.close(theirs)
        await waits_for_events(service)
        os.close(ours)
        await service.claim(service.agent("planner"), "b.py")
        async with asyncio.timeout(PATIENCE_SECONDS):
            errors = await watch.stderr.read()
            assert await watch.wait() == 0
    assert errors == b""
