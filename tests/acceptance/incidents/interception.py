"""Catches a terminal in the middle of a write, which lasts about a millisecond.

Claude Code reads the file, looks whether it changed, writes a temporary file beside it and renames that. A watcher
stops the terminal as soon as the temporary file appears: its look is over then, and its rename is still to come.
This is what the scheduler does to two terminals at random, or the lid of a laptop. A write can be over before the
watcher sees it; then the scene tries again with another line.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.acceptance.claude import RUN_SECONDS, Terminal
from tests.acceptance.incidents.desk import Desk
from tests.acceptance.script import Say, Step
from tests.acceptance.service import wait_until

TRIES = 12
FILE = "ledger/table.py"
TABLE = (
    "price = 0\n"
    + "".join(f"line_{number} = 0\n" for number in range(TRIES))
    + "".join(f"row_{number} = {number}\n" for number in range(150_000))
)
"""The text of that file: so large that its write takes long enough to be caught, with a line for each try."""

_WATCHER = """
import os, signal, sys
folder, beginning, pid = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("watching", flush=True)
while True:
    for name in os.listdir(folder):
        if name.startswith(beginning):
            os.kill(pid, signal.SIGSTOP)
            sys.exit(0)
"""


def catch_writing(terminal: Terminal, desk: Desk) -> None:
    """Let the terminal put 7 in a line of `FILE`, and stop it in the middle of that write.

    It stands still then, its temporary file made and not yet renamed; `Terminal.resume` lets it go on.

    Raises:
        AssertionError: each of many writes was over before it was seen.
    """
    attempts = [
        [desk.edit(FILE, f"line_{number} = 0\n", f"line_{number} = 7\n"), Say("So.")]
        for number in range(TRIES)
    ]
    caught = any(_caught(terminal, desk.folder / FILE, attempt) for attempt in attempts)
    assert caught, "every write was over before it was seen"


def _caught(terminal: Terminal, file: Path, attempt: Sequence[Step]) -> bool:
    beginning = f"{file.name}.tmp."
    command = [sys.executable, "-S", "-c", _WATCHER, str(file.parent), beginning, str(terminal.pid)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as watcher:
        try:
            assert watcher.stdout is not None
            watcher.stdout.readline()
            before = terminal.turns
            terminal.begin("Try it.", attempt)
            wait_until(
                lambda: watcher.poll() is not None or terminal.turns > before,
                RUN_SECONDS,
                "a write, or the turn",
            )
        finally:
            watcher.kill()
    if any(name.name.startswith(beginning) for name in file.parent.iterdir()):
        return True
    if watcher.returncode == 0:
        terminal.resume()
        wait_until(lambda: terminal.turns > before, RUN_SECONDS, f"{terminal.name} to end its turn")
    return False
