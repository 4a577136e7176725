"""Telling the log of connections of other users of this machine: a few lines, however many they make."""

import time
from typing import Final

import structlog

from coordination.domain.trouble import Told, tell

_log: Final = structlog.stdlib.get_logger(__name__)


class Strangers:
    """Counts refused connections, and logs them as a security warning: at once, then ever more seldom."""

    def __init__(self) -> None:
        self._refused = 0
        self._told: Told | None = None

    def refused(self, uid: int | None) -> None:
        """Count one refused connection of the user `uid`, None when nobody knows whose it was."""
        self._refused += 1
        fresh = tell(self._told, "refused", time.monotonic())
        if fresh is not None:
            self._told = fresh
            _log.warning("connection_of_foreign_user_refused", uid=uid, refused_so_far=self._refused)
