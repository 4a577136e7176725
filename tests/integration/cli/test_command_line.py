"""The command line itself: help with examples, wrong usage, and what it costs to load."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from coordination.app.command_line import program
from coordination.cli import run
from tests.integration.installation import coord
from tests.unit.docs.test_cli_page import COMMANDS


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
    assert shown.splitlines()[-1] == f"Here `coord` is {program()}"


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
