"""A program that takes the port and never answers: said in plain words, by name, with the line that helps."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
from collections.abc import Generator
from pathlib import Path

import pytest

from coordination.app import port, running
from coordination.app.running import RunningService
from coordination.cli import run
from coordination.client import channel


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[int]:
    """The port that the settings name, on which nobody ever answers."""
    monkeypatch.setattr(channel, "ANSWER_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        number: int = silent.getsockname()[1]
        monkeypatch.setenv("PORT", str(number))
        monkeypatch.setenv("COORDINATION_DATA_DIR", str(tmp_path))
        yield number


def our_own(taken: int, folder: Path) -> None:
    """Leave the record of a service of ours on that port: this very process."""
    started = running.started_at(os.getpid())
    assert started is not None
    url = f"http://127.0.0.1:{taken}"
    running.record(
        folder,
        RunningService(os.getpid(), started, url, taken, "embedded", None, needs_token=False, version="0"),
    )


@pytest.mark.parametrize("words", [["status"], ["sessions"], ["locks", "demo"], ["watch", "demo"]])
def test_another_program_is_named_with_a_port_that_is_free(
    words: list[str], taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 3
    told = capsys.readouterr().err
    assert f"Port {taken} is taken by" in told
    assert f"process {os.getpid()}" in told
    assert "does not answer" in told
    assert "Timeout" not in told
    (free,) = re.findall(r"^Take another port: .*PORT=(\d+) \S+ up$", told, re.MULTILINE)
    assert port.is_free("127.0.0.1", int(free))


def test_our_own_service_is_named_with_the_line_that_stops_it(
    taken: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    our_own(taken, tmp_path)
    assert run(["sessions"]) == 3
    told = capsys.readouterr().err
    assert f"process {os.getpid()}" in told
    line = told.strip().splitlines()[-1]
    assert shlex.split(line)[-1] == "down"
    assert " up" not in told


def test_the_doctor_gives_one_mend_for_another_program(
    taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "--json"]) == 5
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert "does not answer" in checks["service"]["found"]
    assert re.findall(r"PORT=\d+", checks["service"]["mend"]) == re.findall(
        r"PORT=\d+", checks["port"]["mend"]
    )
    assert f"PORT={taken}" not in checks["service"]["mend"]


def test_the_doctor_stops_our_own_silent_service(
    taken: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    our_own(taken, tmp_path)
    assert run(["doctor", "--json"]) == 5
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["port"]["state"] == "ok"
    assert "does not answer" in checks["service"]["found"]
    assert re.search(r"PORT=\d+ \S+ down && ", checks["service"]["mend"])
