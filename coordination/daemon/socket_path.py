"""Where the daemon's socket is: in its own folder, or in a short private one when the path would not fit.

The path of a Unix socket is limited to about a hundred bytes, and data folders may lie deep. The hook program comes to
the same path by itself (`clients/claude_code/hooks/hook.py`).
"""

import os
from pathlib import Path
from typing import Final

from coordination.embedded.private_folder import short_folder

PATH_MAX: Final = 100
"""Bytes of a socket's path; a longer one is in a short folder. `hook.py` has the same number."""


def socket_path(path: Path) -> Path:
    """Return where the socket that is wanted at `path` really is: there, or in a short folder.

    Raises:
        OSError: the path is too long, and no short folder can be written.
    """
    if len(os.fsencode(path)) <= PATH_MAX:
        return path
    short = short_folder(path.parent)
    if short is None:
        raise OSError(f"{path} is too long for a socket, and no shorter folder can be written")
    return short / path.name
