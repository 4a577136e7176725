"""Where a terminal was started. Call it in a thread: a folder may lie on a disk that does not answer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from coordination.daemon.local_agent import TerminalKey
from coordination.daemon.terminals import Terminal
from coordination.repository.checkout import find_top_level
from coordination.repository.terminal import working_folder

_PROJECT: Final = "CLAUDE_PROJECT_DIR"


def home_of(key: TerminalKey) -> Path:
    """Return the top level of the repository that a process works in, or its folder where there is none."""
    folder = working_folder(key.pid)
    return find_top_level(folder) or folder


def settle(terminal: Terminal, facts: Mapping[str, str]) -> None:
    """Have a terminal be where its hooks say that it was started: its process may have changed its folder."""
    project = facts.get(_PROJECT, "")
    if project != terminal.facts.get(_PROJECT) and Path(project).is_absolute():
        terminal.home = find_top_level(Path(project)) or Path(project)
