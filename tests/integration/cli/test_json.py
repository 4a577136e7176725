"""With `--json` every command prints JSON on standard output and nothing else, whether it succeeds or fails."""

from __future__ import annotations

import json
import shlex

import pytest

from coordination.cli.commands import app
from tests.integration.cli.running import Coord, Running
from tests.unit.docs.test_cli_page import commands

LINES = [
    "up",
    "run",
    "down",
    "connect demo --print",
    "connect",
    "status",
    "status demo --all",
    "status nowhere",
    "watch demo --once",
    "locks demo",
    "revoke demo --all --yes",
    "revoke demo --all",
    "send demo hello",
    "send",
    "sessions",
    "sessions list",
    "sessions set demo --across-checkouts warn",
    "sessions close demo",
    "migrate --sql",
    "migrate --sql --to base",
    "migrate --sql --to nowhere",
    "config show",
    "config",
    "doctor",
    "nothing",
]


@pytest.mark.parametrize("line", LINES)
async def test_every_command_answers_in_json(service: Running, coord: Coord, line: str) -> None:
    # The port of the service is taken, and not by one of this data folder: nothing is started here.
    await service.claim(service.agent("impl_a"), "a.py")
    answer = await coord(*shlex.split(line), "--json")
    assert isinstance(json.loads(answer.out), dict | list), answer
    assert (answer.exit_code in {0, 5}) == ("error" not in answer.json), answer


def test_no_command_that_takes_it_is_left_out() -> None:
    takes = {
        path.removeprefix("coord ")
        for path, command in commands(app, "coord")
        if any("--json" in argument.names for argument in command.assemble_argument_collection())
    }
    assert "status" in takes
    assert {command for command in takes if not any(line.startswith(command) for line in LINES)} == set()
