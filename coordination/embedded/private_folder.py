"""Where a Unix socket goes whose own path is too long: a private 0700 folder with a short name.

The path of a Unix socket is limited to about a hundred bytes, and data folders may lie deep. The short folder is below
/run (root) or /tmp and named after the folder that it stands for, so that everybody who knows that one finds it. Not
below /run/user: that goes when the person logs out, and what runs in the background stays. A folder that somebody else
made first is refused, never used.
"""

import hashlib
import os
import stat
from pathlib import Path

SHARED_FOLDERS = {True: (Path("/run"), Path("/tmp")), False: (Path("/tmp"),)}  # noqa: S108 - see make
"""Where the short folder is made, by whether we are root."""


class NotPrivate(Exception):
    """A folder is not ours alone; `folder` names it, `uid` whose it should be."""

    def __init__(self, folder: Path, uid: int) -> None:
        self.folder = folder
        self.uid = uid
        super().__init__(f"{folder} is not a 0700 folder of uid {uid}")


def short_folder(named_after: Path) -> Path | None:
    """Return the short folder that stands for another one; None where none can be written."""
    mark = hashlib.sha256(os.fsencode(named_after)).hexdigest()[:16]
    me = os.geteuid()
    for shared in SHARED_FOLDERS[me == 0]:
        if os.access(shared, os.W_OK | os.X_OK):
            return shared / f"coordination-{me}-{mark}"
    return None


def make(folder: Path, uid: int, gid: int | None = None) -> None:
    """Make a private folder, or find it made: `gid` is given where it is for another user than us.

    Raises:
        NotPrivate: somebody else made that folder, or its mode is not 0700.
        OSError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700)
        if gid is not None:
            os.chown(folder, uid, gid)
    except FileExistsError:
        pass
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or stat.S_IMODE(found.st_mode) != stat.S_IRWXU:
        raise NotPrivate(folder, uid)
