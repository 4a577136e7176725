"""Whom Postgres runs as: ourselves, or somebody without power when we are root. Creates no user, changes no
mode.

Postgres refuses to run as root, with reason. A service that runs as root therefore lets a user without
power run it: the owner of the cluster when there is one already (``sudo`` on somebody's data folder), else
the user ``coordination`` if the administrator made one, else ``nobody``.

The data folder need not be reachable for that user. As root we enter the cluster's folder first and give up
root afterwards; Postgres is told that its data is in ``/proc/self/cwd`` (Linux), which needs no permission
on the folders above. So ``/root/.local/share``, or any other 0700 folder, works as it is, the data stays
where the person put it, and nobody else gains access to it.
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from coordination.embedded.errors import PostgresUnavailable

CANDIDATES = ("coordination", "nobody")


@dataclass(frozen=True)
class Account:
    """A user without power that runs Postgres for root."""

    uid: int
    gid: int


def account_for(cluster: Path) -> Account | None:
    """Whom to become for the cluster in `cluster` (which may not exist yet); None means: stay who we are.

    Raises:
        PostgresUnavailable: the cluster belongs to somebody else, or no user without power exists.
    """
    owner = _owner(cluster)
    me = os.geteuid()
    if me != 0:
        if owner is not None and owner.uid != me:
            raise PostgresUnavailable(
                f"{cluster} belongs to uid {owner.uid}, and you are uid {me}. "
                "Run as that user, or set COORDINATION_DATA_DIR to another folder."
            )
        return None
    if owner is None:
        return _powerless()
    if owner.uid == 0:
        raise PostgresUnavailable(
            f"{cluster} belongs to root, and Postgres refuses to run as root. Give it to a user without "
            f"power, for example: chown -R nobody {cluster}"
        )
    return owner


def _owner(cluster: Path) -> Account | None:
    try:
        found = cluster.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PostgresUnavailable(f"{cluster} cannot be looked at: {error.strerror}.") from error
    return Account(found.st_uid, found.st_gid)


def _powerless() -> Account:
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresUnavailable(
        "you are root, Postgres refuses to run as root, and neither a user coordination nor nobody exists."
    )
