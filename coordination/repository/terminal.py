"""Which terminal asks: the Claude Code process that started us, by its id and start time.

Claude Code runs a headers helper through a shell, which may or may not replace itself by the helper; so the terminal
is the nearest ancestor that is no shell. The pair outlives a restart of the service, a reconnect and `/clear`.
"""

from typing import Final

import psutil

_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ash", "busybox", "ksh"})


def describe_terminal() -> str | None:
    """Return `{pid}-{start time in seconds}` of the terminal; None when the system does not say."""
    try:
        ancestors = psutil.Process().parents()
        terminal = next((found for found in ancestors if found.name() not in _SHELLS), None)
        return None if terminal is None else f"{terminal.pid}-{terminal.create_time():.2f}"
    except psutil.Error:
        return None
