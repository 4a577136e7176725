"""All commands in one application, how it is run, and what becomes of whatever they raise.

Each group of commands is a module with `register(app)`. They are imported here, so a module imports at its top
only what is cheap (no FastMCP, no HTTP client) and the rest inside its functions: `coord --help` has to be quick.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from typing import Final

from cyclopts import App, CycloptsError, UnusedCliTokensError

from coordination import __version__
from coordination.app.command_line import program
from coordination.cli import (
    backup,
    config,
    connect,
    daemon,
    doctor,
    file_index,
    headers,
    install,
    lifecycle,
    locks,
    login,
    mcp_stdio,
    migrate,
    place,
    plan,
    policy,
    revoke,
    send,
    sessions,
    status,
    token,
    watch,
    workspace,
)
from coordination.cli.output import INTERRUPTED, JSON_FLAG, OK, USAGE, Failure, report, say
from coordination.cli.refusals import for_people
from coordination.domain.errors import CoordinationError

HELP: Final = frozenset({"--help", "-h"})

app: Final = App(
    name="coord",
    help="Let several Claude Code terminals work on one codebase: file locks, progress, status.",
    help_epilogue="Start with `coord up`. Exit codes: 0 done, 1 failed, 2 usage, 3 service not reachable, "
    "4 refused by the service, 5 found something to mend.",
    help_format="markdown",
    version=__version__,
    result_action="return_value",
)
for group in (
    lifecycle,
    install,
    connect,
    daemon,
    policy,
    status,
    watch,
    locks,
    revoke,
    send,
    sessions,
    file_index,
    plan,
    login,
    token,
    workspace,
    migrate,
    backup,
    config,
    doctor,
    mcp_stdio,
    headers,
):
    group.register(app)
app.register_install_completion_command(help="Install completion for your shell.")  # pyright: ignore[reportUnknownMemberType]  its further arguments are untyped


def run(tokens: Sequence[str]) -> int:
    """Run one command line, without the program's name, and return its exit code."""
    # Looked for before parsing, so that a wrong command line is answered in JSON too.
    json = any(token.partition("=")[0] == JSON_FLAG for token in tokens)
    if tokens:
        place.TYPED.set(tuple(tokens))
    try:
        code = app(list(tokens), exit_on_error=False, print_error=False)
        if not tokens or not HELP.isdisjoint(tokens):
            _say_where()
    except (Failure, CoordinationError, CycloptsError, PermissionError) as error:
        return report(_failure(error), json=json)
    except BrokenPipeError:
        # Whoever read the output has had enough, as `head` has. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return INTERRUPTED
    return code if isinstance(code, int) else OK


def _failure(error: Failure | CoordinationError | CycloptsError | PermissionError) -> Failure:
    if isinstance(error, Failure):
        return error
    if isinstance(error, CoordinationError):
        return Failure(error.message, mend=for_people(error.next_call), code=error.code)
    if isinstance(error, PermissionError):
        mend = f"See which folders are used: {place.coord('config')}"
        return Failure(f"You may not use {error.filename}: {error.strerror}.", mend=mend)
    message = str(error)
    if isinstance(error, UnusedCliTokensError):
        message = f"Not known here: {shlex.join(error.unused_tokens or ())}"
    mend = f"See: {place.coord(shlex.join([*(error.command_chain or ()), '--help']))}"
    return Failure(message, mend=mend, exit_code=USAGE, code="usage")


def _say_where() -> None:
    """Say how to call what the help calls `coord`, where the shell does not find it by that name."""
    typed = program()
    if typed != app.name[0]:
        say()
        say(f"Here `coord` is {typed}")
