"""Completion: the script for each shell is written, is one that the shell takes, and knows the commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from coordination.cli.commands import app

pytestmark = pytest.mark.acceptance

# `coord headers` is for Claude Code, and kept from people.
COMMANDS = {
    name for name, command in app.resolved_commands().items() if not name.startswith("-") and command.show
}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_written_where_it_is_asked_for(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    done = subprocess.run(
        [sys.executable, "-m", "coordination", "--install-completion", "--shell", shell, "--output", script],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    text = script.read_text(encoding="utf-8")
    assert {command for command in COMMANDS if command not in text} == set()
    found = shutil.which(shell)
    if found is not None:
        assert subprocess.run([found, "-n", script], check=False, capture_output=True).stderr == b""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_a_command(tmp_path: Path) -> None:
    script = tmp_path / "completion"
    install = [sys.executable, "-m", "coordination", "--install-completion", "--shell", "bash", "--output"]
    subprocess.run(
        [*install, script], env={**os.environ, "HOME": str(tmp_path)}, check=True, capture_output=True
    )
    ask = f"""source {script}
COMP_WORDS=(coord migr); COMP_CWORD=1; COMP_LINE='coord migr'; COMP_POINT=10
"$(complete -p coord | sed 's/.*-F \\([^ ]*\\).*/\\1/')" coord migr coord
echo "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["migrate"], done.stderr
