"""The tutorial on protected terminals, played with the real Claude Code: every block is run, or was said.

What a `console` block types is typed in the repository that the page makes, and each line that it shows was printed, in
this order. A `text` block is what a terminal showed or told its model; indented lines go on with the one before. What
the page says between the blocks is done by `Reader`, one act before each block that needs one. Numbers may differ.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import signal
import subprocess
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from coordination.daemon.folder import folder_in
from coordination.repository.identity import session_of
from tests.acceptance.claude import NEWER, Claude, Terminal
from tests.acceptance.model_api import ModelApi
from tests.acceptance.script import Call, Say, Step
from tests.acceptance.service import coord, free_port
from tests.integration.installation import eventually
from tests.unit.docs.page import DOCS, Fence, fences, text_of

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(300),
    pytest.mark.slow(reason="real clients start, a daemon, a service and its database"),
]

PAGE = text_of(DOCS / "tutorial" / "protected-terminals.md")
SESSION = "repo-8b00d0e1"
CLAIM = "mcp__plugin_coord_coordination__claim_file_lock"
_CONTINUED = re.compile(r"\n    ")
_NUMBER = re.compile(r"\d+")
_PASTED = re.compile(r"(?:[A-Z_]+=\S+ )+coord ")


def blocks() -> list[Fence]:
    return [block for block in fences(PAGE) if block.language in {"console", "sh", "text"}]


class Reader:
    """Somebody with Claude Code who does what the page says.

    Attributes:
        heard: everything that the terminals and the hook said since the last look.
    """

    def __init__(self, folder: Path, claude: Claude) -> None:
        self.heard: list[str] = []
        self._claude = claude
        self._data = folder / "data"
        self._data.mkdir(mode=0o700)
        (self._data / "coordination.toml").write_text("port = 0\n")
        self._menu = claude.checkout / "menu.md"
        self._terminals: list[Terminal] = []
        self._told = [0, 0]
        self._waiting: Future[None] | None = None
        self._beside = ThreadPoolExecutor(1)
        claude.options = ["--allowedTools", f"Read,Edit,{CLAIM}"]
        self._environment = claude.environment | {
            "PATH": f"{Path(coord()).parent}:{claude.environment['PATH']}",
            "COORDINATION_DATA_DIR": str(self._data),
            "COORDINATION_DAEMON_PORT": str(free_port()),
        }

    def types(self, command: str) -> str:
        """Type a command, and return what it printed, with the names that the page has."""
        folder = self._claude.checkout if self._claude.checkout.exists() else self._claude.checkout.parent
        done = self._shell(command, folder)
        return self.named(done.stdout + done.stderr)

    def named(self, text: str) -> str:
        """Return a text with the names of the page in place of those of this run."""
        text = _PASTED.sub("coord ", text).replace(str(self._data), "/home/alice/.local/share/coordination")
        text = text.replace(str(self._claude.checkout), "/home/alice/menu")
        text = text.replace(str(self._claude.home), "/home/alice").replace(f"{getpass.getuser()}/", "alice/")
        return text.replace(self.session, SESSION)

    @property
    def session(self) -> str:
        checkout = self._claude.checkout
        return session_of(checkout) if checkout.exists() else SESSION

    def does(self, number: int) -> None:
        """Do what the page says before its block of this number."""
        act = {
            2: self.starts_the_first,
            3: self.waits_for_the_service,
            4: self.has_the_first_edit,
            5: self.starts_the_second,
            7: self.has_the_second_wait,
            8: self.sees_the_second_edit,
            9: self.kills_the_second,
            11: self.has_an_edit_judged,
            13: self.has_an_edit_judged,
            14: self.types_in_the_first,
            15: self.waits_for_the_service,
        }.get(number)
        if act is not None:
            act()
            self.listens()

    def starts_the_first(self) -> None:
        first = self._claude.converse("first")
        self._terminals.append(first)
        eventually(lambda: bool(first.so_far().messages), "its first word")

    def waits_for_the_service(self) -> None:
        eventually(lambda: "reachable" in self.types("coord daemon status"), "the service")

    def has_the_first_edit(self) -> None:
        self._terminals[0].say("Make it a tomato soup.", self._edit("Soup", "Tomato soup"))

    def starts_the_second(self) -> None:
        self._terminals.append(self._claude.converse("second"))
        self._terminals[1].say("Have it served cold.", self._edit("soup", "soup, cold"))

    def has_the_second_wait(self) -> None:
        steps: list[Step] = [
            Call(CLAIM, {"file_paths": ["menu.md"], "wait_seconds": 45}),
            *self._edit("soup", "soup, cold"),
        ]
        self._waiting = self._beside.submit(self._terminals[1].say, "Wait for it, then do it.", steps)
        eventually(lambda: " 1 waiting" in self.types(f"coord status {self.session}"), "it to wait")

    def sees_the_second_edit(self) -> None:
        assert self._waiting is not None
        self._waiting.result()

    def kills_the_second(self) -> None:
        os.kill(self._terminals[1].pid, signal.SIGKILL)
        eventually(
            lambda: "No file is locked" in self.types(f"coord locks {self.session}"), "its lock to go", 5
        )

    def has_an_edit_judged(self) -> None:
        """Run the line that Claude Code runs before an edit, as it stands in the plugin."""
        plugin = self._data / "plugin" / "coord"
        hooks = json.loads((plugin / "hooks" / "hooks.json").read_text())["hooks"]["PreToolUse"]
        line = next(one["hooks"][0]["command"] for one in hooks if "Edit" in one["matcher"])
        event = {"hook_event_name": "PreToolUse", "tool_name": "Edit", "cwd": str(self._claude.checkout)}
        event |= {"session_id": "by hand", "tool_input": {"file_path": str(self._menu)}}
        environment = self._environment | {"CLAUDE_PLUGIN_ROOT": str(plugin)}
        done = subprocess.run(
            ["sh", "-c", line],
            env=environment,
            input=json.dumps(event),
            capture_output=True,
            text=True,
            check=True,
        )
        self.heard += texts(json.loads(done.stdout))

    def types_in_the_first(self) -> None:
        self._terminals[0].say("Anything.", [Say("Yes.")])

    def listens(self) -> None:
        """Take note of what the terminals said since the last time."""
        for number, terminal in enumerate(self._terminals):
            messages = terminal.so_far().messages
            self.heard += [text for message in messages[self._told[number] :] for text in texts(message)]
            self._told[number] = len(messages)

    def ends(self) -> None:
        """Leave nothing that runs."""
        self._claude.stop()
        self._beside.shutdown()
        for command in ("coord uninstall", "coord down"):
            self.types(command)
        assert folder_in(self._data).find() is None

    def _edit(self, old: str, new: str) -> list[Step]:
        path = str(self._menu)
        edit = Call("Edit", {"file_path": path, "old_string": old, "new_string": new})
        return [Call("Read", {"file_path": path}), edit, Say("That is it.")]

    def _shell(self, command: str, folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def reader(programs: dict[str, Path], tmp_path: Path) -> Generator[Reader]:
    with ModelApi(tmp_path / "model.jsonl") as model:
        one = Reader(tmp_path, Claude(programs[NEWER], tmp_path, tmp_path / "menu", model))
        try:
            yield one
        finally:
            one.ends()


def test_every_block_of_the_tutorial_is_what_happens(reader: Reader) -> None:
    for number, block in enumerate(blocks()):
        reader.does(number)
        if block.language == "text":
            said = [normal(reader.named(text)) for text in reader.heard]
            assert any(normal(_CONTINUED.sub(" ", block.text)) in text for text in said), (block.text, said)
            continue
        reader.heard.clear()
        for command, shown in typed(block):
            printed = reader.types(command.replace(SESSION, reader.session))
            assert in_order(normal(shown), normal(printed)), (command, printed)


def typed(block: Fence) -> Iterator[tuple[str, str]]:
    """Yield what is typed in a block, with what is shown below it."""
    if block.language == "sh":
        yield block.text, ""
        return
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def in_order(shown: str, printed: str) -> bool:
    """Whether every line that is shown was printed, in this order; more may have been."""
    lines = iter(printed.splitlines())
    return all(line in lines for line in shown.splitlines())


def normal(text: str) -> str:
    """Return a text with every number as `#`, and spaces that depend on how long a number is as one."""
    lines = (re.sub(r" +", " ", _NUMBER.sub("#", line)).rstrip() for line in text.strip().splitlines())
    return "\n".join(lines)


def texts(value: Any) -> list[str]:
    """Return every text in a JSON value, also of JSON inside a text."""
    if isinstance(value, dict):
        return [text for part in cast("dict[str, Any]", value).values() for text in texts(part)]
    if isinstance(value, list):
        return [text for part in cast("list[Any]", value) for text in texts(part)]
    if not isinstance(value, str):
        return []
    return texts(json.loads(value)) if value.startswith('{"') and value.strip().endswith("}") else [value]
