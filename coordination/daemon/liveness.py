"""When a terminal ends: told by the system, never guessed from how quiet it is.

Where the kernel has descriptors of processes (Linux) the event loop waits for one that becomes readable, which costs
nothing until it does. Elsewhere, or where no descriptor is to be had, each process is looked at every second. Either
way a process under the same id that began at another time is another one, so what was watched is gone. A terminal
that is stopped (SIGSTOP, a suspended machine) is not gone.

The order is what makes it right: the descriptor first, then the look at the start. A process that was replaced in
between is noticed by its start, one that ends later by the descriptor, which stays that of the very process.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from coordination.daemon.local_agent import TerminalKey
from coordination.repository.terminal import is_alive

Gone = Callable[[TerminalKey], None]

LOOK_SECONDS: Final = 1.0


class Liveness:
    """Watches terminals, on the event loop in which `watch` is called first."""

    def __init__(self, *, descriptors: bool = True) -> None:
        """Watch nothing yet; without `descriptors` as on a system that has none."""
        self._descriptors = descriptors and hasattr(os, "pidfd_open")
        self._watched: dict[TerminalKey, Gone] = {}
        self._open: dict[TerminalKey, int] = {}
        self._looked_at: set[TerminalKey] = set()
        self._next_look: asyncio.TimerHandle | None = None

    def watch(self, terminal: TerminalKey, gone: Gone) -> None:
        """Call `gone(terminal)` once, when the terminal ends; soon when it has ended already, never from in here.

        Watching it again replaces what is called, and does not have it called twice.
        """
        known = terminal in self._watched
        self._watched[terminal] = gone
        if known:
            return
        descriptor = self._descriptor(terminal.pid)
        if not is_alive(terminal.pid, terminal.started):
            if descriptor is not None:
                os.close(descriptor)
            asyncio.get_running_loop().call_soon(self._tell, terminal)
        elif descriptor is None:
            self._looked_at.add(terminal)
            self._look_later()
        else:
            self._open[terminal] = descriptor
            asyncio.get_running_loop().add_reader(descriptor, self._tell, terminal)

    def unwatch(self, terminal: TerminalKey) -> None:
        """Watch it no more: nobody is told of its end."""
        self._watched.pop(terminal, None)
        self._let_go(terminal)

    def close(self) -> None:
        """Watch nothing any more."""
        for terminal in list(self._watched):
            self.unwatch(terminal)
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None

    def _descriptor(self, pid: int) -> int | None:
        # It fails where the process is gone, and where a sandbox or the number of open files forbids it.
        with suppress(OSError):
            return os.pidfd_open(pid) if self._descriptors else None
        return None

    def _tell(self, terminal: TerminalKey) -> None:
        self._let_go(terminal)
        gone = self._watched.pop(terminal, None)
        if gone is not None:
            gone(terminal)

    def _let_go(self, terminal: TerminalKey) -> None:
        self._looked_at.discard(terminal)
        descriptor = self._open.pop(terminal, None)
        if descriptor is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)

    def _look_later(self) -> None:
        if self._next_look is None and self._looked_at:
            self._next_look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._next_look = None
        try:
            for terminal in list(self._looked_at):
                if not is_alive(terminal.pid, terminal.started):
                    self._tell(terminal)
        finally:
            # What is called may fail, and the others are still to be looked at.
            self._look_later()
