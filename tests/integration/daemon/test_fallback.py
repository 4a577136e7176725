"""Whatever the daemon does, the real hook answers one JSON object, ends with 0, and never says that all is well."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.daemon.fake_daemon import FakeDaemon, framed, read, replying
from tests.integration.daemon.hook import PATIENCE_SECONDS, Hook, answer, decision, edit, said

EDIT = edit("/work/a.py")
is_root = os.geteuid() == 0


def silent(connection: socket.socket) -> None:
    read(connection)
    connection.recv(1)


def deaf(connection: socket.socket) -> None:
    """Never read a byte, until the hook goes away."""
    while connection.recv(1, socket.MSG_PEEK):
        if connection.fileno() < 0 or peer_left(connection):
            return


def peer_left(connection: socket.socket) -> bool:
    try:
        connection.send(b"")
    except OSError:
        return True
    return False


def dripping(connection: socket.socket) -> None:
    """A byte now and then, for ever: each single read is answered soon."""
    read(connection)
    connection.sendall((1 << 19).to_bytes(4, "big"))
    connection.settimeout(0.05)
    while True:
        connection.sendall(b" ")
        try:
            if connection.recv(1) == b"":
                return
        except TimeoutError:
            continue


BAD: dict[str, Callable[[socket.socket], None]] = {
    "closes at once": lambda _: None,
    "half an answer": replying(framed(b'{"systemMessage":"x"}')[:-3]),
    "half a length": replying(b"\0\0"),
    "no JSON": replying(framed(b"all is well")),
    "no object": replying(framed(b"[]")),
    "no number of JSON": replying(framed(b'{"a":NaN}')),
    "no text": replying(framed(b'{"a":"\xff"}')),
    "nothing": replying(framed(b"")),
    "too much": replying(b"\xff\xff\xff\xff" + b"x" * 100),
    "speaks HTTP": replying(b"HTTP/1.1 200 OK\r\n\r\n{}"),
    "never answers": silent,
    "drips": dripping,
}


@pytest.mark.parametrize("behaviour", BAD)
def test_an_edit_is_let_pass_with_a_warning_where_the_daemon_is_no_good(behaviour: str, hook: Hook) -> None:
    with FakeDaemon(Path(hook.pinned["socket"]), BAD[behaviour]):
        assert decision(hook.run("PreToolUse", "edit", given=EDIT)) == "warn"


@pytest.mark.parametrize("behaviour", ["closes at once", "never answers"])
def test_an_edit_is_refused_where_the_person_wants_that(behaviour: str, hook: Hook, folder: Path) -> None:
    policy(folder, "* block\n")
    with FakeDaemon(Path(hook.pinned["socket"]), BAD[behaviour]):
        assert decision(hook.run("PreToolUse", "edit", given=EDIT)) == "deny"


def test_a_daemon_that_reads_nothing_does_not_hold_an_edit(hook: Hook) -> None:
    with FakeDaemon(Path(hook.pinned["socket"]), deaf):
        assert decision(hook.run("PreToolUse", "edit", given=edit("/a", "x" * (4 << 20)))) == "warn"


@pytest.mark.parametrize("given", [b"", b"{", b"\xff\0", b"[]", b'{"tool_input":1}', b"x" * (9 << 20)])
def test_input_that_is_no_call_is_answered_too(given: bytes, hook: Hook, folder: Path) -> None:
    assert decision(hook.run("PreToolUse", "edit", given=given)) == "warn"
    policy(folder, "/elsewhere/* block\n")
    assert decision(hook.run("PreToolUse", "edit", given=given)) == "deny"


@pytest.mark.parametrize(
    "event", ["PostToolUse", "Stop", "SubagentStop", "PreCompact", "SessionEnd", "", "New"]
)
def test_other_events_say_nothing_by_themselves(event: str, hook: Hook) -> None:
    assert hook.run(event) == {}


def test_a_terminal_that_holds_alarms_back_does_not_hold_an_edit(hook: Hook) -> None:
    with FakeDaemon(Path(hook.pinned["socket"]), silent):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        try:
            running = hook.start("PreToolUse", "edit")
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        assert decision(said(running, EDIT)) == "warn"


def test_standard_input_that_nobody_closes_does_not_hold_an_edit(hook: Hook) -> None:
    running = hook.start("PreToolUse", "edit")
    assert running.wait(PATIENCE_SECONDS) == 0
    assert decision(said(running)) == "warn"


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_descriptors_are_not_taken_for_the_socket(closed: str, hook: Hook) -> None:
    seen: list[bytes] = []

    def listen(connection: socket.socket) -> None:
        seen.append(read(connection))
        connection.sendall(framed(b'{"systemMessage":"printed"}'))
        seen.append(connection.recv(100))

    line = f'exec "$@" {closed}'
    with FakeDaemon(Path(hook.pinned["socket"]), listen):
        done = subprocess.run(
            ["sh", "-c", line, "sh", *hook.command("Stop")], input=b"{}", capture_output=True, check=False
        )
    assert done.returncode == 0
    assert seen[1] in (b"", b"\x06")
    assert done.stdout in (b"", b'{"systemMessage":"printed"}\n')


def test_an_answer_that_nobody_reads_is_not_delivered(hook: Hook) -> None:
    receipts: list[bytes] = []

    def listen(connection: socket.socket) -> None:
        read(connection)
        connection.sendall(framed(b'{"systemMessage":"news"}'))
        receipts.append(connection.recv(1))

    reading, writing = os.pipe()
    os.close(reading)
    with FakeDaemon(Path(hook.pinned["socket"]), listen):
        running = hook.start("Stop", stdout=writing)
        os.close(writing)
        running.communicate(b"{}")
    assert running.returncode == 0
    assert receipts == [b""]


def test_a_hook_whose_answer_is_not_taken_ends_all_the_same(hook: Hook) -> None:
    long = json.dumps({"systemMessage": "x" * (1 << 19)}).encode()
    with FakeDaemon(Path(hook.pinned["socket"]), replying(framed(long))):
        running = hook.start("Stop")
        assert running.stdin
        running.stdin.close()
        assert running.wait(PATIENCE_SECONDS) == 0
        assert running.stdout
        assert running.stderr
        assert long.startswith(running.stdout.read())
        running.stdout.close()
        running.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_hook_that_is_ended_answers_first(number: signal.Signals, hook: Hook) -> None:
    with FakeDaemon(Path(hook.pinned["socket"]), silent) as daemon:
        running = hook.start("PreToolUse", "edit")
        assert running.stdin
        running.stdin.write(EDIT)
        running.stdin.close()
        running.stdin = None
        assert daemon.asked.wait(PATIENCE_SECONDS)
        running.send_signal(number)
        assert decision(said(running)) == "warn"


SWALLOWING = """
import runpy, sys, threading
names = runpy.run_path(sys.argv[1], run_name="hook")
def ask(call):
    for _ in range(2):
        try:
            threading.Event().wait()
        except names["Late"]:
            pass  # as an interpreter does while it calls back from what it imports
    threading.Event().wait()
names["main"].__globals__["ask"] = ask
names["main"](sys.argv[2:])
"""


def test_an_alarm_that_is_swallowed_is_not_the_last(hook: Hook) -> None:
    _, *_, program, event, edits = hook.command("PreToolUse", "edit")
    running = subprocess.Popen(
        [sys.executable, "-c", SWALLOWING, program, event, edits],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert decision(said(running, EDIT)) == "warn"


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_socket_in_a_folder_that_others_reach_is_not_asked(mode: int, hook: Hook) -> None:
    with FakeDaemon(Path(hook.pinned["socket"]), replying(framed(b"{}"))) as daemon:
        Path(hook.pinned["socket"]).parent.chmod(mode)
        assert decision(hook.run("PreToolUse", "edit", given=EDIT)) == "warn"
        assert not daemon.asked.is_set()


def test_a_folder_that_is_a_link_is_not_asked(hook: Hook, folder: Path) -> None:
    with FakeDaemon(folder / "other" / "socket", replying(framed(b"{}"))) as daemon:
        (folder / "daemon").symlink_to(folder / "other")
        assert decision(hook.run("PreToolUse", "edit", given=EDIT)) == "warn"
        assert not daemon.asked.is_set()


LISTEN_AS_NOBODY = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.setuid(65534)
listener.listen(1)
print(flush=True)
connection, _ = listener.accept()
sys.exit(0 if connection.recv(1) == b"" else 1)
"""


@pytest.mark.skipif(not is_root, reason="only root can let somebody else listen")
def test_a_daemon_of_another_user_is_told_nothing(hook: Hook) -> None:
    path = Path(hook.pinned["socket"])
    path.parent.mkdir(mode=0o700)
    command = [sys.executable, "-c", LISTEN_AS_NOBODY, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as stranger:
        assert stranger.stdout
        stranger.stdout.readline()
        assert decision(hook.run("PreToolUse", "edit", given=EDIT)) == "warn"
        assert stranger.wait(PATIENCE_SECONDS) == 0


def policy(folder: Path, text: str) -> None:
    """Write the person's policy."""
    path = folder / "policy"
    path.write_text(text)
    path.chmod(0o600)


def test_an_answer_is_one_object() -> None:
    with pytest.raises(json.JSONDecodeError):
        answer(b"{}{}")
