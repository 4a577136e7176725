"""`coord daemon` as a person meets it, with a tiny daemon that really runs in the background."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from coordination.app import port as ports
from coordination.cli import daemon_background, detached, run
from coordination.cli.output import Failure
from coordination.cli.status import unprotected_here
from coordination.daemon.folder import Folder, RunningDaemon, folder_in
from coordination.daemon.single import nobody, only_one
from coordination.repository.terminal import is_alive, started_at
from tests.integration.cli import tiny_daemon
from tests.integration.installation import Installation, eventually

TINY = tiny_daemon.__file__
START = """
import sys
from pathlib import Path
from coordination.cli import daemon_background
from coordination.daemon.folder import folder_in
daemon_background.start(folder_in(Path(sys.argv[2])), sys.argv[1:])
"""
Start = Callable[..., RunningDaemon]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setenv("COORDINATION_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder_in(tmp_path / "data")


@pytest.fixture
def start(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Generator[Start]:
    """Starts a tiny daemon in the background, as `coord daemon start` starts the real one."""
    started: list[RunningDaemon] = []

    def start(port: int = 0, *words: str) -> RunningDaemon:
        # In a process of its own, which ends, as the command does.
        command = [sys.executable, "-c", START, TINY, str(folder.path.parent), str(port), *words]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        found = folder.find()
        assert found is not None
        started.append(found)
        return found

    yield start
    for one in started:
        if is_alive(one.pid, one.started):
            os.kill(one.pid, signal.SIGKILL)
            psutil.wait_procs([psutil.Process(one.pid)] if psutil.pid_exists(one.pid) else [], timeout=10)


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """What `coord daemon …` ended with and printed."""
    capsys.readouterr()
    exit_code = run(["daemon", *words])
    printed = capsys.readouterr()
    return exit_code, printed.out, printed.err


def test_it_runs_apart_from_this_terminal_is_found_again_and_stops_cleanly(
    start: Start, folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    with ports.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    daemon = start(port)
    assert os.getsid(daemon.pid) == daemon.pid
    code, out, _ = typed(capsys, "status", "--json")
    status = json.loads(out)
    assert code == 0
    assert (status["state"], status["pid"], status["port"]) == ("running", daemon.pid, port)
    assert (status["service"], status["terminals"], status["agents"]) == ("reachable", 3, None)
    assert status["folder"] == str(folder.path)

    code, out, _ = typed(capsys)
    assert code == 0
    assert f"{daemon.pid}" in out
    assert "reachable" in out
    assert f"{port}: NOT SERVED, so tools do not work. Port 8765 is in use by nginx (process 7)." in out
    assert "process 4711 in /home/alice/menu is NOT PROTECTED" in out
    assert "process 4712 in /home/alice/other has not been heard of" in out
    assert [one["terminal"] for one in status["unheard"]] == ["4712-1.00"]
    assert next(str(one) for one in unprotected_here()).startswith("The terminal of process 4711")
    assert "To stop both" in daemon_background.starts_again(folder)
    code, out, _ = typed(capsys, "start", "--json")
    assert (code, json.loads(out)["state"], json.loads(out)["pid"]) == (0, "already_running", daemon.pid)
    said = typed(capsys, "start")[1].splitlines()
    assert "runs already" in said[0]
    assert said[1].startswith("The port is NOT SERVED, so tools do not work. Port 8765 is in use by nginx")
    code, _, err = typed(capsys, "start", "--port", "1")
    assert code == 1
    assert f"on port {port}" in err
    code, out, _ = typed(capsys, "run", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (1, "already_running")

    code, out, _ = typed(capsys, "stop", "--json")
    assert json.loads(out) == {"state": "stopped", "pid": daemon.pid, "killed": False}
    assert not is_alive(daemon.pid, daemon.started)
    assert (folder.path.parent / tiny_daemon.CLEAN).exists()
    assert not folder.running.exists()
    assert not folder.socket.exists()
    assert typed(capsys, "stop")[:2] == (0, "The daemon does not run.\n")
    code, _, err = typed(capsys, "status")
    assert code == 3
    assert "not protected" in err


def test_one_that_does_not_say_how_it_is_is_not_called_well(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start()
    code, out, _ = typed(capsys, "status")
    assert code == 0
    assert "unknown: the daemon does not answer" in out


def test_one_that_does_not_end_is_ended_by_force(
    start: Start, folder: Folder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_background, "STOP_SECONDS", 0.2)
    daemon = start(0, "stubborn")
    code, out, _ = typed(capsys, "stop")
    assert code == 0
    assert out.startswith(f"Stopped process {daemon.pid} by force.")
    assert not is_alive(daemon.pid, daemon.started)
    assert not folder.running.exists()


def test_after_a_kill_the_next_one_starts_in_its_place(start: Start, folder: Folder) -> None:
    killed = start()
    os.kill(killed.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(killed.pid)] if psutil.pid_exists(killed.pid) else [], timeout=10)
    folder.socket.unlink()
    assert start().pid != killed.pid


def test_who_loses_to_one_that_begins_at_the_same_moment_waits_for_that_one(folder: Folder) -> None:
    daemon_background.prepare(folder)
    command = [sys.executable, "-c", START, TINY, str(folder.path.parent), "0"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    # This process is the other one, which has the lock and has not said so yet.
    with only_one(folder), subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as loser:
        eventually(lambda: "runs already" in detached.said(folder.output), "the second to lose")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder.socket))
            listener.listen()
            folder.record(RunningDaemon(os.getpid(), started_at(os.getpid()), 0, str(folder.socket), "1"))
            _, said = loser.communicate(timeout=60)
    assert (loser.returncode, said) == (0, b"")


def test_of_several_that_are_started_at_once_one_runs_and_everybody_finds_it(folder: Folder) -> None:
    command = [sys.executable, "-c", START, TINY, str(folder.path.parent), "0"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with ExitStack() as stack:
        starters = [
            stack.enter_context(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE))
            for _ in range(4)
        ]
        said = [one.communicate(timeout=60)[1] for one in starters]
    found = folder.find()
    assert found is not None
    assert daemon_background.stop(folder, found)
    assert [(one.returncode, text) for one, text in zip(starters, said, strict=True)] == [(0, b"")] * 4


def test_one_that_only_begins_is_stopped_too_when_its_folder_is_removed(
    folder: Folder, tmp_path: Path
) -> None:
    """Its process is there and nothing of it can be seen yet: it waits before it does anything."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    slow = (
        f"import runpy, sys; open({str(gate)!r}).read(); sys.argv.pop(0); "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    place = str(folder.path.parent)
    begin = START.replace("Path(sys.argv[2])", f"Path({place!r})")
    command = [sys.executable, "-c", begin, "-c", slow, TINY, place, "0"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with (
        subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as starter,
        ThreadPoolExecutor(1) as pool,
    ):
        # Opens when somebody reads: its process runs then.
        with gate.open("w"):
            removing = pool.submit(daemon_background.remove, folder)
            eventually(lambda: removing.running() or removing.done(), "the removal")
        stopped = removing.result(60)
        starter.wait(60)
    assert stopped is not None
    assert not is_alive(stopped.pid, stopped.started)
    assert not folder.path.exists()


def test_where_nothing_runs_a_folder_is_removed_and_one_that_is_not_there_is_none(folder: Folder) -> None:
    assert daemon_background.remove(folder) is None
    daemon_background.prepare(folder)
    assert daemon_background.remove(folder) is None
    assert not folder.path.exists()


def test_no_daemon_is_started_in_a_folder_that_is_being_removed(folder: Folder) -> None:
    daemon_background.prepare(folder)
    with nobody(folder) as alone, pytest.raises(Failure, match="being removed"):
        assert alone
        daemon_background.start(folder, ["-c", "raise SystemExit('never')"])
    with only_one(folder), nobody(folder) as alone:
        assert not alone


def test_who_ends_leaves_the_record_of_another_ones_folder_alone(folder: Folder, tmp_path: Path) -> None:
    daemon_background.prepare(folder)
    with only_one(folder):
        folder.path.rename(tmp_path / "moved")
        folder.prepare()
        folder.running.write_text("another's")
    assert folder.running.exists()


def test_it_runs_in_the_foreground_where_nothing_of_it_was_before(tmp_path: Path) -> None:
    with ports.listen("127.0.0.1", 0) as probe:
        port = str(probe.getsockname()[1])
    one = Installation(tmp_path)
    place = folder_in(one.data_dir)
    # Where a hosted service is meant, it starts no local one.
    hosted = {"COORDINATION_URL": "https://127.0.0.1:1", "COORDINATION_TOKEN": "none"}
    with one.start("daemon", "run", "--port", port, **hosted) as program:
        eventually(lambda: program.poll() is not None or _takes_hooks(place), "the daemon")
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=30)
    assert program.returncode == 0, said
    assert f"The daemon runs: process {program.pid}" in said


def _takes_hooks(place: Folder) -> bool:
    found = place.find()
    return found is not None and daemon_background.answers(found)


def test_one_that_ends_while_it_starts_says_why(folder: Folder) -> None:
    with pytest.raises(Failure, match=r"ended while it started\.\nno luck today") as found:
        daemon_background.start(folder, ["-c", "raise SystemExit('no luck today')"])
    assert "daemon logs" in found.value.mend


def test_a_folder_that_others_may_enter_is_refused_by_every_command(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.path.mkdir(parents=True)
    folder.path.chmod(0o777)
    for command in ("status", "start", "stop", "run"):
        code, out, _ = typed(capsys, command, "--json")
        assert (code, json.loads(out)["error"]["code"]) == (1, "unsafe_folder")


def test_its_log_is_shown(start: Start, folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(capsys, "logs") == (0, "", f"There is no log yet: {folder.log}\n")
    start()
    code, out, _ = typed(capsys, "logs", "--lines", "1")
    assert code == 0
    assert "it serves" in out
    code, out, _ = typed(capsys, "logs", "--json")
    assert json.loads(out)["log"] == str(folder.log)
    assert any("it serves" in line for line in json.loads(out)["lines"])
    assert typed(capsys, "logs", "--follow", "--json")[0] == 2
    assert typed(capsys, "logs", "--lines", "-1")[0] == 2


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_what_is_no_port_is_refused(folder: Folder, capsys: pytest.CaptureFixture[str], port: str) -> None:
    for command in ("start", "run", "install"):
        assert typed(capsys, command, f"--port={port}")[0] == 2
    assert not folder.path.exists()
    assert folder.path.parent.parent.exists()
