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
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.model_api import ModelApi
from tests.acceptance.outcome import Outcome
from tests.acceptance.script import Json, Step, prompt
from tests.acceptance.service import wait_until

NEWER, OLDER = "2.1.330", "2.1.197"
"""The pinned versions: they speak different eras of MCP (stateless 2026-07-28, and `initialize`)."""

RUN_SECONDS = 90.0
"""How long one terminal may run; a whole test takes about ten seconds."""

_OPTIONS = ("-p", "--output-format", "stream-json", "--verbose", "--allowedTools", "mcp__coordination")
ANYTHING = ("--permission-mode", "bypassPermissions")
"""Options of terminals whose person left the room: every tool, unasked."""

REWINDABLE = {"CLAUDE_CODE_ENABLE_SDK_FILE_CHECKPOINTING": "1"}
"""The environment in which a terminal that nobody types in can put files back."""


def headless(steps: Sequence[Step], said: str = "Do what the steps say.") -> list[str]:
    """The arguments of a terminal that nobody types in: it begins with `said`, and its model plays `steps`."""
    # Without `--` the list of allowed tools would swallow the prompt.
    return [*_OPTIONS, "--", prompt(said, steps)]


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
        self._running.wait(seconds)
        return self.so_far()

    def so_far(self) -> Outcome:
        """What it has done until now."""
        lines = self._output.read_text().splitlines()
        messages = tuple(json.loads(line) for line in lines if line)
        return Outcome(self._running.poll(), messages, self._errors.read_text())

    def say(self, text: str, steps: Sequence[Step]) -> None:
        """Type `text`, let the model play `steps`, and return when it has ended its turn.

        Raises:
            TimeoutError: its turn did not end in time.
        """
        before = self.turns
        self.begin(text, steps)
        wait_until(lambda: self.turns > before, RUN_SECONDS, f"{self.name} to end its turn")

    def begin(self, text: str, steps: Sequence[Step]) -> None:
        """Type `text` and let the model play `steps`, without waiting for the end of the turn."""
        message: Json = {"role": "user", "content": prompt(text, steps)}
        self._write(json.dumps({"type": "user", "message": message}) + "\n")

    def rewind(self) -> None:
        """Have it put files back as they were before its first prompt, as a person does with `/rewind`.

        It must have been started with `REWINDABLE` and the option `--replay-user-messages`.
        """
        first = next(one["uuid"] for one in self.so_far().messages if one.get("isReplay"))
        asked: Json = {"subtype": "rewind_files", "user_message_id": first}
        self._write(json.dumps({"type": "control_request", "request_id": "rewind", "request": asked}) + "\n")

    def leave(self) -> None:
        """Let it end, as a person does who has nothing more to say."""
        stdin = self._running.stdin
        assert stdin is not None, "only a conversation is left"
        stdin.close()

    def _write(self, line: str) -> None:
        stdin = self._running.stdin
        assert stdin is not None, "nobody types in a headless terminal"
        stdin.write(line.encode())
        stdin.flush()

    @property
    def turns(self) -> int:
        """How many turns it has ended."""
        return self._output.read_text().count('"type":"result"')

    def pause(self) -> None:
        """Stop it and whatever it started where they are, as the sleep of a laptop does."""
        os.killpg(self._running.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.killpg(self._running.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Kill it and whatever it started, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._running.pid, signal.SIGKILL)
        self._running.wait()
        if self._running.stdin is not None:
            self._running.stdin.close()


class Claude:
    """Claude Code of one version with one home folder, in one checkout: what a developer has."""

    def __init__(
        self,
        program: Path,
        folder: Path,
        checkout: Path,
        model: ModelApi,
        *,
        home: Path | None = None,
    ) -> None:
        """Make a home folder in which the person has been welcomed and trusts `checkout`.

        Args:
            program: of Claude Code.
            folder: gets what terminals print, and the home folder when there is none yet.
            checkout: where terminals work.
            model: plays their steps.
            home: a home folder that is there already, with what is configured in it.
        """
        self.program = program
        self.checkout = checkout
        self.options: Sequence[str] = ()
        """What is typed behind `claude` at every start."""
        self._model = model
        self._logs = folder / "terminals"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._started: list[Terminal] = []
        self.home = home or folder / "home"
        self.home.mkdir(exist_ok=True)
        _trust(self.home / ".claude.json", checkout)

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
        said: str = "Do what the steps say.",
        environment: Mapping[str, str] | None = None,
    ) -> Terminal:
        """Start a headless terminal that begins with `said` and whose model plays `steps`.

        `name` tells it apart in the model's log.
        """
        arguments = [*self.options, *headless(steps, said)]
        return self._launch(name, arguments, subprocess.DEVNULL, environment)

    def converse(self, name: str, *, environment: Mapping[str, str] | None = None) -> Terminal:
        """Start a terminal that a person types in (`Terminal.say`), turn by turn, until the person leaves."""
        arguments = [*self.options, *_OPTIONS, "--input-format", "stream-json"]
        return self._launch(name, arguments, subprocess.PIPE, environment)

    def _launch(
        self, name: str, arguments: Sequence[str], stdin: int, environment: Mapping[str, str] | None
    ) -> Terminal:
        output, errors = self._logs / f"{name}.jsonl", self._logs / f"{name}.err"
        added = {"ANTHROPIC_CUSTOM_HEADERS": f"x-terminal: {name}"} | dict(environment or {})
        with output.open("xb") as out, errors.open("xb") as err:
            running = subprocess.Popen(
                [str(self.program), *arguments],
                cwd=self.checkout,
                env=self.environment | added,
                stdin=stdin,
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


def _trust(settings: Path, checkout: Path) -> None:
    known: Json = json.loads(settings.read_text()) if settings.exists() else {}
    trusted = known.get("projects", {}) | {str(checkout): {"hasTrustDialogAccepted": True}}
    settings.write_text(json.dumps(known | {"hasCompletedOnboarding": True, "projects": trusted}))


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
