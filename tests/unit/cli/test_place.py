"""Lines that a person may paste: they lead to the same data folder, and to the service that they are about."""

from __future__ import annotations

import ast
import http.server
import json
import os
import re
import shlex
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coordination.app import port, running
from coordination.app.running import RunningService
from coordination.cli import background, lifecycle, place, run
from coordination.cli.endpoint_checks import endpoint_checks
from coordination.cli.output import Failure
from coordination.cli.refusals import for_people
from coordination.settings import Settings, load


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COORDINATION_DATA_DIR", str(tmp_path))
    for name in ("PORT", "DATABASE_URL", "COORDINATION_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return tmp_path


def service(folder: Path, pid: int, port: int) -> RunningService:
    """Leave the record of a service; the process is one that lives as long as the test."""
    started = running.started_at(pid)
    assert started is not None
    found = RunningService(pid, started, f"http://127.0.0.1:{port}", port, "own", "log", False, "1")
    running.record(folder, found)
    return found


def words(line: str) -> list[str]:
    """A line as a shell reads it, without the path of the program."""
    return [Path(word).name if word.endswith("/coord") else word for word in shlex.split(line)]


def stop_line(chosen: Settings, found: RunningService, capsys: pytest.CaptureFixture[str]) -> str:
    lifecycle.show(chosen, found, "started", json=False)
    (line,) = re.findall(r"^  stop it +(.+)$", capsys.readouterr().out, re.MULTILINE)
    return line


def test_one_service_is_stopped_by_a_line_without_its_port(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = stop_line(place.settings(), service(folder, os.getpid(), 8123), capsys)
    assert words(line) == [f"COORDINATION_DATA_DIR={folder}", "coord", "down"]


def test_beside_another_service_the_line_stops_only_the_one_it_was_printed_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service(folder, os.getppid(), 8124)
    line = stop_line(place.settings(), service(folder, os.getpid(), 8123), capsys)
    assert words(line) == [f"COORDINATION_DATA_DIR={folder}", "PORT=8123", "coord", "down"]


@pytest.mark.parametrize("given", ["8123", "0"])
def test_a_port_that_was_given_stands_in_the_lines(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    monkeypatch.setenv("PORT", given)
    line = stop_line(place.settings(), service(folder, os.getpid(), 8123), capsys)
    assert words(line)[-3:] == ["PORT=8123", "coord", "down"]


def test_every_line_keeps_the_port_that_was_given_unless_it_names_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PORT", "8123")
    assert words(place.coord("status"))[-3:] == ["PORT=8123", "coord", "status"]
    assert words(place.coord("up", PORT="8200"))[-3:] == ["PORT=8200", "coord", "up"]
    monkeypatch.setenv("PORT", "0")
    assert "PORT" not in place.coord("up")


def test_a_file_of_settings_is_named_so_that_it_is_found_from_every_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "own.toml").touch()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COORDINATION_CONFIG", "own.toml")
    assert f"COORDINATION_CONFIG={folder / 'own.toml'}" in words(place.coord("status"))


def test_a_line_that_names_another_folder_names_it_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("COORDINATION_DATA_DIR", str(folder / "file" / "data"))
    monkeypatch.setenv("PORT", "0")
    with pytest.raises(Failure) as caught:
        background.start(place.settings())
    line = caught.value.mend.partition(": ")[2]
    assert words(line) == ["COORDINATION_DATA_DIR=folder", "coord", "up"]


@pytest.mark.parametrize(
    "tokens",
    [
        ["nothing"],
        ["connect"],
        ["connect", "a b"],
        ["revoke"],
        ["send"],
        ["status"],
        ["sessions"],
        ["migrate", "--sql", "--to", "nowhere"],
    ],
    ids=" ".join,
)
def test_no_failure_prints_a_command_that_the_shell_would_not_find(
    tokens: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "1")
    assert run(tokens) in {2, 3}
    told = capsys.readouterr().err
    assert told
    assert re.findall(r"(?<![/\w])coord \w[^\n]*", told) == []


def test_of_a_service_that_runs_and_does_not_answer_it_is_not_said_to_start_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service(folder, os.getpid(), 1)
    assert run(["status", "demo"]) == 3
    told = capsys.readouterr().err.strip().splitlines()
    assert words(told[-1].partition(": ")[2])[-2:] == ["coord", "doctor"]
    assert f"process {os.getpid()}" in told[-1]


def test_but_for_help_and_comparisons_only_one_place_writes_commands() -> None:
    """`coord` may not be on the PATH, so a command that is printed comes from `place.coord`."""
    by_hand = [
        f"{module.name}: {text}"
        for module in sorted(Path(place.__file__).parent.glob("*.py"))
        for text in texts(ast.parse(module.read_text(encoding="utf-8")))
        if re.search(r"\bcoord [a-z-]", text)
    ]
    assert by_hand == []


def texts(tree: ast.AST) -> Iterator[str]:
    """The strings below a node, without docstrings, comparisons, examples and what is given as help."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        examples = isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "").endswith("EXAMPLES")
        of_help = isinstance(node, ast.keyword) and node.arg in {"help", "help_epilogue", "usage"}
        if not (docstring or examples or of_help or isinstance(node, ast.Compare)):
            yield from texts(node)


def test_what_the_service_advises_to_a_person_becomes_a_line_to_paste() -> None:
    assert words(for_people("coord sessions close 'a b'"))[-4:] == ["coord", "sessions", "close", "a b"]
    assert for_people("check_agent_status()") == ""
    assert for_people("Try again in a few seconds.") == "Try again in a few seconds."


class Foreign(http.server.BaseHTTPRequestHandler):
    """A program that is none of ours: it knows no path."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_the_doctor_advises_a_port_that_is_free() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Foreign) as foreign:
        thread = threading.Thread(target=foreign.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            url = f"http://127.0.0.1:{foreign.server_address[1]}"
            first = next(endpoint_checks(place.Target(url, None, None)))
        finally:
            foreign.shutdown()
            thread.join()
    assert first.state == "failed"
    (free,) = re.findall(r"PORT=(\d+)", first.mend)
    assert port.is_free("127.0.0.1", int(free))


def test_a_hosted_service_that_began_tells_how_its_owner_comes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PORT", raising=False)
    told = {"COORDINATION_DATA_DIR": str(tmp_path), "COORDINATION_BOOTSTRAP_TOKEN": "b" * 32}
    here = RunningService(1, 0.0, "http://127.0.0.1:8000", 8000, "h/n", None, False, "1", hosted=True)
    found = replace(here, public_url="https://team.example.com")
    lifecycle.show(load(told), found, "started", json=False)
    printed = capsys.readouterr().out
    assert "coord login https://team.example.com --bootstrap\n" in printed
    assert "claude mcp add" not in printed
    without = load({"COORDINATION_DATA_DIR": str(tmp_path)})
    lifecycle.show(without, found, "started", json=False)
    assert "--bootstrap" not in capsys.readouterr().out
    lifecycle.show(without, here, "started", json=True)
    as_json = json.loads(capsys.readouterr().out)
    assert as_json["login"].endswith("coord login http://127.0.0.1:8000")
    assert as_json["connect_by_hand"] is None


@pytest.mark.parametrize(("asked", "runs"), [("hosted", "local"), ("local", "hosted")])
def test_a_service_that_runs_in_another_mode_is_not_passed_off_as_the_one_asked_for(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asked: str,
    runs: str,
) -> None:
    monkeypatch.setenv("COORDINATION_MODE", asked)
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1/n")
    found = replace(service(folder, os.getpid(), 8123), database="127.0.0.1/n", hosted=runs == "hosted")
    running.record(folder, found)
    assert run(["up"]) == 1
    told = capsys.readouterr().err
    assert f"It runs already, process {os.getpid()}, and not in {asked} mode." in told
    assert f"It runs with {runs} mode; to change that: " in told
