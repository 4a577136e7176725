"""The README's first screen, followed word for word on a clean checkout of this repository.

Commands that begin with `make` run in that checkout, all others in the folder of a project, as the page says.
`claude` is the real one; where the page starts a terminal, a scripted model says what to do in it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Generator, Sequence
from pathlib import Path

import httpx
import pytest

from tests.acceptance.checkout import clone
from tests.acceptance.claude import NEWER, Claude, headless
from tests.acceptance.four_terminals import CLAIM, STATUS
from tests.acceptance.model_api import ModelApi
from tests.acceptance.outcome import Outcome
from tests.acceptance.readme import commands
from tests.acceptance.script import Call, Say, Step
from tests.acceptance.service import free_port

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(600),
    pytest.mark.slow(reason="it sets up from nothing: an environment, its packages, a database"),
]

REPOSITORY = Path(__file__).parents[2]
SETUP_SECONDS = 400
FILE = "pygments/lexer.py"


class Reader:
    """Somebody with this repository, a project and Claude Code, who types what the page says."""

    def __init__(self, folder: Path, claude: Claude, product: Path) -> None:
        """Put `claude` on the PATH of a shell whose settings, home and data all lie below `folder`."""
        self.port = free_port()
        self.said: dict[str, str] = {}
        self._claude = claude
        self._product = product
        self._programs = folder / "programs"
        self._programs.mkdir()
        self._environment = os.environ | {
            "HOME": str(claude.home),
            "PREFIX": str(claude.home / ".local"),
            "PATH": f"{claude.home}/.local/bin:{self._programs}:{os.environ['PATH']}",
            "COORDINATION_DATA_DIR": str(folder / "data"),
            "PORT": str(self.port),
        }
        # The checkout under test is set up from nothing, not with what runs this test.
        for name in ("VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VENV", "PYTHONPATH"):
            self._environment.pop(name, None)

    def will_do(self, steps: Sequence[Step]) -> None:
        """Let the next terminals do these steps, headless, where a person would type."""
        settings = [f"{name}={value}" for name, value in self._claude.environment.items()]
        real = ["env", "-i", *settings, "COORD_AGENT=", str(self._claude.program)]
        line = shlex.join(real).replace("COORD_AGENT= ", '${COORD_AGENT:+"COORD_AGENT=$COORD_AGENT"} ')
        asked = shlex.join(headless(steps))
        script = self._programs / "claude"
        script.write_text(f'#!/bin/sh\n[ $# -gt 0 ] || set -- {asked}\nexec {line} "$@"\n')
        script.chmod(0o755)

    def types(self, command: str, project: Path | None = None) -> str:
        """Run a command in the folder that it belongs to and return what it printed.

        Raises:
            AssertionError: it failed; the message is what it printed.
        """
        folder = self._product if command.startswith("make") else project or self._claude.checkout
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=self._environment,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SETUP_SECONDS,
        )
        assert done.returncode == 0, f"{command} failed:\n{done.stdout}"
        self.said[command] = done.stdout
        return done.stdout


@pytest.fixture
def reader(programs: dict[str, Path], repository: Path, tmp_path: Path) -> Generator[Reader]:
    product = clone(REPOSITORY, tmp_path / "coordination")
    with ModelApi(tmp_path / "model.jsonl") as model:
        claude = Claude(programs[NEWER], tmp_path, clone(repository, tmp_path / "project"), model)
        reader = Reader(tmp_path, claude, product)
        try:
            yield reader
        finally:
            reader.types("make down")


def test_the_first_screen_leads_from_nothing_to_a_terminal_that_claims_and_back(
    reader: Reader, repository: Path, tmp_path: Path
) -> None:
    page = commands((tmp_path / "coordination" / "README.md").read_text())
    assert page[0] == "make up"
    assert page[-1] == "coord down"
    reader.will_do([Call(CLAIM, {"file_paths": [FILE]}), Say("It is mine.")])
    for command in page[:-1]:
        reader.types(command)

    (terminal,) = [said for command, said in reader.said.items() if command.endswith(" claude")]
    (claimed,) = outcome(terminal).results
    assert claimed.content["outcome"] == "granted"
    (status,) = [said for command, said in reader.said.items() if command.startswith("coord status")]
    assert "/impl_a" in status
    assert FILE in status

    second = clone(repository, tmp_path / "second project")
    (by_hand,) = re.findall(r"^ *(claude mcp add .*)$", reader.said["make up"], re.MULTILINE)
    reader.will_do([Call(STATUS, {}), Say("There they are.")])
    reader.types(by_hand, second)
    (looked,) = outcome(reader.types("claude", second)).results
    assert {"planner", "impl_a"} == {known["agent"].split("/")[1] for known in looked.content["agents"]}

    reader.types(page[-1])
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{reader.port}/health", trust_env=False)
    assert not list((tmp_path / "data").rglob("postmaster.pid"))


def outcome(printed: str) -> Outcome:
    """What a terminal did, from the JSON lines that it printed."""
    return Outcome(0, tuple(json.loads(line) for line in printed.splitlines() if line.startswith("{")), "")
