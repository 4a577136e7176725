"""The real hook program as a test runs it: a copy of the plugin's hooks with a `pinned` file of its own.

It starts programs and reads what they print; it judges only what holds in every case.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tests.unit.architecture.sources import ROOT

PATIENCE_SECONDS = 30
"""How long a test waits for a program that has to end by itself within two."""


@dataclass
class Hook:
    """One installed plugin: `folder` has its hooks, `pinned` what `coord install` would have written."""

    folder: Path
    pinned: dict[str, str]
    python: str = sys.executable
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]})

    def __post_init__(self) -> None:
        source = ROOT / "clients" / "claude_code" / "hooks"
        self.folder.mkdir()
        for name in ("hook.py", "run.sh"):
            shutil.copy(source / name, self.folder)

    def command(self, *arguments: str) -> Sequence[str]:
        """The command line of the program, `pinned` being in place."""
        lines = [f"{name}={value}\n" for name, value in self.pinned.items()]
        (self.folder / "pinned").write_text("".join(lines))
        return [self.python, "-I", "-S", str(self.folder / "hook.py"), *arguments]

    def start(
        self,
        *arguments: str,
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
        cwd: Path | None = None,
        alone: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start it; `alone` in a session of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=cwd,
            start_new_session=alone,
        )

    def run(
        self, *arguments: str, given: bytes = b"{}", cwd: Path | None = None, alone: bool = False
    ) -> Mapping[str, Any]:
        """Run it with `given` on its standard input and return what it says."""
        return said(self.start(*arguments, cwd=cwd, alone=alone), given)


def said(running: subprocess.Popen[bytes], given: bytes | None = None) -> Mapping[str, Any]:
    """Wait for a hook and return what it says: one JSON object and nothing else, whatever happened."""
    try:
        printed, complaint = running.communicate(given, PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGKILL)
        running.communicate()
        raise
    assert running.returncode == 0, complaint
    assert complaint in (b"", None)
    return answer(printed)


def answer(printed: bytes) -> Mapping[str, Any]:
    """What was printed, which has to be one JSON object."""
    found = json.loads(printed)
    assert isinstance(found, dict)
    return cast("dict[str, Any]", found)


def decision(found: Mapping[str, Any]) -> str:
    """`deny`, `warn` where both model and person are warned, `nothing`; of an edit."""
    if found == {}:
        return "nothing"
    output = found["hookSpecificOutput"]
    assert output["hookEventName"] == "PreToolUse"
    assert found["systemMessage"].startswith("coordination: ")
    if "permissionDecision" in output:
        assert output["permissionDecisionReason"]
        return str(output["permissionDecision"])
    assert "NOT PROTECTED" in output["additionalContext"]
    assert "NOT PROTECTED" in found["systemMessage"]
    return "warn"


def edit(path: str, text: str = "") -> bytes:
    """What Claude Code gives a hook before an edit."""
    body = {
        "hook_event_name": "PreToolUse",
        "tool_name": "Write",
        "tool_input": {"file_path": path, "content": text},
    }
    return json.dumps(body).encode()
