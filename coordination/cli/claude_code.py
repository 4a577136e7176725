"""Claude Code's own command, as far as `coord connect` needs it: register an entry, remove one, look at one.

Entries are made and removed by `claude mcp`, never by writing its files. Only for the look its file is read, because
`claude mcp get` would connect to the service as an agent. It neither prints nor decides.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final, cast

from coordination.cli import place
from coordination.cli.output import Failure

SECONDS: Final = 60
MARK: Final = "/mcp/v2/claude/"
"""By this part of its URL an entry is known to be ours."""


def program() -> str | None:
    """Return where `claude` is, None when it is not on the PATH."""
    return shutil.which("claude")


def add(claude: str, name: str, entry: dict[str, Any]) -> None:
    """Register an entry for the current project.

    Raises:
        Failure: `claude` refused.
    """
    _run(claude, "add-json", name, json.dumps(entry), "--scope", "local")


def remove(claude: str, name: str) -> None:
    """Remove the entry of the current project.

    Raises:
        Failure: `claude` refused.
    """
    _run(claude, "remove", name, "--scope", "local")


def entry(name: str, folder: Path) -> dict[str, Any] | None:
    """Return the entry of that name for the project that `folder` lies in, None when there is none to be seen."""
    home = Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home())
    try:
        config: Any = json.loads((home / ".claude.json").read_bytes())
        projects = cast("dict[str, Any]", config["projects"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    real = folder.resolve()
    for project in (real, *real.parents):
        try:
            found = projects[str(project)]["mcpServers"][name]
        except (KeyError, TypeError):
            continue
        return cast("dict[str, Any]", found) if isinstance(found, dict) else None
    return None


def is_ours(found: dict[str, Any]) -> bool:
    """Whether an entry was made by `coord connect`, or by the line that `coord up` prints."""
    return MARK in str(found.get("url", ""))


def _run(claude: str, *arguments: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the program that the person has on the PATH, arguments of ours
            [claude, "mcp", *arguments], capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f"{claude} cannot be run: {error}.", mend=_by_hand()) from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise Failure(
            f"`claude mcp {arguments[0]}` failed: {said or f'exit code {done.returncode}'}",
            mend=_by_hand(),
        )


def _by_hand() -> str:
    return (
        f"With the session behind it, this prints the line to run by hand: {place.coord('connect --print')}"
    )
