"""Which terminals of a person count when the plugin is taken away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coordination.cli import claude_running

HERE = {"HOME": "home"}


@contextmanager
def terminal(folder: Path, variables: dict[str, str]) -> Generator[None]:
    """A process that looks like a terminal, with variables that are folders below `folder`."""
    without = {name: value for name, value in os.environ.items() if name != "CLAUDE_CONFIG_DIR"}
    with subprocess.Popen(
        ["claude", "-c", "print(flush=True); input()"],
        executable=sys.executable,
        env=without | {name: str(folder / place) for name, place in variables.items()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"\n"
        try:
            yield
        finally:
            running.communicate(b"\n")


@pytest.mark.parametrize(
    ("variables", "ours"),
    [
        (HERE, True),
        ({"HOME": "link"}, True),
        ({"HOME": "other", "CLAUDE_CONFIG_DIR": "home/.claude"}, True),
        ({"HOME": "other"}, False),
        (HERE | {"CLAUDE_CONFIG_DIR": "other/.claude"}, False),
    ],
)
def test_a_terminal_counts_that_has_our_folder_of_claude_code(
    variables: dict[str, str], ours: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to("home")
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert not claude_running.has_ours()
    with terminal(tmp_path, variables):
        assert claude_running.has_ours() is ours
    assert not claude_running.has_ours()
