"""The local token: asked for where the system cannot tell which user is at the other end of a connection.

It lies in the data folder (`client.token_file`). Who checks it is `transport.auth`.
"""

from pathlib import Path
from typing import Final

from coordination.client import token_file
from coordination.client.private_file import UnusableFile
from coordination.settings import Settings

FILE_NAME: Final = "local.token"
MOST: Final = token_file.MOST


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
    try:
        return token_file.read_or_make(path)
    except UnusableFile as error:
        raise UnusableToken(path, error.why) from None


def read(data_dir: Path) -> str | None:
    """Return the token of a data folder, None when there is none yet or it may not be read.

    Raises:
        UnusableToken: the file is no regular one, somebody else's, or readable for others, or it holds no token.
    """
    path = data_dir / FILE_NAME
    try:
        return token_file.read(path)
    except UnusableFile as error:
        raise UnusableToken(path, error.why) from None
