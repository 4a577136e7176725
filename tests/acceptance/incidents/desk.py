"""A checkout and the terminals in it: where an incident is played, without the plugin or with it.

A scene says what terminals do, by the short names of steps that stand here; whether anything protects them is the
desk's affair, not the scene's. What came of it is judged in the tests.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.claude import Claude, Terminal
from tests.acceptance.model_api import ModelApi
from tests.acceptance.script import Call, Json, Step
from tests.acceptance.service import Service

USER = "alice"
AUTHOR = ("-c", "user.name=Alice", "-c", "user.email=alice@localhost")
COMMIT = f"git {' '.join(AUTHOR)} commit --quiet --all -m 'Work'"
"""The shell command that commits everything that is tracked."""


@dataclass(frozen=True)
class Desk:
    """Terminals of one person in one checkout.

    Attributes:
        claude: starts them.
        model: plays their steps.
        server: the first part of the names of the service's tools, "" where terminals have none.
        service: the service that they can reach; None where there is none.
        session: where they meet at the service.
    """

    claude: Claude
    model: ModelApi
    server: str = ""
    service: Service | None = None
    session: str = ""

    @property
    def folder(self) -> Path:
        """The checkout."""
        return self.claude.checkout

    def start(self, name: str, steps: Sequence[Step]) -> Terminal:
        """Start a headless terminal under this name."""
        return self.claude.start(name, steps, environment={"COORD_AGENT": name})

    def converse(self, name: str) -> Terminal:
        """Start a terminal under this name that a person types in."""
        return self.claude.converse(name, environment={"COORD_AGENT": name})

    def read(self, file: str, *, name: str = "", after: str | None = None, lines: int = 20) -> Call:
        """The terminal reads the first lines of a file."""
        return Call("Read", {"file_path": str(self.folder / file), "limit": lines}, name, after)

    def edit(self, file: str, old: str, new: str, *, name: str = "", after: str | None = None) -> Call:
        """The terminal puts `new` in the place of `old`."""
        path = str(self.folder / file)
        return Call("Edit", {"file_path": path, "old_string": old, "new_string": new}, name, after)

    def write(self, file: str, text: str, *, name: str = "", after: str | None = None) -> Call:
        """The terminal writes a whole file."""
        return Call("Write", {"file_path": str(self.folder / file), "content": text}, name, after)

    def shell(self, command: str, *, name: str = "", after: str | None = None) -> Call:
        """The terminal runs a command in the checkout."""
        return Call("Bash", {"command": command, "description": "work"}, name, after)

    def ask(self, tool: str, *, name: str = "", after: str | None = None, **arguments: object) -> Call:
        """The terminal calls a tool of the service."""
        return Call(f"{self.server}{tool}", arguments, name, after)

    def holds(self, name: str) -> list[str]:
        """What an agent holds, as the service has it; nothing when it is not known there."""
        return [path for agent in self._agents(name) for path in (lock["path"] for lock in agent["locks"])]

    def waits(self, name: str) -> list[str]:
        """What an agent stands in the queue for."""
        return [path for agent in self._agents(name) for place in agent["waiting"] for path in place["paths"]]

    def git(self, *arguments: str) -> str:
        """Run git in the checkout and return what it printed."""
        return git(self.folder, *arguments)

    def said_to_model(self, terminal: str, words: str) -> bool:
        """Whether the model of a terminal has been shown these words, in whatever way."""
        return any(words in repr(request.messages) for request in self.model.requests(terminal))

    def persons_told(self, words: str) -> int:
        """In how many terminals the person was shown these words by a hook, going by what Claude Code keeps of it."""
        project = re.sub("[^A-Za-z0-9]", "-", str(self.folder))
        kept = (self.claude.home / ".claude" / "projects" / project).glob("*.jsonl")
        return sum(any(_shown(line, words) for line in path.read_text().splitlines()) for path in kept)

    def _agents(self, name: str) -> list[dict[str, list[dict[str, str]]]]:
        assert self.service is not None, "these terminals know no service"
        return [agent for agent in self.service.status(self.session)["agents"] if agent["name"] == name]


def _shown(line: str, words: str) -> bool:
    attached: Json = json.loads(line).get("attachment") or {}
    return attached.get("type") == "hook_system_message" and words in str(attached.get("content"))


def make_checkout(folder: Path, files: dict[str, str]) -> Path:
    """Return `folder` as a new repository in which `files` are committed."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, *AUTHOR, "commit", "--quiet", "-m", "As it was")
    return folder.resolve()


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it printed.

    Raises:
        subprocess.CalledProcessError: it failed; what it printed is in `stderr`.
    """
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout
