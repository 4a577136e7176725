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
from tests.acceptance.script import Step
from tests.acceptance.service import wait_until

TRIES = 12

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


def caught_writing(terminal: Terminal, file: Path, attempts: Sequence[Sequence[Step]]) -> bool:
    """Let the terminal play one attempt after the other, a turn each, and stop it in the middle of a write to `file`.

    Returns:
        Whether it stands still now, its temporary file made and not yet renamed; `Terminal.resume` lets it go on.
    """
    return any(_caught(terminal, file, attempt) for attempt in attempts)


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
