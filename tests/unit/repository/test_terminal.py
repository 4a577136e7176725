"""Which terminal a program runs in: real processes, each under a name of its choosing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from coordination.repository import terminal
from coordination.repository.terminal import Terminal, describe_terminal, is_alive, terminal_of

# Prints its own id, and lives until it is told.
PROGRAM = "echo $$; read line"
PROC_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts programs, and lets them end after the test."""
    with ExitStack() as stack:

        def start(*command: str) -> subprocess.Popen[str]:
            pipe = subprocess.PIPE
            program = stack.enter_context(subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe))
            stack.callback(program.kill)
            return program

        yield start


def said(program: subprocess.Popen[str]) -> int:
    """The process id that a program prints first."""
    assert program.stdout is not None
    return int(program.stdout.readline())


def started(pid: int) -> str:
    return f"{psutil.Process(pid).create_time():.2f}"


def test_it_is_the_nearest_ancestor_that_is_no_shell_however_many_shells_are_between(start: Start) -> None:
    # `true` at the end keeps each shell from replacing itself by what it runs.
    hook = said(start("/bin/sh", "-c", "/bin/sh -c '(echo $$; read line); true'; true"))
    assert hook != os.getpid()
    assert terminal_of(hook) == Terminal(os.getpid(), started(os.getpid()))


def test_it_is_known_by_the_same_words_to_itself_and_to_who_looks_from_outside(start: Start) -> None:
    line = (
        "import os; from coordination.repository.terminal import describe_terminal;"
        "print(os.getpid(), describe_terminal(), flush=True); input()"
    )
    program = start(sys.executable, "-c", line)
    assert program.stdout is not None
    pid, told = program.stdout.readline().split()
    assert told == str(terminal_of(int(pid))) == f"{os.getpid()}-{started(os.getpid())}"
    assert describe_terminal() == str(terminal_of(os.getpid()))


def test_a_process_that_was_named_counts_only_when_it_is_an_ancestor(start: Start) -> None:
    stranger = start("/bin/sh", "-c", PROGRAM)
    hook = said(start("/bin/sh", "-c", PROGRAM))
    assert terminal_of(hook, said(stranger)) == Terminal(os.getpid(), started(os.getpid()))
    assert terminal_of(hook, hook) == Terminal(os.getpid(), started(os.getpid()))


def test_a_claude_code_in_a_command_of_another_is_not_taken_for_the_other(
    start: Start, tmp_path: Path
) -> None:
    # It inherits the variable that names the other one, and runs hooks and helpers that do not set it anew.
    programs = [tmp_path / name for name in ("claude", "wrapper")]
    for program in programs:
        shutil.copy("/bin/sh", program)
    claude, wrapper = map(str, programs)
    chain = [(claude, "outer"), (claude, "inner"), (wrapper, "wrapped"), ("/bin/sh", "hook")]
    below = "read line"
    for path, name in reversed(chain):
        (tmp_path / name).write_text(f"echo $$; {below}; true\n")
        below = f"{path} {tmp_path / name}"
    outer = start(*below.split(" "))
    assert said(outer) == outer.pid
    inner, wrapped, hook = (said(outer) for _ in range(3))
    found = [terminal_of(hook, one) for one in (outer.pid, inner, wrapped, None)]
    assert [one.pid for one in found if one is not None] == [inner, inner, wrapped, wrapped]


@PROC_ONLY
def test_one_whose_shell_and_terminal_died_has_no_terminal(start: Start) -> None:
    # The one in the middle ends when it has printed; whoever collects orphans is the parent then.
    line = (
        "import os, subprocess; left = subprocess.Popen(['/bin/sh', '-c', 'read line']);"
        "print(left.pid, flush=True); os._exit(0)"
    )
    program = start(sys.executable, "-c", line)
    orphan = said(program)
    program.wait()
    collector = psutil.Process(orphan).parent()
    found = terminal_of(orphan)
    os.kill(orphan, signal.SIGKILL)
    assert collector is not None
    assert collector.pid != program.pid
    assert (found is None) == (
        collector.name() in terminal._COLLECTORS or collector.name() in terminal._SHELLS
    )


def test_what_is_gone_has_no_terminal(start: Start) -> None:
    program = start("/bin/sh", "-c", "true")
    program.wait()
    assert terminal_of(program.pid) is None
    assert terminal_of(0) is None


def test_a_name_with_brackets_and_spaces_in_it_is_read_as_it_is(start: Start, tmp_path: Path) -> None:
    odd = tmp_path / "a) S 1 (b"
    shutil.copy(shutil.which("sleep") or "", odd)
    program = start(str(odd), "60")
    assert terminal_of(program.pid) == Terminal(os.getpid(), started(os.getpid()))


@PROC_ONLY
def test_proc_and_psutil_say_the_same(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = said(start("/bin/sh", "-c", "/bin/sh -c '(echo $$; read line); true'; true"))
    by_proc = terminal_of(hook)
    monkeypatch.setattr(terminal, "_look", terminal._look_by_psutil)
    monkeypatch.setattr(terminal, "_epoch", float)
    assert by_proc is not None
    assert terminal_of(hook) == by_proc
    assert is_alive(hook, started(hook))


def test_another_process_under_the_id_one_that_ended_and_one_that_nobody_waited_for_are_not_alive(
    start: Start,
) -> None:
    program = start("/bin/sh", "-c", PROGRAM)
    pid = said(program)
    began = started(pid)
    assert is_alive(pid, began)
    assert not is_alive(pid, f"{float(began) - 100:.2f}")
    program.send_signal(signal.SIGSTOP)
    assert is_alive(pid, began)
    program.kill()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(pid, began)
    program.wait()
    assert not is_alive(pid, began)
