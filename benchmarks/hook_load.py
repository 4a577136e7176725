"""The hook program beside the bare interpreter that runs it, for the interpreters that people have.

Each round starts ``python3 -I -S -c pass``, then the hook before an edit with a daemon that has nothing to say, then
the whole line of `hooks.json` as a shell runs it, then the hook without a daemon. The daemon's end is the real socket,
with an answer that costs nothing: what is measured is the hook.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from coordination.daemon.hook_call import HookCall, Reply
from coordination.daemon.hook_socket import HookSocket

HOOKS = Path(__file__).resolve().parents[1] / "clients" / "claude_code" / "hooks"
EDIT = json.dumps(
    {
        "hook_event_name": "PreToolUse",
        "tool_name": "Edit",
        "tool_input": {"file_path": "/work/a.py", "old_string": "a"},
    }
).encode()
TIMES = 20
"""Starts of each in a round."""


@dataclass
class Starts:
    """Seconds of each start, in the order of the rounds."""

    bare: list[float] = field(default_factory=list)
    hook: list[float] = field(default_factory=list)
    shell: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)


async def _nothing(_: HookCall) -> Reply:
    return Reply(b"{}")


async def listen(path: Path) -> None:
    """Be the daemon's end of the socket until somebody ends us."""
    async with HookSocket(path, _nothing):
        print(flush=True)
        await asyncio.Event().wait()


@contextmanager
def _daemon(path: Path) -> Iterator[None]:
    """The daemon's end of the socket, in a process of its own, as it is in life."""
    command = [sys.executable, "-m", "benchmarks.hook_load", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == b"\n"
        try:
            yield
        finally:
            daemon.terminate()


def _seconds(*command: str, answered: bool = False) -> float:
    """Run a command, and return its seconds; a hook that is `answered` says what the daemon said: nothing."""
    start = time.perf_counter()
    done = subprocess.run(command, input=EDIT, capture_output=True, check=True)
    took = time.perf_counter() - start
    if answered and json.loads(done.stdout):
        raise SystemExit(f"the hook did not reach its daemon: {done.stdout.decode()}")
    return took


def _installed(folder: Path, socket: Path) -> Path:
    """A copy of the hooks that looks for its daemon at `socket`."""
    shutil.copytree(HOOKS, folder)
    pinned = {
        "interpreter": sys.executable,
        "socket": socket,
        "policy": folder / "policy",
        "coord": folder / "none",
    }
    (folder / "pinned").write_text("".join(f"{name}={value}\n" for name, value in pinned.items()))
    return folder


def measure(folder: Path, rounds: int) -> Starts:
    """Measure in a folder of ours with a short path."""
    socket = folder / "daemon" / "socket"
    asked, alone = (
        _installed(folder / "asked", socket),
        _installed(folder / "alone", folder / "none" / "socket"),
    )
    python = (sys.executable, "-I", "-S")
    starts = Starts()
    with _daemon(socket):
        for _ in range(rounds * TIMES):
            starts.bare.append(_seconds(*python, "-c", "pass"))
            hook = (*python, str(asked / "hook.py"), "PreToolUse", "edit")
            starts.hook.append(_seconds(*hook, answered=True))
            line = f'here="{asked}"; set -- PreToolUse edit; [ -r "$here/run.sh" ] && . "$here/run.sh"; echo'
            starts.shell.append(_seconds("/bin/sh", "-c", line, answered=True))
            starts.alone.append(_seconds(*python, str(alone / "hook.py"), "PreToolUse", "edit"))
    return starts


def of_hook(console: Console, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Measure, and print medians beside the bare interpreter's."""
    starts = measure(folder, rounds)
    rows = {
        "python3 -I -S -c pass": starts.bare,
        "the hook": starts.hook,
        "its line in hooks.json, with its shell": starts.shell,
        "the hook without a daemon": starts.alone,
    }
    table = Table("start", "median ms", "p95", "beside the bare interpreter")
    for name, seconds in rows.items():
        ordered = sorted(seconds)
        ratios = sorted(mine / bare for mine, bare in zip(seconds, starts.bare, strict=True))
        middle, late = ordered[len(ordered) // 2], ordered[len(ordered) * 95 // 100]
        table.add_row(name, f"{middle * 1e3:.1f}", f"{late * 1e3:.1f}", f"{ratios[len(ratios) // 2]:.2f}")
    console.print(f"The hook program before an edit, Python {sys.version.split()[0]}", table)
    return asdict(starts)


if __name__ == "__main__":
    asyncio.run(listen(Path(sys.argv[1])))
