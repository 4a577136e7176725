"""The local token: asked for where the system cannot tell which user is at the other end of a connection.

It lies in the data folder, readable for its owner only, and stays the same, so that lines which clients were
registered with keep working. Who checks it is `transport.auth`.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from coordination.settings import Settings

FILE_NAME: Final = "local.token"


def is_needed(settings: Settings) -> bool:
    """Whether every client has to send the token: told so, or the system cannot tell who a peer is."""
    # Here, because commands that only read the token need no server.
    from coordination.transport import peer  # noqa: PLC0415

    return settings.local_token == "required" or not peer.can_check()  # noqa: S105 - when to ask for it


def read_or_make(data_dir: Path) -> str:
    """Return the token of a data folder; the first one who asks makes it.

    Raises:
        OSError: the data folder cannot be written.
    """
    path = data_dir / FILE_NAME
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = read(data_dir)
    if found:
        return found
    aside = path.with_name(f"{FILE_NAME}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32))
    try:
        os.link(aside, path)  # the first one wins, and nobody ever reads half a token
    except FileExistsError:
        if read(data_dir) is None:
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path.read_text(encoding="ascii").strip()


def read(data_dir: Path) -> str | None:
    """Return the token of a data folder, None when there is none yet or it may not be read."""
    try:
        return (data_dir / FILE_NAME).read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
