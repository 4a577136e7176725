"""Which terminal asks: the Claude Code process above a program that it started, by its id and start time.

Claude Code runs a hook or a headers helper through a shell, which may or may not replace itself by the program; so
the terminal is the nearest ancestor that is no shell. The pair outlives a restart of the service, a reconnect and
`/clear`. A program whose ancestors died belongs to whoever collects orphans, and that one is no terminal.

Every hook waits for this. On Linux three small files of `/proc` tell it, in a third of the time that psutil takes,
which tells it elsewhere (0.2 and 0.6 ms on a busy machine). Nothing is remembered: a hook's own process is never the
same, and what a cache would have to check to be right is all that there is to read.
"""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import psutil

SAME_START_SECONDS: Final = 2.0
"""How far two readings of one start may differ: it is derived from the machine's clock, which may be set meanwhile."""
_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ash", "busybox", "ksh"})
_COLLECTORS: Final = frozenset(
    {
        "init",
        "systemd",
        "launchd",
        "tini",
        "dumb-init",
        "docker-init",
        "catatonit",
        "s6-svscan",
        "containerd-shim",
    }
)
_ANCESTORS: Final = 64
_PROC: Final = Path("/proc")
_GONE: Final = frozenset({"Z", "X", "x"})


@dataclass(frozen=True, slots=True)
class Terminal:
    """One Claude Code process, told from a later one of the same id by its start.

    Attributes:
        pid: its process id.
        started: when it began, in seconds since 1970 with two decimals, as text.
    """

    pid: int
    started: str

    def __str__(self) -> str:
        return f"{self.pid}-{self.started}"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the system says of a process.

    Attributes:
        since: when it began, in seconds after `_epoch()`.
        alive: False of one that ended and that nobody has waited for.
    """

    pid: int
    parent: int
    name: str
    since: float
    alive: bool


def describe_terminal() -> str | None:
    """Return `{pid}-{start time in seconds}` of our own terminal; None when the system does not say."""
    found = terminal_of(os.getpid())
    return None if found is None else str(found)


def terminal_of(pid: int, said: int | None = None) -> Terminal | None:
    """Return the terminal that a program runs in.

    Args:
        pid: the program, such as a hook that has connected: what the kernel says of the peer.
        said: the process that Claude Code named as itself (`CLAUDE_PID`); believed only of an ancestor, and not of one
            with another of its kind between: a Claude Code that runs in a command of another one inherits the name.

    Returns:
        None when the program is gone already, or was left by its ancestors, or the system does not say.
    """
    found = _terminal_above(pid, said)
    if found is None or found.name in _COLLECTORS or not found.alive:
        return None
    return Terminal(found.pid, f"{found.since + _epoch():.2f}")


def started_at(pid: int) -> str:
    """Return when a process began, as in `Terminal`; "0.00" of one that is not there."""
    seen = _look(pid)
    return f"{0.0 if seen is None else seen.since + _epoch():.2f}"


def is_alive(pid: int, started: str) -> bool:
    """Whether that very process still runs, not another one under its id. One that is stopped (SIGSTOP) runs."""
    seen = _look(pid)
    return (
        seen is not None and seen.alive and abs(seen.since + _epoch() - float(started)) < SAME_START_SECONDS
    )


def working_folder(pid: int) -> Path:
    """Return the folder that a process works in; `/` where the system does not say."""
    try:
        return Path(psutil.Process(pid).cwd() or "/")
    except psutil.Error:
        return Path("/")


def _terminal_above(pid: int, said: int | None) -> _Seen | None:
    """Return the ancestor `said`, where it is one, or a nearer one of its name; else the nearest that is no shell."""
    passed: list[_Seen] = []
    for ancestor in _ancestors(pid):
        passed.append(ancestor)
        if ancestor.pid == said:
            return next(one for one in passed if one.name == ancestor.name)
        if said is None and ancestor.name not in _SHELLS:
            break
    return next((one for one in passed if one.name not in _SHELLS), None)


def _ancestors(pid: int) -> Iterator[_Seen]:
    """The ancestors of a process, the nearest first."""
    seen = _look(pid)
    for _ in range(_ANCESTORS):
        seen = None if seen is None or seen.parent <= 0 else _look(seen.parent)
        if seen is None:
            return
        yield seen


def _look_in_proc(pid: int) -> _Seen | None:
    try:
        line = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name stands in brackets and may hold any byte, brackets too.
    name, _, rest = line.partition(b"(")[2].rpartition(b")")
    fields = rest.split()
    since = int(fields[19]) / _ticks()
    return _Seen(pid, int(fields[1]), os.fsdecode(name), since, fields[0].decode() not in _GONE)


def _look_by_psutil(pid: int) -> _Seen | None:
    try:
        found = psutil.Process(pid)
        with found.oneshot():
            alive = found.status() != psutil.STATUS_ZOMBIE
            return _Seen(pid, found.ppid(), found.name(), found.create_time(), alive)
    except psutil.Error:
        return None


@cache
def _ticks() -> int:
    """How many ticks of the kernel a second has."""
    return os.sysconf("SC_CLK_TCK")


def _on_linux() -> bool:
    # Not a comparison in the module: the other branch would count as unreachable, here or there.
    return sys.platform == "linux"


_look: Callable[[int], _Seen | None] = _look_in_proc if _on_linux() else _look_by_psutil
_epoch: Callable[[], float] = psutil.boot_time if _on_linux() else float
