"""The README, followed word for word on a clean checkout of this repository: its first screen, and then the plugin.

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

from coordination.repository.identity import session_of
from tests.acceptance.checkout import clone
from tests.acceptance.claude import NEWER, Claude, headless
from tests.acceptance.four_terminals import CLAIM, STATUS
from tests.acceptance.model_api import ModelApi
from tests.acceptance.outcome import Outcome
from tests.acceptance.readme import commands
from tests.acceptance.script import Call, Say, Step
from tests.acceptance.service import free_port
from tests.integration.installation import eventually
from tests.unit.docs.page import fences

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
        self.installed = False
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
            "COORDINATION_DAEMON_PORT": str(free_port()),
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
            if reader.installed:
                reader.types("coord uninstall")
            reader.types("make down")


def test_the_first_screen_leads_from_nothing_to_a_terminal_that_claims_and_back(
    reader: Reader, repository: Path, tmp_path: Path
) -> None:
    text = (tmp_path / "coordination" / "README.md").read_text()
    *page, install, start = commands(text)
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

    assert (install, start) == ("coord install", "claude")
    protect_every_edit(reader, text, clone(repository, tmp_path / "third project"), tmp_path / "data")


def protect_every_edit(reader: Reader, page: str, project: Path, data: Path) -> None:
    """Go on with the plugin: what is needed starts with the first terminal, and an edit of a held file is refused."""
    # What terminals start knows their folders, and nothing else of this environment.
    (data / "coordination.toml").write_text(f"port = {reader.port}\n")
    printed = reader.types("coord install")
    reader.installed = True
    shown = shown_below(page, "coord install").partition("\n…")[0]
    assert [line.split()[:3] for line in printed.splitlines()[:3]] == [
        line.split()[:3] for line in shown.splitlines()
    ][:3]
    reader.will_do([Say("It starts.")])
    assert "coordination: starting, unprotected" in reader.types("claude", project)

    eventually(lambda: '"reachable"' in reader.types("coord daemon status --json"), "the service")
    session = session_of(project)
    claimed = httpx.post(
        f"http://127.0.0.1:{reader.port}/mcp/v2/claude/bob__session__{session}__impl_z",
        json={
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "claim_file_lock", "arguments": {"file_paths": [FILE]}},
        },
        headers={"x-client-name": "claude code"},
        trust_env=False,
    )
    assert claimed.json()["result"]["structuredContent"]["outcome"] == "granted"
    path = str(project / FILE)
    reader.will_do(
        [Call("Read", {"file_path": path}), Call("Write", {"file_path": path, "content": ""}), Say("No.")]
    )
    _, refused = outcome(reader.types("claude", project)).results
    (sentence,) = [block.text for block in fences(page) if block.text.startswith("coordination: ")]
    assert similar(sentence.replace("README.md", FILE).replace("alice/impl_a", "bob/impl_z")) in similar(
        refused.text
    )
    assert Path(path).read_text()


def shown_below(page: str, command: str) -> str:
    """What a page shows below a command."""
    block = next(block.text for block in fences(page) if f"$ {command}\n" in block.text)
    return block.partition(f"$ {command}\n")[2]


def similar(text: str) -> str:
    """A text with every number as `#`."""
    return re.sub(r"\d+", "#", text.strip())


def outcome(printed: str) -> Outcome:
    """What a terminal did, from the JSON lines that it printed."""
    return Outcome(0, tuple(json.loads(line) for line in printed.splitlines() if line.startswith("{")), "")
