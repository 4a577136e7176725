"""`coord headers`: what Claude Code sends along so that locks know its checkout and its terminal.

Claude Code runs it as `headersHelper` of the entry that `coord connect` makes, in the folder of the terminal, each
time that it connects. Whatever goes wrong, it answers an object: a terminal without the headers works too, as one of
an unknown checkout. A terminal waits for it, so it imports as little as it can: not even what other commands answer
with (a test names what stays out).

At a hosted service the entry names the key of a token besides. The token is answered only when Claude Code says, as it
does in `CLAUDE_CODE_MCP_SERVER_URL`, that the answer goes to the service and session that it was made for.
"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coordination.repository.checkout import describe_checkout
from coordination.repository.terminal import describe_terminal

if TYPE_CHECKING:
    from cyclopts import App

SERVER_VARIABLE: Final = "CLAUDE_CODE_MCP_SERVER_URL"
APP: Final = "coordination"
"""As in `settings.values`, which would take a third of a second; a test compares."""


def register(app: "App") -> None:
    """Add the command to `app`; Claude Code types it, not people, so the list of commands leaves it out."""
    app.command(headers, show=False)


def headers(key: str | None = None, /) -> int:
    """Print the headers that name this checkout and this terminal, as JSON.

    Args:
        key: the key of a token that `coord connect` made; its header is printed to nobody but Claude Code.
    """
    found = {
        "x-coordination-checkout": _checkout(),
        "x-coordination-terminal": describe_terminal(),
        "authorization": None if key is None else _authorization(key),
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


def _authorization(key: str) -> str | None:
    """Return the header for a token, None unless it goes where it may go."""
    import platformdirs  # noqa: PLC0415 - local mode needs none of it

    from coordination.client import private_file, terminal_token  # noqa: PLC0415 - as above

    folder = platformdirs.user_config_path(APP, appauthor=False)
    try:
        token = terminal_token.read(folder, key)
    except private_file.UnusableFile as error:
        sys.stderr.write(f"{error}\n")
        return None
    if token is None or not token.is_for(os.environ.get(SERVER_VARIABLE, "")):
        return None
    return f"Bearer {token.secret}"
