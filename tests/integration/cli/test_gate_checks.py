"""What `coord doctor` says of the daemon, its port, terminals without hooks, and when it does not even try the gate."""

from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coordination import __version__
from coordination.cli.checks import Check
from coordination.cli.gate_checks import gate_checks
from coordination.daemon.folder import RunningDaemon, folder_in
from coordination.repository.terminal import started_at
from tests.integration.cli.test_plugin_checks import Person

WELL = {"service": "reachable", "terminals": 2}


def failed(checks: dict[str, Check]) -> dict[str, str]:
    return {check.name: check.found for check in checks.values() if check.state == "failed"}


def look(person: Person) -> dict[str, Check]:
    found = {check.name: check for check in gate_checks(person.chosen, person.project)}
    assert all(bool(check.mend) is (check.state == "failed") for check in found.values())
    return found


@contextmanager
def answering(health: object) -> Generator[int]:
    """A program on a port that says this of itself."""

    class Saying(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(health).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Saying) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@contextmanager
def daemon(person: Person, port: int, version: str = __version__, *, deaf: bool = False) -> Generator[None]:
    """A daemon as far as its record and its socket go: this process."""
    folder = folder_in(person.chosen.data_dir)
    folder.prepare()
    me = os.getpid()
    folder.record(RunningDaemon(me, started_at(me), port, str(folder.socket), version))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder.socket))
        if not deaf:
            listening.listen(8)
        yield


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    one = Person(tmp_path, monkeypatch)
    one.has_it("user")
    return one


def test_where_no_plugin_is_there_is_one_line_and_nothing_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = look(Person(tmp_path, monkeypatch))
    (only,) = found.values()
    assert (only.name, only.state) == ("plugin", "skipped")
    assert only.found.startswith("not installed: ")
    assert only.found.endswith("coord install")


def test_a_daemon_that_does_not_run_is_named_and_the_gate_not_tried(person: Person) -> None:
    person.installs()
    found = look(person)
    assert list(failed(found)) == ["daemon"]
    assert found["gate"].state == "skipped"
    assert found["daemon"].mend.endswith("coord daemon start")


def test_a_port_that_somebody_else_has_is_named(person: Person) -> None:
    with answering({"hello": 1}) as port:
        person.installs(port=str(port))
        assert list(failed(look(person))) == ["daemon", "daemon port"]
        with daemon(person, port):
            checks = look(person)
    assert f"{port} is taken by" in failed(checks)["daemon port"]
    assert f"process {os.getpid()}" in failed(checks)["daemon port"]


def test_a_service_that_the_daemon_does_not_reach_is_named(person: Person) -> None:
    with answering({**WELL, "service": "away"}) as port:
        person.installs(port=str(port))
        with daemon(person, port):
            checks = look(person)
    assert "away" in failed(checks)["daemon port"]


def test_a_daemon_of_another_release_or_on_another_port_is_named(person: Person) -> None:
    with answering(WELL) as port:
        person.installs(port=str(port))
        with daemon(person, port, "0.0.1"):
            assert "0.0.1" in failed(look(person))["daemon"]
        folder_in(person.chosen.data_dir).forget()
        with daemon(person, port - 1):
            checks = look(person)
    assert "no tools" in failed(checks)["daemon port"]
    assert checks["daemon"].state == "ok"


def test_a_daemon_that_takes_no_hooks_is_named_and_the_gate_not_tried(person: Person) -> None:
    person.installs()
    with daemon(person, 8765, deaf=True):
        checks = look(person)
    assert "does not answer hooks" in failed(checks)["daemon"]
    assert checks["gate"].state == "skipped"


def test_a_gate_that_does_not_fire_is_a_failure_with_the_reason(person: Person) -> None:
    person.installs()
    with answering(WELL) as port:
        person.installs(port=str(port))
        with daemon(person, port):
            # Whoever connects is never answered, and git is not there to make a repository.
            checks = look(person)
    assert list(failed(checks)) == ["gate"]
    assert "does not fire: it takes a repository" in failed(checks)["gate"]


@pytest.mark.parametrize("where", ["user", "project", "local"])
def test_settings_that_silence_hooks_are_named_and_the_gate_not_tried(where: str, person: Person) -> None:
    person.installs()
    folder = (person.home if where == "user" else person.project) / ".claude"
    folder.mkdir(exist_ok=True)
    name = "settings.local.json" if where == "local" else "settings.json"
    (folder / name).write_text('{"disableAllHooks": true}')
    checks = look(person)
    assert "disableAllHooks" in failed(checks)["Claude Code settings"]
    assert checks["gate"].state == "skipped"
    assert "does not call it" in checks["gate"].found


@pytest.mark.parametrize(
    ("options", "variable", "named"),
    [
        (["--bare"], "", "--bare"),
        (["--safe-mode"], "", "--safe-mode"),
        (["--restricted"], "", "--restricted"),
        (["--setting-sources", "project"], "", "--setting-sources"),
        (["--setting-sources=local"], "", "--setting-sources=local"),
        (["--setting-sources", "user,project"], "", ""),
        ([], "CLAUDE_CODE_SIMPLE", "CLAUDE_CODE_SIMPLE"),
        (["--continue"], "", ""),
    ],
)
def test_a_terminal_that_was_started_without_hooks_is_named(
    options: list[str], variable: str, named: str, person: Person
) -> None:
    person.installs()
    wait = "print(flush=True); input()"
    environment = os.environ | ({variable: "1"} if variable else {})
    with subprocess.Popen(
        ["claude", "-c", wait, *options],
        executable=sys.executable,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as terminal:
        assert terminal.stdout is not None
        assert terminal.stdout.readline() == b"\n"
        found = look(person)["terminals"].found
        terminal.communicate(b"\n")
    assert (f"process {terminal.pid} ({named})" in found) is bool(named)
    assert (str(terminal.pid) in found) is bool(named)
