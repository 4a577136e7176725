"""Where the socket of a cluster is: in the cluster's own folder, which is 0700 already, if its path will do.

It will not do when it is too long, or has a comma, which clients take for two hosts. Then the socket is in a short
private folder (`private_folder`), the same one for every service on that data.
"""

import os
import sys
from pathlib import Path

from coordination.embedded.errors import PostgresUnavailable
from coordination.embedded.options import PORT
from coordination.embedded.private_folder import NotPrivate, make, short_folder
from coordination.embedded.spawn import Place

SOCKET = f".s.PGSQL.{PORT}"
LIMIT = 107 if sys.platform == "linux" else 103
"""Bytes of a path that fit into sockaddr_un, without the closing zero."""


def socket_folder(cluster: Path) -> Path:
    """The folder in which clients find the socket of `cluster`. The same for every service of one user."""
    if len(os.fsencode(cluster / SOCKET)) <= LIMIT and "," not in str(cluster):
        return cluster
    short = short_folder(cluster)
    if short is None:
        raise PostgresUnavailable(
            f"the path of {cluster} is no good for a socket, and no shorter folder can be written."
        )
    return short


def make_private(folder: Path, place: Place) -> str:
    """Make `folder` ready for the server in `place` and return what to tell Postgres about it.

    Raises:
        PostgresUnavailable: somebody else made that folder, or its mode is not 0700.
    """
    if folder == place.folder:
        return place.pgdata
    account = place.account
    try:
        make(folder, account.uid if account else os.geteuid(), account.gid if account else None)
    except NotPrivate as error:
        raise PostgresUnavailable(
            f"the socket folder {folder} is not a 0700 folder of uid {error.uid}: remove it and start again."
        ) from None
    return str(folder)
