"""The hook runs on every Python from 3.9 that is here, and where there is none its shell part answers."""

from __future__ import annotations

import asyncio
import os
import pwd
import shlex
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
from tests.unit.domain.test_policy import CASES

OLDEST = (3, 9)
FIXED = ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")
POLICIES = [
    (b"", 0o600, "warn"),
    (b"# mine\n\n* warn\n", 0o600, "warn"),
    (b"\tMy Notes/*.md  WARN \r\n~/a/.b/**/c? warn", 0o600, "warn"),
    (b"* warn\n", 0o644, "deny"),
    (b"* warn\n", 0o602, "deny"),
    (b"*.sql block\n* warn\n", 0o600, "deny"),
    (b"nonsense\n", 0o600, "deny"),
    (b" warn\n", 0o600, "deny"),
    (b"* warn\n\xff\n", 0o600, "deny"),
    (b"a warn\0b warn\n", 0o600, "deny"),
    (b"#" * 65536, 0o600, "warn"),
    (b"#" * 65537, 0o600, "deny"),
]
"""What stands there, who may read it, and what happens to an edit where no Python works."""
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

    def __init__(self, hook: Hook, python: str, at_home: Path | None = None) -> None:
        self._hook = hook
        self._at_home = at_home
        hook.pinned["interpreter"] = python

    def run(self, event: str, matcher: str | None = None) -> Mapping[str, Any]:
        """Run the line of an event; of an edit with the matcher of edits."""
        self._hook.command()
        lines = {(name, of): entry["command"] for name, of, entry in entries()}
        root = {"CLAUDE_PLUGIN_ROOT": str(self._hook.folder.parent)}
        line = lines[event, matcher]
        if self._at_home is not None:
            assert 'eval "h=~$u"' in line
            line = line.replace('eval "h=~$u"', f"h={shlex.quote(str(self._at_home))}")
        done = subprocess.run(
            ["/bin/sh", "-c", line],
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


@pytest.fixture
def nowhere(hook: Hook) -> Hook:
    """A hook on a system that has no Python where systems have it."""
    line = hook.folder / "run.sh"
    line.write_text(line.read_text().replace("/bin/python3", "/bin/no-python3"))
    return hook


def test_without_a_pin_no_interpreter_of_the_path_is_run(nowhere: Hook, bare: str, folder: Path) -> None:
    """A repository's settings can set the PATH and HOME."""
    ran = folder / "ran"
    for place in (Path(bare), folder / ".local" / "bin"):
        place.mkdir(parents=True, exist_ok=True)
        for name in ("python3", "no-python3"):
            (place / name).write_text(f"#!/bin/sh\n: >{ran}\necho '{{}}'\n")
            (place / name).chmod(0o755)
    nowhere.environment |= {"PATH": bare, "HOME": str(folder)}
    found = Shell(nowhere, "").run("PreToolUse", EDITS)
    assert "no python3" in found["systemMessage"]
    assert not ran.exists()


def test_without_a_pin_the_systems_interpreter_is_run(hook: Hook, bare: str) -> None:
    if not any(Path(place, "python3").exists() for place in FIXED):
        pytest.skip("no Python is where systems have it")
    hook.environment["PATH"] = bare
    assert "daemon" in Shell(hook, "").run("PreToolUse", EDITS)["systemMessage"]


def test_where_no_python_works_edits_are_judged_all_the_same(nowhere: Hook, folder: Path) -> None:
    shell = Shell(nowhere, "/nonexistent/python3")
    found = shell.run("PreToolUse", EDITS)
    assert decision(found) == "warn"
    assert "no python3" in found["systemMessage"]
    for text, mode, expected in POLICIES:
        write(folder / "policy", text, mode)
        assert decision(shell.run("PreToolUse", EDITS)) == expected, text
    (folder / "policy").unlink()
    (folder / "policy").symlink_to(folder / "elsewhere")
    assert decision(shell.run("PreToolUse", EDITS)) == "deny"


def test_where_no_python_works_no_policy_is_weaker_than_with_one(nowhere: Hook, folder: Path) -> None:
    """Whatever blocks some file blocks every one, and so does what nobody can read."""
    shell = Shell(nowhere, "/nonexistent/python3")
    blocking = {case["policy"] for case in CASES["decisions"] if case["answer"] == "block"}
    for text in sorted(blocking | {case["policy"] for case in CASES["problems"]}):
        write(folder / "policy", text.encode())
        assert decision(shell.run("PreToolUse", EDITS)) == "deny", text


def test_where_no_python_works_sessions_are_told_and_the_rest_is_silent(nowhere: Hook) -> None:
    shell = Shell(nowhere, "")
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
    # A repository's settings can set it; the person's policy is where the list of users says.
    hook.environment["HOME"] = str(folder)
    if Path(pwd.getpwuid(os.geteuid()).pw_dir, ".config", "coordination", "policy").exists():
        pytest.skip("this person has a policy")
    write(folder / ".config" / "coordination" / "policy", b"* block\n")
    assert decision(shell.run("PreToolUse", EDITS)) == "warn"
    assert "are gone" in shell.run("SessionStart")["systemMessage"]
    assert shell.run("Stop") == {}


def test_where_the_files_of_the_plugin_are_gone_the_policy_counts(hook: Hook, folder: Path) -> None:
    """The line finds the home folder by the name of its user, which is written here instead."""
    shell = Shell(hook, sys.executable, at_home=folder)
    (hook.folder / "run.sh").unlink()
    policy = folder / ".config" / "coordination" / "policy"
    assert decision(shell.run("PreToolUse", EDITS)) == "warn"
    for text, expected in [(b"# mine\n*.md warn\n", "warn"), (b"* BLOCK\n", "deny"), (b"* blok\n", "deny")]:
        write(policy, text)
        assert decision(shell.run("PreToolUse", EDITS)) == expected, text


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
