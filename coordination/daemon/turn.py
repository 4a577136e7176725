"""Whether somebody is in a turn: from the hook that began it to the one that ends it, as long as others come meanwhile.

Claude Code runs no hook when a person interrupts a turn. So one of which no hook came for a quarter of an hour counts
as over. That takes nobody for dead: it is only about files that hold no work and that nothing is about to write.
"""

import asyncio
from typing import Final

from coordination.daemon.terminals import Terminal

QUIET_SECONDS: Final = 900.0
"""Longer than one command of a model takes, unless a person allowed more than Claude Code's ten minutes."""


def is_in_turn(terminal: Terminal, who: str | None) -> bool:
    """Return whether a terminal (None), or its subagent, is in a turn."""
    at = asyncio.get_running_loop().time()
    return who in terminal.working and at - terminal.acted.get(who, at) < QUIET_SECONDS


def begin(terminal: Terminal) -> None:
    """Take note that a turn of a terminal begins.

    When the one before has not ended, it was interrupted, and the subagents in it. One that goes on in the background
    says so by its next hook.
    """
    if None in terminal.working:
        terminal.working.clear()
    terminal.working.add(None)
