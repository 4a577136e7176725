"""One edit that must be refused: the installed hooks, run as Claude Code runs them, against the daemon and the service.

Two made-up terminals meet in a scratch repository and in a session of their own. The first is about to write a file and
so gets its lease; the second wants to write the same file, and the hook must refuse that and name the first. Then both
end, which gives everything back, the session is closed and the repository is gone. Nobody else's session, file or
settings are touched: variables that would lead a hook to the terminal in which this runs are taken away.

The daemon knows a terminal by its process, so each of the two is one: a bare interpreter that runs the lines that it is
told, each with a shell.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, cast

from coordination.cli.plugin_checks import HOOKS, Plugin
from coordination.domain.text import clean

SESSION: Final = "coord-doctor-gate"
HOLDS: Final = "doctor_holds"
ASKS: Final = "doctor_asks"
_FILE: Final = "held.txt"
_TOOL: Final = "Write"
_SECONDS: Final = 5.0
_SHOWN: Final = 300
_OF_A_TERMINAL: Final = re.compile(r"(CLAUDE|COORD|GIT)_.*|CLAUDECODE")
_TERMINAL: Final = """
import json, subprocess, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    start = time.perf_counter()
    try:
        done = subprocess.run(["/bin/sh", "-c", asked["line"]], input=asked["given"].encode(),
            capture_output=True, timeout=asked["timeout"])
        code, printed = done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired:
        code, printed = None, ""
    print(json.dumps({"code": code, "printed": printed, "seconds": time.perf_counter() - start}), flush=True)
"""


class DidNotFire(Exception):
    """The hook did not do what it is there for; the message completes "the gate does not fire: ..."."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A refusal.

    Attributes:
        allowed_seconds: how long the hook took to let the first terminal's edit pass, with its claim.
        refused_seconds: how long it took to refuse the second one's.
    """

    allowed_seconds: float
    refused_seconds: float


def fire(plugin: Plugin, alone: Path, python: str = sys.executable) -> Fired:
    """Have an edit refused.

    Args:
        plugin: whose hooks.
        alone: a folder of ours; of several doctors on it one is here at a time.
        python: the interpreter that the made-up terminals are.

    Raises:
        DidNotFire: it was not refused as it must be, or it could not be tried.
    """
    before, after = _line(plugin.root, "PreToolUse", _TOOL), _line(plugin.root, "SessionEnd", "")
    with ExitStack() as stack:
        stack.enter_context(_only_one(alone))
        scratch = stack.enter_context(_repository())
        both: list[_Terminal] = []
        for name in (HOLDS, ASKS):
            one = stack.enter_context(_Terminal(python, _environment(plugin.root, scratch, name), scratch))
            stack.callback(one.leave, after)
            both.append(one)
        allowed = both[0].run(before, _edit(scratch))
        _require_allowed(allowed)
        refused = both[1].run(before, _edit(scratch))
        _require_refused(refused)
    return Fired(allowed.seconds, refused.seconds)


@dataclass(frozen=True, slots=True)
class _Hook:
    """One command hook: its line and limit."""

    line: str
    timeout: float


@dataclass(frozen=True, slots=True)
class _Answer:
    said: Mapping[str, Any]
    seconds: float

    @property
    def output(self) -> Mapping[str, Any]:
        found = self.said.get("hookSpecificOutput")
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}

    @property
    def words(self) -> str:
        """What it says to the model or the person, cleaned."""
        said = self.output.get("permissionDecisionReason") or self.output.get("additionalContext")
        return clean(str(said or self.said.get("systemMessage") or json.dumps(self.said)), _SHOWN)


class _Terminal:
    """A process that the daemon takes for a terminal."""

    def __init__(self, python: str, environment: Mapping[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
            [python, "-I", "-S", "-c", _TERMINAL],
            env=environment,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, subprocess.TimeoutExpired):
            self._process.communicate(timeout=_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def run(self, hook: _Hook, given: Mapping[str, object]) -> _Answer:
        """Have a hook called with its JSON, and return what it answered.

        Raises:
            DidNotFire: it answered nothing that Claude Code would understand.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise DidNotFire("the hooks could not be called")
        asked = {"line": hook.line, "timeout": hook.timeout, "given": json.dumps(given)}
        try:
            stdin.write(json.dumps(asked) + "\n")
            stdin.flush()
            done: dict[str, Any] = json.loads(stdout.readline())
        except (OSError, ValueError):
            raise DidNotFire("the process that called the hook ended") from None
        if done["code"] is None:
            raise DidNotFire(f"the hook did not end within {hook.timeout:g} s")
        try:
            said: Any = json.loads(done["printed"])
        except ValueError:
            said = None
        if done["code"] or not isinstance(said, dict):
            printed = clean(done["printed"], _SHOWN) or "nothing"
            raise DidNotFire(f"the hook ended with {done['code']} and printed {printed}")
        return _Answer(cast("dict[str, Any]", said), done["seconds"])

    def leave(self, hook: _Hook) -> None:
        """End as a terminal does: what it holds is given back."""
        with suppress(DidNotFire):
            self.run(hook, {"hook_event_name": "SessionEnd", "reason": "other", "cwd": os.getcwd()})


def _line(root: Path, event: str, tool: str) -> _Hook:
    try:
        known: Any = json.loads((root / HOOKS).read_bytes())
        for entry in known["hooks"][event]:
            if "matcher" not in entry or re.fullmatch(entry["matcher"], tool):
                hook = entry["hooks"][0]
                return _Hook(str(hook["command"]), float(hook.get("timeout", _SECONDS)))
    except (OSError, ValueError, LookupError, TypeError, re.error) as error:
        raise DidNotFire(f"{root / HOOKS} cannot be understood ({error})") from None
    raise DidNotFire(f"{root / HOOKS} has no hook for {event} of {tool}")


def _edit(scratch: Path) -> Mapping[str, object]:
    return {
        "hook_event_name": "PreToolUse",
        "cwd": str(scratch),
        "tool_name": _TOOL,
        "tool_input": {"file_path": str(scratch / _FILE), "content": ""},
        "tool_use_id": "doctor",
    }


def _environment(root: Path, scratch: Path, name: str) -> dict[str, str]:
    """Return what Claude Code would give its hooks, of a terminal under that name."""
    kept = {name: value for name, value in os.environ.items() if not _OF_A_TERMINAL.fullmatch(name)}
    named = {"COORD_SESSION": SESSION, "COORD_AGENT": name}
    return kept | named | {"CLAUDE_PLUGIN_ROOT": str(root), "CLAUDE_PROJECT_DIR": str(scratch)}


def _require_allowed(answer: _Answer) -> None:
    if answer.said:
        raise DidNotFire(f"the file is nobody's, and the hook says: {answer.words}")


def _require_refused(answer: _Answer) -> None:
    if answer.output.get("permissionDecision") != "deny":
        raise DidNotFire(f"an edit of a file that another agent holds was let pass, with: {answer.words}")
    if HOLDS not in str(answer.output.get("permissionDecisionReason")):
        raise DidNotFire(f"an edit was refused, but not because the other agent holds it: {answer.words}")


@contextmanager
def _repository() -> Generator[Path]:
    """Make a scratch repository, for the block."""
    git = shutil.which("git")
    if git is None:
        raise DidNotFire("it takes a repository to try, and git is not on the PATH")
    with tempfile.TemporaryDirectory(prefix="coord-doctor-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder).resolve()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        try:
            subprocess.run(  # noqa: S603 - the person's git, arguments of ours
                [git, "init", "--quiet", "."], cwd=scratch, env=kept, capture_output=True, check=True
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise DidNotFire(f"no scratch repository could be made: {error}") from None
        yield scratch


@contextmanager
def _only_one(folder: Path) -> Generator[None]:
    """Wait until no other doctor is at it: both would be the same two agents."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
