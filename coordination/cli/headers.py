"""`coord headers`: what Claude Code sends along so that locks know its checkout and its terminal.

Claude Code runs it as `headersHelper` of the entry that `coord connect` makes, in the folder of the terminal, each
time that it connects. Whatever goes wrong, it answers an object: a terminal without the headers works too, as one of
an unknown checkout. A terminal waits for it, so it imports as little as it can: not even what other commands answer
with (a test names what stays out).
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from coordination.repository.checkout import describe_checkout
from coordination.repository.terminal import describe_terminal

if TYPE_CHECKING:
    from cyclopts import App


def register(app: "App") -> None:
    """Add the command to `app`; Claude Code types it, not people, so the list of commands leaves it out."""
    app.command(headers, show=False)


def headers() -> int:
    """Print the headers that name this checkout and this terminal, as JSON."""
    found = {
        "x-coordination-checkout": _checkout(),
        "x-coordination-terminal": describe_terminal(),
    }
    answer = {name: value for name, value in found.items() if value is not None}
    sys.stdout.write(f"{json.dumps(answer, indent=2)}\n")
    sys.stdout.flush()
    return 0


def _checkout() -> str | None:
    try:
        return describe_checkout(Path.cwd())
    except OSError:
        # The folder is gone, or may not be entered.
        return None
