"""`coord up` and `coord down` as a person meets them: what runs, where, and every line of it fit to be pasted."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest

from coordination.app import port
from coordination.cli import background, place, run
from tests.integration.installation import Installation, coord, eventually, get, is_gone
from tests.unit.docs.test_cli_page import COMMANDS


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Installation]:
    """One data folder for all tests of this module: each start takes seconds, and the first one makes a database."""
    with Installation(tmp_path_factory.mktemp("up")) as one:
        yield one


@pytest.fixture
def installation(shared: Installation) -> Generator[Installation]:
    """The shared data folder, on which nothing runs before and after a test."""
    yield shared
    if shared.services():
        shared.coord("down")


def paste(line: str, installation: Installation) -> subprocess.CompletedProcess[str]:
    """Run a printed line in a plain shell that knows nothing of the installation."""
    environment = {
        name: value
        for name, value in installation.environment.items()
        if name not in {"COORDINATION_DATA_DIR", "PORT"}
    }
    return subprocess.run(
        ["/bin/sh", "-c", line], env=environment, capture_output=True, text=True, timeout=45, check=False
    )


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

    told = [line.strip() for line in again.stdout.splitlines()]
    assert started["connect"] in told
    assert started["connect_by_hand"] in told
    words = shlex.split(started["connect_by_hand"])
    assert words[:6] == ["claude", "mcp", "add", "--transport", "http", "coordination"]
    user = re.fullmatch(
        rf"{re.escape(service.url)}/mcp/v2/claude/(.+)__session__demo__\$\{{COORD_AGENT:-planner\}}", words[6]
    )
    assert user is not None

    stopped = paste(started["stop"], installation)
    assert (stopped.returncode, stopped.stderr) == (0, "Stopping …\n")
    assert stopped.stdout == f"Stopped process {service.pid}, {service.url}.\n"
    assert is_gone(service.pid)
    assert is_gone(started["postgres_pid"])

    assert installation.json("down") == {"state": "not_running", "stopped": [], "killed": []}


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
    (service,) = installation.services()
    assert service.database == "127.0.0.1/name"
    assert get(f"{service.url}/health").status_code == 503
    assert run(["down", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stopped"] == [service.pid]
    assert installation.services() == []
    assert "hunter2" not in told + installation.log()


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


@pytest.mark.parametrize("command", ["up", "run", "migrate", "connect demo", "status"])
def test_a_wrong_setting_is_told_before_anything_starts(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COORDINATION_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOST", "192.0.2.1")
    assert run([*command.split(), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "setting"
    assert error["message"].startswith("HOST: ")
    assert "unset HOST" in error["mend"]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("wrong", [{"PORT": "abc"}, {"PORT": "70000"}, {"HOST": "192.0.2.1"}])
def test_down_stops_the_service_of_the_data_folder_whatever_else_is_set_wrong(
    wrong: dict[str, str], installation: Installation
) -> None:
    pid = installation.json("up")["pid"]
    done = installation.coord("down", "--json", **wrong)
    assert (done.returncode, json.loads(done.stdout)["stopped"]) == (0, [pid])
    (name,) = wrong
    assert done.stderr.startswith(f"{name}: ")
    assert is_gone(pid)


def test_down_stops_nothing_where_it_cannot_tell_which_service_or_folder_is_meant(
    installation: Installation, tmp_path: Path
) -> None:
    installation.json("up")
    installation.json("up", PORT=str(port.free_port("127.0.0.1", 20000)))
    two = installation.services()
    assert len(two) == 2
    for wrong in (
        {"PORT": "abc"},
        {"COORDINATION_CONFIG": str(tmp_path / "none"), "COORDINATION_DATA_DIR": ""},
    ):
        done = installation.coord("down", **wrong)
        assert done.returncode == 2, done
        assert next(iter(wrong)) in done.stderr
    assert installation.services() == two
    lines = [line for line in installation.coord("down", PORT="abc").stderr.splitlines() if "PORT=" in line]
    for service, line in zip(two, lines, strict=True):
        assert paste(line.partition(": ")[2], installation).stdout.startswith(
            f"Stopped process {service.pid},"
        )


@pytest.mark.parametrize(
    "command", [path.removeprefix("coord ") for path in COMMANDS if path != "coord headers"]
)
def test_every_command_explains_itself_with_examples(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert run([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"Usage: coord {command}" in shown
    examples = [line.strip() for line in shown.partition("Examples:")[2].splitlines()]
    assert any(f"coord {command}".removesuffix(" list") in line for line in examples)
    assert shown.splitlines()[-1] == f"Here `coord` is {place.program()}"


def test_where_coord_is_on_the_path_its_help_does_not_say_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(Path(coord()).parent))
    for tokens in (["up", "--help"], []):
        assert run(tokens) == 0
        assert "Here `coord` is" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["up", "--nothing"], ["migrate", "--to"], ["up", "now"], ["migrate", "--check", "--sql"]],
)
def test_a_wrong_command_line_is_told_in_json_too(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"
    assert run(arguments) == 2
    known = [] if arguments == ["nothing"] else arguments[:1]
    assert shlex.split(capsys.readouterr().err.rpartition("See: ")[2])[1:] == [*known, "--help"]


def test_the_command_line_loads_no_framework_and_no_driver() -> None:
    heavy = {"alembic", "asyncpg", "fastapi", "fastmcp", "httpx", "mcp", "sqlalchemy", "starlette", "uvicorn"}
    look = (
        f"import sys, coordination.cli as c; c.run(['--version']); print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == ["[]"]
