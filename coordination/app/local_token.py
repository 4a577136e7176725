"""The local token: asked for where the system cannot tell which user is at the other end of a connection.

It lies in the data folder, readable for its owner only, and stays the same, so that lines which clients were
registered with keep working. A file that somebody else may have put there or read is no secret, and refused. Who
checks the token is `transport.auth`.
"""

import errno
import os
import re
import secrets
from pathlib import Path
from typing import Final

from coordination.client import private_file
from coordination.client.private_file import UnusableFile
from coordination.settings import Settings

FILE_NAME: Final = "local.token"
MOST: Final = 256
"""Characters; ours have 43."""
_TOKEN: Final = re.compile(rf"[\x21-\x7e]{{32,{MOST}}}")


class UnusableToken(UnusableFile):
    """The file of the token is one that nobody should trust; the message says why, and what to do."""

    def __init__(self, path: Path, why: str) -> None:
        mend = "Remove it and start the service anew: it makes another, with which clients are connected once more."
        super().__init__(path, why, mend)


def is_needed(settings: Settings) -> bool:
    """Whether every client has to send the token: told so, or the system cannot tell who a peer is.

    In hosted mode nobody does: there every client has a credential of its own.
    """
    if settings.is_hosted:
        return False
    # Here, because commands that only read the token need no server.
    from coordination.transport import peer  # noqa: PLC0415

    return settings.local_token == "required" or not peer.can_check()  # noqa: S105 - when to ask for it


def read_or_make(data_dir: Path) -> str:
    """Return the token of a data folder; the first one who asks makes it.

    Raises:
        UnusableToken: what is there is no secret.
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
    made = read(data_dir)
    if made is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return made


def read(data_dir: Path) -> str | None:
    """Return the token of a data folder, None when there is none yet or it may not be read.

    Raises:
        UnusableToken: the file is no regular one, somebody else's, or readable for others, or it holds no token.
    """
    path = data_dir / FILE_NAME
    try:
        content = private_file.read(path, 2 * MOST)
    except UnusableFile as error:
        raise UnusableToken(path, error.why) from None
    text = (content or b"").strip().decode("latin-1")
    if not text:
        return None
    if not _TOKEN.fullmatch(text):
        raise UnusableToken(path, "holds no token")
    return text
