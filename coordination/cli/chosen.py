"""Which session a folder belongs to: the one that it is connected to, else that of its repository.

It is asked for terminals by the daemon, and for commands in which no session was named.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from coordination.cli import claude_code
from coordination.cli.connect import ENTRY
from coordination.daemon.chosen import Chosen
from coordination.repository.checkout import find_top_level
from coordination.repository.identity import session_of

_REGISTERED: Final = re.compile(r"__session__(?P<session>.+)__\$\{COORD_AGENT:-(?P<agent>[^}]+)\}$")
_FOLDERS: Final = 256
"""Of how many folders it is remembered what was chosen for them."""


def working_session() -> str | None:
    """Return the session in which a terminal of the working folder works, None where none can be told."""
    try:
        folder = Path.cwd()
    except OSError:
        return None
    top = find_top_level(folder)
    chosen = chosen_for(top or folder)
    if chosen is not None:
        return chosen.session
    return None if top is None else session_of(top)


def chosen_for(folder: Path) -> Chosen | None:
    """Return the session that `coord connect` registered for a folder, and the name of a terminal that has none.

    Every hook asks, and the file may have megabytes: it is read again only when it was changed.
    """
    try:
        found = claude_code.config_file().stat()
    except OSError:
        return None
    return _chosen_in(folder, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=_FOLDERS)
def _chosen_in(folder: Path, _version: tuple[int, int, int]) -> Chosen | None:
    entry = claude_code.entry(ENTRY, folder)
    found = None if entry is None else _REGISTERED.search(str(entry.get("url", "")))
    return None if found is None else Chosen(found["session"], found["agent"])
