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
from coordination.repository.checkout import find_top_level
from coordination.repository.source import read_bounded

SECONDS: Final = 60
MARK: Final = "/mcp/v2/claude/"
"""By this part of its URL an entry is known to be ours."""
GIT: Final = ".git"
_MOST_LINE: Final = 4096


def program() -> str | None:
    """Return where `claude` is, None when it is not on the PATH."""
    return shutil.which("claude")


def add(claude: str, name: str, entry: dict[str, Any]) -> None:
    """Register an entry for the current project.

    Raises:
        Failure: `claude` refused.
    """
    by_hand = f"This prints the line, to run it by hand: {place.again('--print')}"
    order(claude, "mcp", "add-json", name, json.dumps(entry), "--scope", "local", mend=by_hand)


def remove(claude: str, name: str) -> None:
    """Remove the entry of the current project.

    Raises:
        Failure: `claude` refused.
    """
    order(claude, "mcp", "remove", name, "--scope", "local", mend="See what Claude Code has: claude mcp list")


def config_file() -> Path:
    """Return where Claude Code keeps its entries; it may not be there."""
    return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home()) / ".claude.json"


def entry(name: str, folder: Path) -> dict[str, Any] | None:
    """Return the entry of that name that a terminal in `folder` has, None when there is none to be seen."""
    try:
        config: Any = json.loads(config_file().read_bytes())
        projects = cast("dict[str, Any]", config["projects"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        found = projects[str(project(folder))]["mcpServers"][name]
    except (KeyError, TypeError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def project(folder: Path) -> Path:
    """Return the folder under which Claude Code keeps the entries of a terminal in `folder`.

    That is the top level of its repository, of a worktree the top level of the main one (the repository itself where
    that is bare), and outside of git the folder itself; measured in 2.1.197 and 2.1.330.
    """
    top = find_top_level(folder)
    if top is None:
        return folder.resolve()
    shared = _shared_git(top)
    if shared is None:
        return top
    return shared.parent if shared.name == GIT else shared


def is_ours(found: dict[str, Any]) -> bool:
    """Whether an entry was made by `coord connect`, or by the line that `coord up` prints."""
    return MARK in str(found.get("url", ""))


def order(claude: str, *arguments: str, mend: str) -> str:
    """Have Claude Code's own command do something, and return what it printed.

    Args:
        claude: the program.
        arguments: what to do.
        mend: what to do about it when it fails.

    Raises:
        Failure: it cannot be run, or refused.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the program that the person has on the PATH, arguments of ours
            [claude, *arguments], capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f"{claude} cannot be run: {error}.", mend=mend) from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        what = f"`claude {arguments[0]} {arguments[1]}`"
        raise Failure(f"{what} failed: {said or f'exit code {done.returncode}'}", mend=mend)
    return done.stdout


def _shared_git(top: Path) -> Path | None:
    """Return the folder of git that a worktree shares with its main repository, None when `top` is no worktree."""
    try:
        word, _, link = _line(top / GIT).partition(" ")
        own = top / link
        shared = (own / _line(own / "commondir")).resolve()
        back = (own / _line(own / "gitdir")).resolve()
    except (OSError, ValueError, RuntimeError):
        # A folder, as in a main repository, or a link of another kind: of a submodule, to what is gone, or to itself.
        return None
    # Claude Code follows only a link that is answered, so not that of a folder that was moved without git.
    return shared if word == "gitdir:" and back == top / GIT else None


def _line(file: Path) -> str:
    """Return the one line of a small file; of a pipe or a device that somebody put there nothing is waited for.

    Raises:
        ValueError: it is no such file, or no text.
    """
    content = read_bounded(file, _MOST_LINE, follow=True)
    if content is None:
        raise ValueError(file)
    return content.decode().strip()
