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

from tests.integration.app.proxy import Gate
from tests.integration.app.streams import until_left
from tests.integration.cli.running import Coord, Running, program

PATIENCE_SECONDS: Final = 40
ANSI: Final = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
HOME: Final = b"\x1b[H"
CTRL_C: Final = b"\x03"
# Makes its standard input the terminal whose keys send signals, as a shell does, and becomes what it is told.
TERMINAL: Final = (
    "import fcntl, os, sys, termios; os.isatty(0) and fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
SHOW_CURSOR, MAIN_SCREEN = b"\x1b[?25h", b"\x1b[?1049l"


@asynccontextmanager
async def watching(
    service: Running, *options: str, stdout: int, stdin: int = DEVNULL, stderr: int | None = None
) -> AsyncGenerator[Process]:
    # Who read before is gone, so whoever reads from now on is this one.
    await until_left(service.core)
    environment = {
        **os.environ,
        **service.environment,
        "TERM": "xterm",
        "COLUMNS": "",
        "PYTHONUNBUFFERED": "1",
    }
    interpreter, *words = program()
    started = await asyncio.create_subprocess_exec(
        *(interpreter, "-c", TERMINAL, *words, "watch", "demo", *options),
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
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
    """A terminal of 80 columns and 24 lines: what a program wrote to it."""

    def __init__(self) -> None:
        self.own, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
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

    def types(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.own, keys)

    @property
    def pages(self) -> list[str]:
        """The pages that were drawn whole, each from the upper left corner."""
        return [ANSI.sub(b"", page).decode(errors="replace") for page in self.written.split(HOME)[1:-1]]

    async def shows(self, text: str, *, without: str = "\0") -> str:
        """Return the last page as soon as it has `text`, and has not `without`."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (self.pages and text in self.pages[-1] and without not in self.pages[-1]):
                self._changed.clear()
                await self._changed.wait()
        return self.pages[-1]

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


async def test_on_a_terminal_a_claim_made_elsewhere_appears_and_ctrl_c_leaves_the_terminal_as_it_was(
    service: Running,
) -> None:
    await service.claim(service.agent("planner"), "a.py")
    await service.report(service.agent("planner"), "t1", 70, "half of it")
    with Screen() as screen:
        async with watching(
            service, stdin=screen.theirs, stdout=screen.theirs, stderr=screen.theirs
        ) as watch:
            screen.started()
            page = await screen.shows("Session demo: 1 agent(s)")
            assert re.search(r"^a\.py +write +alice/planner +1[45]:\d\d left", page, re.MULTILINE)
            assert re.search(r"^███████░░░ +70% +t1", page, re.MULTILINE)
            # The time that is left moves although nothing happens.
            (left,) = re.findall(r"\d+:\d\d left", page)
            await screen.shows(" left", without=left)
            await service.claim(service.agent("impl_a"), "b.py")
            page = await screen.shows("alice/impl_a claimed b.py (write)")
            page = await screen.shows("Session demo: 2 agent(s)")
            assert re.search(r"^b\.py +write +alice/impl_a", page, re.MULTILINE)
            assert len(page.splitlines()) <= 24
            assert max(map(len, page.splitlines())) <= 80
            screen.types(CTRL_C)
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await watch.wait() == 0
    assert b"Traceback" not in screen.written
    assert SHOW_CURSOR in screen.written
    assert MAIN_SCREEN in screen.written


async def test_into_a_pipe_it_goes_on_after_a_break_with_each_event_once(own_service: Running) -> None:
    await own_service.claim(own_service.agent("planner"), "a.py")
    async with Gate() as gate:
        gate.behind = int(own_service.environment["PORT"])
        await gate.open()
        async with watching(own_service.through(gate.port), "--json", stdout=PIPE, stderr=PIPE) as watch:
            assert watch.stdout is not None
            assert watch.stderr is not None
            async with asyncio.timeout(PATIENCE_SECONDS):
                await waits_for_events(own_service)
                await own_service.claim(own_service.agent("planner"), "b.py")
                seen = [json.loads(await watch.stdout.readline())]
                await gate.shut()
                assert b"Events are missing from here on" in await watch.stderr.readline()
                await own_service.claim(own_service.agent("planner"), "c.py")
                await gate.open()
                assert await watch.stderr.readline() == b"It answers again.\n"
                await own_service.claim(own_service.agent("planner"), "d.py")
                seen += [json.loads(await watch.stdout.readline()) for _ in range(2)]
    assert [event["payload"]["locks"][0]["path"] for event in seen] == ["b.py", "c.py", "d.py"]


async def test_once_prints_the_page_with_the_last_events_and_ends(service: Running, coord: Coord) -> None:
    for number in range(8):
        await service.claim(service.agent("planner"), f"f{number}.py")
    watched = await coord("watch", "demo", "--once")
    assert watched.exit_code == 0
    assert "\x1b" not in watched.out
    assert watched.out.startswith("Session demo: 1 agent(s), 1 active, 8 lock(s), 0 waiting\n")
    assert re.search(r"^f0\.py  write  alice/planner  1[45]:\d\d left$", watched.out, re.MULTILINE)
    last = [line.partition("  ")[2] for line in watched.out.partition("Last events\n")[2].splitlines()]
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
