"""The person's policy file as the daemon reads it: anew each time, and never weaker than what stands there.

A file that cannot be read, or that somebody else may have written, counts as `block` for everything. What its lines
mean is in `domain.policy`. Whose home `~` is comes from the system's list of users and not from the environment, which
a repository's settings may have changed.
"""

import os
import pwd
from pathlib import Path
from typing import Final

from coordination.client import private_file
from coordination.client.private_file import UnusableFile
from coordination.domain import policy
from coordination.domain.policy import Policy


class PersonPolicy:
    """Knows the policy of a file.

    Args:
        path: the file; there need not be one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        home = _home()
        self._homes: Final = tuple(dict.fromkeys((home, os.path.realpath(home))))

    def read(self) -> Policy:
        """Return what the file says now."""
        try:
            content = private_file.read(self._path, policy.MOST_BYTES)
            if content is None and self._is_there():
                return policy.unreadable("cannot be opened")
        except UnusableFile as error:
            return policy.unreadable(f"cannot be used: it {error.why}")
        except OSError as error:
            return policy.unreadable(f"cannot be used ({error})")
        return policy.parse(content, self._homes)

    def _is_there(self) -> bool:
        try:
            self._path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def blocks(self, *paths: Path) -> bool:
        """Return whether an edit of a file is refused when nobody can say who holds it.

        Args:
            paths: the file as it was asked for, and as it is really called.
        """
        return policy.decide(self.read(), *map(str, paths)) is policy.Answer.BLOCK


def _home() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return str(Path.home())
