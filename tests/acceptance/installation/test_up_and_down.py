"""`coord up` and `coord down` as a person meets them: what runs, where, and every line of it fit to be pasted."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
from pathlib import Path

import psutil
import pytest

from coordination.app import port
from coordination.cli import background, run
from tests.integration.installation import Installation, coord, eventually, get, is_gone

pytestmark = pytest.mark.acceptance


def test_it_starts_in_the_background_says_so_once_more_and_stops(installation: Installation) -> None:
    started = installation.json("up")
    (service,) = installation.services()
    assert (started["state"], started["pid"], started["url"]) == ("started", service.pid, service.url)
    assert get(f"{started['url']}/ready").status_code == 200
    assert os.getsid(service.pid) == service.pid
    assert psutil.Process(service.pid).cwd() == str(installation.data_dir)
    assert started["log"] == str(installation.data_dir / "logs" / "service.log")
    assert "service_ready" in installation.log()

    again = installation.coord("up")
    assert again.returncode == 0
    assert again.stdout.startswith("Coordination runs already.")
    assert installation.services() == [service]
    assert {str(service.pid), service.url, str(installation.data_dir)} <= set(again.stdout.split())

    other = installation.coord("up", DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/name")
    assert other.returncode == 1
    assert "127.0.0.1/name" in other.stderr
    assert re.search(
        r"^It runs with embedded; to change that: .* down, then the same line again$", other.stderr, re.M
    )
    assert "hunter2" not in other.stdout + other.stderr
    assert installation.services() == [service]

    told = [line.strip() for line in again.stdout.splitlines()]
    assert started["connect"] in told
    assert started["connect_by_hand"] in told
    words = shlex.split(started["connect_by_hand"])
    assert words[:6] == ["claude", "mcp", "add", "--transport", "http", "coordination"]
    user = re.fullmatch(
        rf"{re.escape(service.url)}/mcp/v2/claude/(.+)__session__demo__\$\{{COORD_AGENT:-planner\}}", words[6]
    )
    assert user is not None

    stopped = installation.paste(started["stop"])
    assert (stopped.returncode, stopped.stderr) == (0, "Stopping …\n")
    assert stopped.stdout == f"Stopped process {service.pid}, {service.url}.\n"
    assert is_gone(service.pid)
    assert is_gone(started["postgres_pid"])

    assert installation.json("down") == {
        "state": "not_running",
        "stopped": [],
        "killed": [],
        "starts_again": False,
    }


def test_after_a_kill_down_finds_nothing_and_two_at_once_start_one_service(
    installation: Installation,
) -> None:
    killed = installation.json("up")
    os.kill(killed["pid"], signal.SIGKILL)
    assert installation.json("down")["state"] == "not_running"
    assert is_gone(killed["postgres_pid"])
    with port.listen("127.0.0.1", 0) as listener:
        free = str(listener.getsockname()[1])
    with (
        installation.start("up", "--json", PORT=free) as one,
        installation.start("up", "--json", PORT=free) as two,
    ):
        answers = [json.loads(program.communicate(timeout=45)[0]) for program in (one, two)]
    (service,) = installation.services()
    assert [answer["pid"] for answer in answers] == [service.pid, service.pid]


def test_a_service_that_does_not_react_is_ended_by_force(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "STOP_SECONDS", 0.2)
    installation.json("up")
    services = installation.services()
    for service in services:
        os.kill(service.pid, signal.SIGSTOP)
    assert [background.stop(service) for service in services] == [False] * len(services)
    assert installation.services() == []
    eventually(lambda: installation.json("down")["state"] == "not_running", "Postgres to end")


# The service outlives the command that started it, which here is this very process.
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_service_without_its_database_runs_on_and_up_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installation = Installation(tmp_path, DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/name")
    for name, value in installation.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(background, "READY_SECONDS", 0)
    assert run(["up"]) == 1
    told = capsys.readouterr().err
    assert "It keeps trying" in told
    assert "database: unreachable" in told
    assert "connection refused: 127.0.0.1:1" in told
    (service,) = installation.services()
    assert service.database == "127.0.0.1/name"
    assert get(f"{service.url}/health").status_code == 503
    assert run(["down", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stopped"] == [service.pid]
    assert installation.services() == []
    assert "hunter2" not in told + installation.log()
    (logged, *_) = (line for line in installation.log().splitlines() if "database_unreachable" in line)
    assert "connection refused: 127.0.0.1:1" in logged


def test_up_beside_a_service_of_another_terminal_says_whose_terminal_that_is(
    installation: Installation,
) -> None:
    with installation.start("run") as other:
        assert other.stdout is not None
        here = [other.stdout.readline()]
        while not here[-1].startswith("  claude"):
            here.append(other.stdout.readline())
        beside = installation.coord("up").stdout.splitlines()
        (service,) = installation.services()
        assert [line.split(maxsplit=1)[1].strip() for line in here if line.startswith("  log")] == [
            "this terminal"
        ]
        assert [line.split()[-1] for line in here if line.startswith("  stop it")] == ["Ctrl-C"]
        (log,) = (line for line in beside if line.startswith("  log"))
        (stop,) = (line for line in beside if line.startswith("  stop it"))
        assert log.split(maxsplit=1)[1] == f"the terminal of process {service.pid}"
        assert installation.paste(stop.split(maxsplit=2)[2]).returncode == 0
        other.communicate(timeout=45)


def test_a_taken_port_is_told_with_its_holder_and_the_line_that_takes_another(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with port.listen("127.0.0.1", 0) as listener:
        taken = listener.getsockname()[1]
        for command in ("up", "run"):
            done = installation.coord(command, PORT=str(taken))
            assert done.returncode == 1
            first, second = done.stderr.strip().splitlines()[-2:]
            assert re.fullmatch(rf"Port {taken} of 127.0.0.1 is taken by .+, process {os.getpid()}\.", first)
            line = second.removeprefix("Take another one: ")
            assert shlex.split(line)[-2:] == [coord(), command]
            (free,) = re.findall(r"PORT=(\d+)", line)
            assert port.is_free("127.0.0.1", int(free))
    assert installation.services() == []


def test_a_start_that_fails_says_why_in_words_that_help(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    (installation.data_dir / "postgres").mkdir(parents=True)
    (installation.data_dir / "postgres" / "thesis.txt").touch()
    for command in ("up", "run"):
        done = installation.coord(command)
        assert done.returncode == 1
        assert "The embedded Postgres cannot be used: " in done.stderr
        assert str(installation.data_dir / "postgres") in done.stderr
        assert "DATABASE_URL" in done.stderr
        assert "Traceback" not in done.stderr
    assert installation.services() == []
