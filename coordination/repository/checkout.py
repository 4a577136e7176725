"""Which working tree a folder belongs to, and how it is named towards the service.

A checkout is known by the host and the real path of the git top level. The top level is found by looking for
`.git` (a folder, or a file in worktrees and submodules) upwards, without running git: this is asked for at the
start of every terminal, and must also work where git refuses a repository for its owner. It reads; it changes nothing.
"""

import os
import socket
from pathlib import Path

from coordination.domain.checkout import parse_checkout
from coordination.domain.errors import InvalidInput


def find_top_level(folder: Path) -> Path | None:
    """Return the real path of the git top level above `folder` or `folder` itself; None outside of git.

    A folder that nobody can look into, or whose path is too long or leads to itself, has none of its own.

    Raises:
        ValueError: there is a NUL in the path.
    """
    real = Path(os.path.realpath(folder))
    return next((place for place in (real, *real.parents) if os.path.exists(place / ".git")), None)


def this_host() -> str:
    """Return how this machine is called in checkouts."""
    return socket.gethostname().split(".")[0] or "localhost"


def describe_checkout(folder: Path) -> str | None:
    """Return `{host}:{git top level}` for the service.

    Returns:
        The text; None outside of git and for a path that the service would refuse: an unknown checkout is safe, it
        only conflicts with all.
    """
    top = find_top_level(folder)
    if top is None:
        return None
    text = f"{this_host()}:{top}"
    try:
        parse_checkout(text)
        # A header carries ASCII only; what lies elsewhere stays unknown.
        text.encode("ascii")
    except (InvalidInput, UnicodeEncodeError):
        return None
    return text
