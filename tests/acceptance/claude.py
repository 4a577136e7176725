"""The real Claude Code as a test meets it: install a pinned version, register a server, run a terminal.

Everything that is started gets a home folder of its own making, a dummy key, the scripted model
(`model_api.py`) as its API and as its proxy, so that nothing but loopback is ever contacted. What this module
does not do: decide what a terminal should say (`script.py`), or judge what came of it (the tests).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.model_api import ModelApi
from tests.acceptance.script import Json, Step, prompt, result_text, step_number

NEWER, OLDER = "2.1.330", "2.1.197"
"""The pinned versions: they speak different eras of MCP (stateless 2026-07-28, and `initialize`)."""

RUN_SECONDS = 90.0
"""How long one terminal may run; a whole test takes about ten seconds."""


def headless(steps: Sequence[Step]) -> list[str]:
    """The arguments of a terminal that nobody types in and whose model plays `steps`."""
    options = ["-p", "--output-format", "stream-json", "--verbose", "--allowedTools", "mcp__coordination"]
    # Without `--` the list of allowed tools would swallow the prompt.
    return [*options, "--", prompt("Do what the steps say.", steps)]


class NpmMissing(Exception):
    """npm is not on the PATH, so Claude Code cannot be installed."""


def install(version: str, cache: Path) -> Path:
    """Return the program of this version, from `cache` or freshly installed there with npm.

    Several test processes may ask at once: one installs, the others wait. The native program is used
    directly, so no install script of a package has to run and the machine's Node version does not matter.

    Raises:
        NpmMissing: it is not in the cache and there is no npm.
        subprocess.CalledProcessError: npm failed; its message is on standard error.
    """
    folder = cache / "claude" / version
    with only_one(cache / f"claude-{version}.lock"):
        if not folder.exists():
            _npm_install(version, folder)
    programs = sorted(folder.glob("node_modules/@anthropic-ai/claude-code-*/claude"))
    if len(programs) != 1:
        raise FileNotFoundError(f"npm brought no single program for {platform.platform()}: {programs}")
    return programs[0]


@dataclass(frozen=True)
class Outcome:
    """What a terminal did: its exit code, the messages of its `stream-json` output, its standard error."""

    exit_code: int
    messages: tuple[Json, ...]
    errors: str

    @property
    def start(self) -> Json:
        """The first message: `tools`, `mcp_servers`, `model` and the rest."""
        return next(m for m in self.messages if m["type"] == "system" and m.get("subtype") == "init")

    @property
    def servers(self) -> dict[str, str]:
        """The MCP servers by name, each with its status, `connected` when all is well."""
        return {server["name"]: server["status"] for server in self.start["mcp_servers"]}

    @property
    def results(self) -> list[ToolResult]:
        """What the tools answered, in order."""
        return list(self._results())

    def _results(self) -> Iterator[ToolResult]:
        names: dict[str, str] = {}
        for block in self._blocks():
            if block["type"] == "tool_use":
                names[block["id"]] = block["name"]
            elif block["type"] == "tool_result":
                called = block["tool_use_id"]
                failed = bool(block.get("is_error"))
                yield ToolResult(step_number(called), names[called], failed, result_text(block))

    def _blocks(self) -> Iterator[Json]:
        for message in self.messages:
            content = message["message"]["content"] if message["type"] in ("assistant", "user") else ""
            if not isinstance(content, str):
                yield from content


@dataclass(frozen=True)
class ToolResult:
    """One answer of a tool, as the terminal passed it to the model.

    Attributes:
        step: the number of the step that called the tool, from 0.
        tool: its full name.
        is_error: whether the terminal marked it as an error.
        text: all that the model gets to read; of a successful call the structured content, as JSON.
    """

    step: int
    tool: str
    is_error: bool
    text: str

    @property
    def content(self) -> Json:
        """The structured content of a successful call."""
        content: Json = json.loads(self.text)
        return content


@dataclass(frozen=True)
class Terminal:
    """A running Claude Code; `Claude.start` makes one."""

    name: str
    _running: subprocess.Popen[bytes]
    _output: Path
    _errors: Path

    @property
    def pid(self) -> int:
        """The id of its operating system process."""
        return self._running.pid

    def wait(self, seconds: float = RUN_SECONDS) -> Outcome:
        """Wait until it ends and return what it did.

        Raises:
            subprocess.TimeoutExpired: it still runs; it goes on running.
        """
        exit_code = self._running.wait(seconds)
        lines = self._output.read_text().splitlines()
        return Outcome(exit_code, tuple(json.loads(line) for line in lines if line), self._errors.read_text())

    def stop(self) -> None:
        """Kill it and whatever it started, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._running.pid, signal.SIGKILL)
        self._running.wait()


class Claude:
    """Claude Code of one version with one home folder, in one checkout: what a developer has."""

    def __init__(self, program: Path, folder: Path, checkout: Path, model: ModelApi) -> None:
        """Make a home folder under `folder` in which the person has been welcomed and trusts `checkout`."""
        self.program = program
        self.checkout = checkout
        self._model = model
        self._logs = folder / "terminals"
        self._logs.mkdir(parents=True)
        self._started: list[Terminal] = []
        self.home = folder / "home"
        self.home.mkdir()
        trusted = {str(checkout): {"hasTrustDialogAccepted": True}}
        config = {"hasCompletedOnboarding": True, "projects": trusted}
        (self.home / ".claude.json").write_text(json.dumps(config))

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a terminal: of the test's own only the PATH reaches it."""
        return {
            "PATH": f"{self.program.parent}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "ANTHROPIC_BASE_URL": self._model.url,
            "ANTHROPIC_API_KEY": "sk-ant-acceptance-dummy",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "HTTP_PROXY": self._model.url,
            "HTTPS_PROXY": self._model.url,
            "NO_PROXY": "127.0.0.1,localhost,::1",
            # A headless terminal speaks at once; a person types when the terminal is there, and connected.
            "MCP_CONNECTION_NONBLOCKING": "false",
        } | ({"IS_SANDBOX": "1"} if os.geteuid() == 0 else {})

    def run(self, *command: str, environment: Mapping[str, str] | None = None) -> str:
        """Run a command in the checkout, `claude` being on the PATH, and return what it printed.

        Raises:
            subprocess.CalledProcessError: it failed; what it printed is in `output` and `stderr`.
        """
        # A refused credential is remembered by server name for 15 minutes; a test starts without memories.
        (self.home / ".claude" / "mcp-needs-auth-cache.json").unlink(missing_ok=True)
        done = subprocess.run(
            command,
            cwd=self.checkout,
            env=self.environment | dict(environment or {}),
            check=True,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
        )
        return done.stdout

    def start(
        self,
        name: str,
        steps: Sequence[Step],
        *,
        environment: Mapping[str, str] | None = None,
    ) -> Terminal:
        """Start a headless terminal whose model plays `steps`; `name` tells it apart in the model's log."""
        output, errors = self._logs / f"{name}.jsonl", self._logs / f"{name}.err"
        added = {"ANTHROPIC_CUSTOM_HEADERS": f"x-terminal: {name}"} | dict(environment or {})
        with output.open("xb") as out, errors.open("xb") as err:
            running = subprocess.Popen(
                [str(self.program), *headless(steps)],
                cwd=self.checkout,
                env=self.environment | added,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        terminal = Terminal(name, running, output, errors)
        self._started.append(terminal)
        return terminal

    def stop(self) -> None:
        """Kill every terminal of this home that still runs."""
        for terminal in self._started:
            terminal.stop()


@contextlib.contextmanager
def only_one(lock: Path) -> Generator[None]:
    """Hold the file `lock` for the block, so that of several test processes one fills the cache."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _npm_install(version: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NpmMissing("npm is not on the PATH: install Node.js (apt install npm, brew install node)")
    fresh = folder.with_name(f"{version}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    command = [npm, "install", "--prefix", str(fresh), "--ignore-scripts", "--no-audit", "--no-fund"]
    package = f"@anthropic-ai/claude-code@{version}"
    subprocess.run([*command, package], check=True, stdout=sys.stderr)
    fresh.rename(folder)
