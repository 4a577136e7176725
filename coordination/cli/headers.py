"""`coord headers`: what Claude Code sends along so that locks know its checkout and its terminal.

Claude Code runs it as `headersHelper` of the entry that `coord connect` makes, in the folder of the terminal, each
time that it connects. Whatever goes wrong, it answers an object: a terminal without the headers works too, as one of
an unknown checkout.
"""

from pathlib import Path

from cyclopts import App

from coordination.cli.output import OK, emit
from coordination.repository.checkout import describe_checkout
from coordination.repository.terminal import describe_terminal


def register(app: App) -> None:
    """Add the command to `app`; Claude Code types it, not people, so the list of commands leaves it out."""
    app.command(headers, show=False)


def headers() -> int:
    """Print the headers that name this checkout and this terminal, as JSON."""
    found = {
        "x-coordination-checkout": describe_checkout(Path.cwd()),
        "x-coordination-terminal": describe_terminal(),
    }
    emit({name: value for name, value in found.items() if value is not None})
    return OK
