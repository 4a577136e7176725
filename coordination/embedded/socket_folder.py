"""Where the socket of a cluster is: in the cluster's own folder, which is 0700 already, if its path will do.

The path of a Unix socket is limited to about a hundred bytes, and data folders may lie deep; and clients
take a path with a comma for two hosts. Then the socket is in a private 0700 folder below /run (root) or
/tmp, named after the data folder, so that every service on that data finds the same one. Not below
/run/user: that goes when the person logs out, and a service in the background stays. A folder that somebody
else made first is refused, never used.
"""

import hashlib
import os
import stat
import sys
from pathlib import Path

from coordination.embedded.errors import PostgresUnavailable
from coordination.embedded.options import PORT
from coordination.embedded.spawn import Place

SOCKET = f".s.PGSQL.{PORT}"
LIMIT = 107 if sys.platform == "linux" else 103
"""Bytes of a path that fit into sockaddr_un, without the closing zero."""
SHARED_FOLDERS = {True: (Path("/run"), Path("/tmp")), False: (Path("/tmp"),)}  # noqa: S108 - see make_private
"""Where the short folder is made, by whether we are root."""


def socket_folder(cluster: Path) -> Path:
    """The folder in which clients find the socket of `cluster`. The same for every service of one user."""
    if len(os.fsencode(cluster / SOCKET)) <= LIMIT and "," not in str(cluster):
        return cluster
    mark = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    me = os.geteuid()
    for shared in SHARED_FOLDERS[me == 0]:
        if os.access(shared, os.W_OK | os.X_OK):
            return shared / f"coordination-{me}-{mark}"
    raise PostgresUnavailable(
        f"the path of {cluster} is no good for a socket, and no shorter folder can be written."
    )


def make_private(folder: Path, place: Place) -> str:
    """Make `folder` ready for the server in `place` and return what to tell Postgres about it.

    Raises:
        PostgresUnavailable: somebody else made that folder, or its mode is not 0700.
    """
    if folder == place.folder:
        return place.pgdata
    uid = place.account.uid if place.account else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
        if place.account:
            os.chown(folder, place.account.uid, place.account.gid)
    except FileExistsError:
        pass
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or stat.S_IMODE(found.st_mode) != stat.S_IRWXU:
        raise PostgresUnavailable(
            f"the socket folder {folder} is not a 0700 folder of uid {uid}: remove it and start again."
        )
    return str(folder)
