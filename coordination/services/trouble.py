"""The failures of one piece of background work, as the log is told of them: `domain.trouble` on this process's clock.

A failure that begins is logged with its traceback, because nobody foresaw it; while it goes on, it is no more than
named. What the work is, and what to do about its failures, is not decided here.
"""

import time
from typing import Any

from coordination.domain.trouble import Told, named, tell


class Trouble:
    """What was told of the failures of one piece of work."""

    def __init__(self) -> None:
        self._told: Told | None = None

    def met(self, error: Exception) -> dict[str, Any] | None:
        """Return the fields of the line to log now, None when it was told lately."""
        why = named(error)
        before, fresh = self._told, tell(self._told, why, time.monotonic())
        if fresh is None:
            return None
        self._told = fresh
        begins = before is None or before.what != why
        return {"why": why, "exc_info": error} if begins else {"why": why}

    def over(self) -> None:
        """All is well again: the next failure begins anew."""
        self._told = None
