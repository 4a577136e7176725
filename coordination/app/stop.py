"""The signals that end the service: the first begins a clean end, and a Ctrl-C after it ends everything at once."""

import os
import signal
from collections.abc import Callable
from typing import Final

INTERRUPTED: Final = 130
"""The exit code after a second Ctrl-C, as shells know it."""
SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Stop:
    """Turns signals into one clean end, and a Ctrl-C during it into an immediate one."""

    def __init__(self) -> None:
        self._asked = False
        self._begin: Callable[[], None] | None = None
        self._at_once: Callable[[], None] | None = None

    def watch(self) -> None:
        """Take the signals of this process; until `meets` is called they end it by SystemExit."""
        for number in SIGNALS:
            signal.signal(number, self._on_signal)

    def meets(self, begin: Callable[[], None], at_once: Callable[[], None] | None = None) -> None:
        """Have the first signal call `begin`, at once when it came already.

        Args:
            begin: begins the clean end.
            at_once: what is left to do before an immediate end.
        """
        self._begin, self._at_once = begin, at_once
        if self._asked:
            begin()

    def _on_signal(self, number: int, _frame: object) -> None:
        if self._asked:
            if number == signal.SIGINT:
                if self._at_once is not None:
                    self._at_once()
                os._exit(INTERRUPTED)
            return
        self._asked = True
        if self._begin is None:
            raise SystemExit(0)
        self._begin()
