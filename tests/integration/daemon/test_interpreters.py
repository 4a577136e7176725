"""The hook runs on every Python from 3.9 that is here, and where there is none its shell part answers."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from coordination.daemon.hook_call import HookCall, Reply
from coordination.daemon.hook_socket import HookSocket
from tests.integration.daemon.hook import Hook, answer, decision, edit
from tests.unit.daemon.test_plugin_files import EDITS, entries

OLDEST = (3, 9)
WHICH = "import sys; print(*sys.version_info[:2], sys.executable)"


def interpreters() -> dict[str, str]:
    """The Pythons of this machine from 3.9 on, by version: on the PATH, and where pyenv keeps them."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = [shutil.which(f"python3.{minor}") for minor in range(OLDEST[1], 20)]
    found: dict[str, str] = {}
    for program in [sys.executable, *filter(None, named), *map(str, pyenv.glob("3.*/bin/python3"))]:
        asked = subprocess.run(
            [program, "-I", "-S", "-c", WHICH], capture_output=True, text=True, check=False
        )
        if asked.returncode == 0:
            major, minor, path = asked.stdout.strip().split(" ", 2)
            if (int(major), int(minor)) >= OLDEST:
                found.setdefault(f"{major}.{minor}", path)
    return found


@pytest.mark.parametrize("version", interpreters())
async def test_the_hook_asks_answers_and_falls_back_on_every_python(
    version: str, hook: Hook, folder: Path
) -> None:
    hook.python = interpreters()[version]

    async def say(call: HookCall) -> Reply:
        assert call.facts["host_python"].startswith(f"{version}.")
        return Reply(b'{"systemMessage":"news"}')

    assert decision(hook.run("PreToolUse", "edit", given=edit("/a"))) == "warn"
    (folder / "policy").write_text("*.py block\n")
    (folder / "policy").chmod(0o600)
    assert decision(hook.run("PreToolUse", "edit", given=edit("/a.py"))) == "deny"
    async with HookSocket(Path(hook.pinned["socket"]), say):
        assert await asyncio.to_thread(hook.run, "Stop") == {"systemMessage": "news"}


class Shell:
    """The lines of hooks.json for an installed hook, run as Claude Code runs them."""

    def __init__(self, hook: Hook, python: str) -> None:
        self._hook = hook
        hook.pinned["interpreter"] = python

    def run(self, event: str, matcher: str | None = None) -> Mapping[str, Any]:
        """Run the line of an event; of an edit with the matcher of edits."""
        self._hook.command()
        lines = {(name, of): entry["command"] for name, of, entry in entries()}
        root = {"CLAUDE_PLUGIN_ROOT": str(self._hook.folder.parent)}
        done = subprocess.run(
            ["/bin/sh", "-c", lines[event, matcher]],
            input=edit("/a.py"),
            capture_output=True,
            env=self._hook.environment | root,
            check=True,
        )
        assert done.stderr == b""
        return answer(done.stdout)


@pytest.fixture
def bare(folder: Path) -> str:
    """A PATH on which there is no Python, but one that does not work."""
    (folder / "bin").mkdir()
    return str(folder / "bin")


def test_the_pinned_interpreter_runs_the_hook(hook: Hook, bare: str) -> None:
    hook.environment["PATH"] = bare
    assert decision(Shell(hook, sys.executable).run("PreToolUse", EDITS)) == "warn"
    assert "daemon" in Shell(hook, sys.executable).run("PreToolUse", EDITS)["systemMessage"]


@pytest.mark.parametrize("kind", ["missing", "broken"])
def test_where_no_python_works_edits_are_judged_all_the_same(
    kind: str, hook: Hook, bare: str, folder: Path
) -> None:
    hook.environment["PATH"] = bare
    if kind == "broken":
        (Path(bare) / "python3").write_text("#!/bin/sh\nexit 1\n")
        (Path(bare) / "python3").chmod(0o755)
    shell = Shell(hook, "/nonexistent/python3")
    found = shell.run("PreToolUse", EDITS)
    assert decision(found) == "warn"
    assert "no python3" in found["systemMessage"]
    for text, expected in [
        ("# mine\n\n* warn\n", "warn"),
        ("*.sql block\n* warn\n", "deny"),
        ("nonsense\n", "deny"),
    ]:
        (folder / "policy").write_text(text)
        assert decision(shell.run("PreToolUse", EDITS)) == expected


def test_where_no_python_works_sessions_are_told_and_the_rest_is_silent(hook: Hook, bare: str) -> None:
    hook.environment["PATH"] = bare
    shell = Shell(hook, "")
    for event in ("SessionStart", "UserPromptSubmit"):
        found = shell.run(event)
        assert found["hookSpecificOutput"]["hookEventName"] == event
        assert "NOT PROTECTED" in found["systemMessage"]
    assert shell.run("Stop") == shell.run("PostToolUse", "*") == {}


def test_where_the_files_of_the_plugin_are_gone_nobody_is_told_that_all_is_well(
    hook: Hook, folder: Path
) -> None:
    shell = Shell(hook, sys.executable)
    (hook.folder / "run.sh").unlink()
    hook.environment["HOME"] = str(folder)
    assert decision(shell.run("PreToolUse", EDITS)) == "warn"
    assert "are gone" in shell.run("SessionStart")["systemMessage"]
    assert shell.run("Stop") == {}
    (folder / ".config" / "coordination").mkdir(parents=True)
    (folder / ".config" / "coordination" / "policy").write_text("* block\n")
    assert decision(shell.run("PreToolUse", EDITS)) == "deny"
