"""With `--json` every command prints JSON on standard output and nothing else, whether it succeeds or fails."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from coordination.cli import run
from coordination.cli.commands import app
from tests.integration.cli.running import Coord, Running
from tests.unit.docs.test_cli_page import commands

LINES = [
    "up",
    "run",
    "down",
    "connect demo --print",
    "connect",
    # What would change something beyond the data folder is typed wrong: the home here is that of who runs the tests.
    "install --port 0",
    "uninstall everything",
    "daemon run --port 0",
    "daemon start --port 0",
    "daemon stop",
    "daemon logs",
    "daemon install --port 0",
    "daemon uninstall",
    "daemon status",
    "daemon",
    "policy set #a warn",
    "policy remove a",
    "policy",
    "status",
    "status demo --all",
    "status nowhere",
    "watch demo --once",
    "locks demo",
    "index nowhere",
    "revoke demo --all --yes",
    "revoke demo --all",
    "send demo hello",
    "send",
    "plan demo",
    "tasks demo",
    "prompt impl_a demo",
    "sessions",
    "sessions list",
    "sessions set demo --across-checkouts warn",
    "sessions close demo",
    "migrate --sql",
    "migrate --sql --to base",
    "migrate --sql --to nowhere",
    "backup /nowhere/file",
    "restore /nowhere/file",
    "login nowhere",
    "logout",
    "whoami",
    "token",
    "token create",
    "token list",
    "token revoke 0123456789ab --yes",
    "workspace",
    "workspace list",
    "workspace create Green",
    "workspace use local",
    "workspace members",
    "workspace invite bob",
    "workspace add bob",
    "workspace role bob viewer --yes",
    "workspace remove bob --yes",
    "workspace leave --yes",
    "workspace invitations",
    "workspace withdraw 0123456789ab",
    "config show",
    "config",
    "doctor",
    "migrate --sql --check",
    "migrate --check --to base",
    "sessions nothing",
    "nothing",
]


@pytest.mark.parametrize("line", LINES)
async def test_every_command_answers_in_json(service: Running, coord: Coord, line: str) -> None:
    # The port of the service is taken, and not by one of this data folder: nothing is started here.
    await service.claim(service.agent("impl_a"), "a.py")
    answer = await coord(*shlex.split(line), "--json")
    assert isinstance(json.loads(answer.out), dict | list), answer
    assert (answer.exit_code in {0, 5}) == ("error" not in answer.json), answer


@pytest.mark.parametrize("line", ["nothing --json=true", "up --json=maybe", "sessions --json=yes nothing"])
async def test_a_failure_is_json_however_the_flag_was_written(coord: Coord, line: str) -> None:
    answer = await coord(*shlex.split(line))
    assert (answer.exit_code, answer.json["error"]["code"]) == (2, "usage")


# One line of each command that starts nothing.
OFFLINE = {line.split()[0]: line for line in [*LINES, "watch demo"] if line.split()[0] not in {"up", "run"}}


NO_SERVICE = [pytest.param("1", line, id=f"no service, {line}") for line in OFFLINE.values()]
NO_SETTING = [
    pytest.param("abc", line, id=f"unusable, {line}") for line in LINES if line.split()[0] != "nothing"
]


@pytest.mark.parametrize(("port", "line"), [*NO_SERVICE, *NO_SETTING])
def test_where_no_service_answers_or_a_setting_cannot_be_used_every_command_answers_in_json_too(
    port: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COORDINATION_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PORT", port)
    exit_code = run([*shlex.split(line), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert (exit_code in {0, 5}) == ("error" not in answer), answer


def test_no_command_that_takes_it_is_left_out() -> None:
    takes = {
        path.removeprefix("coord ")
        for path, command in commands(app, "coord")
        if any("--json" in argument.names for argument in command.assemble_argument_collection())
    }
    assert "status" in takes
    assert {command for command in takes if not any(line.startswith(command) for line in LINES)} == set()
