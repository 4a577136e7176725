"""A token that one of our programs on this machine asks of its clients, kept in a file for its owner only.

The first one who asks makes it: 256 random bits. It stays the same, so that what clients were registered with keeps
working. A file that somebody else may have put there or read is no secret, and refused. Who checks a token is not known
here.
"""

import errno
import os
import re
import secrets
from pathlib import Path
from typing import Final

from coordination.client import private_file
from coordination.client.private_file import UnusableFile

MOST: Final = 256
"""Characters; ours have 43."""
_TOKEN: Final = re.compile(rf"[\x21-\x7e]{{32,{MOST}}}")


def read_or_make(path: Path) -> str:
    """Return the token in a file; the first one who asks makes it.

    Raises:
        UnusableFile: what is there is no secret.
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = read(path)
    if found:
        return found
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32))
    try:
        os.link(aside, path)  # the first one wins, and nobody ever reads half a token
    except FileExistsError:
        if read(path) is None:
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    made = read(path)
    if made is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return made


def read(path: Path) -> str | None:
    """Return the token in a file, None when there is none yet or it may not be read.

    Raises:
        UnusableFile: the file is no regular one, somebody else's, or readable for others, or it holds no token.
    """
    content = private_file.read(path, 2 * MOST)
    text = (content or b"").strip().decode("latin-1")
    if not text:
        return None
    if not _TOKEN.fullmatch(text):
        raise UnusableFile(path, "holds no token")
    return text
