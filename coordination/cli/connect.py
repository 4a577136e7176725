"""`coord connect`: one entry in Claude Code that serves all terminals of a checkout, each under its own name.

Claude Code keeps one entry for each project folder and name. Its URL says `${COORD_AGENT:-planner}`, which every
terminal expands from its own environment; `coord headers` tells checkout and terminal apart. Running it again changes
nothing, or replaces an older entry of ours; an entry of somebody else under the name is left alone.

At a hosted service the terminals come in with a token of their own (`terminal_access`). The entry names it by a key,
and `coord headers` answers it to Claude Code: so no file of a repository, no command line, no environment and not even
Claude Code's configuration holds the secret.
"""

import json as json_text
import re
import shlex
import shutil
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from coordination.app.command_line import program
from coordination.cli import claude_code, place, target, terminal_access
from coordination.cli.output import OK, USAGE, Failure, Json, emit, say, tell
from coordination.domain.identity import PLANNER_NAME
from coordination.domain.virtual_user import PART_FORM, is_part
from coordination.repository.checkout import find_top_level
from coordination.settings import Settings

ENTRY: Final = "coordination"
NO_GIT: Final = (
    "This folder is in no git repository: without git, "
    "locks count for every checkout, and absolute paths are refused."
)
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_EXAMPLES: Final = """Examples:

    coord connect demo
    coord connect demo --user alice
    coord connect demo --print
    coord connect --remove
"""


def register(app: App) -> None:
    """Add the command to `app`."""
    app.command(connect, help_epilogue=_EXAMPLES, usage="Usage: coord connect SESSION [OPTIONS]")


def connect(
    session: Annotated[
        str | None,
        Parameter(help="The session to join; it comes into being when somebody does.", show_default=False),
    ] = None,
    /,
    *,
    user: Annotated[
        str | None,
        Parameter(
            help="Your name in the session; without it your login name, of this machine or of the hosted service.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str, Parameter(help="What the entry is called in Claude Code.")] = ENTRY,
    agent_default: Annotated[
        str, Parameter(help="The name of a terminal that is started without COORD_AGENT.")
    ] = PLANNER_NAME,
    print_only: Annotated[
        bool,
        Parameter(
            name="--print", negative="", show_default=False, help="Only print the line that would be run."
        ),
    ] = False,
    remove: Annotated[
        bool, Parameter(negative="", show_default=False, help="Remove the entry of this folder again.")
    ] = False,
    json: Json = False,
) -> int:
    """Connect the Claude Code of this folder to a session.

    One entry serves all terminals of the folder: start each under its own name, as in `COORD_AGENT=impl_a claude`. A
    terminal without a name is the planner. Where `claude` is not on the PATH, the line to run is printed, and the exit
    code is 1. At a hosted service a token is made for the terminals of the folder, and revoked with --remove.
    """
    _check_name(name)
    claude = claude_code.program()
    if remove:
        return _remove(claude, name, json=json)
    if session is None:
        raise Failure(
            "The session is missing.",
            mend=f"Name it, as here: {place.coord('connect demo')}",
            exit_code=USAGE,
            code="usage",
        )
    for field, text in (("SESSION", session), ("--user", user), ("--agent-default", agent_default)):
        _check(field, text)
    chosen = place.settings()
    found = target.meant(chosen)
    target.tell_which(found)
    entry = (_entry if found.remote is None else _hosted_entry)(found, user, session, agent_default)
    line = f"claude mcp add-json {shlex.quote(name)} {shlex.quote(json_text.dumps(entry))} --scope local"
    if claude is None and not print_only:
        return _missing(line, json=json)
    change = "printed" if claude is None or print_only else _register(claude, name, entry, session)
    if json:
        emit({"session": session, "entry": name, "url": entry["url"], "change": change, "line": line})
        return OK
    if change == "printed":
        say(line)
    else:
        _say_done(session, name, agent_default, change)
    _tell_what_is_missing(chosen, found)
    return OK


def _tell_what_is_missing(chosen: Settings, found: place.Target) -> None:
    if find_top_level(Path.cwd()) is None:
        tell(NO_GIT)
    if found.service is None and found.remote is None:
        tell(place.elsewhere(chosen) or f"The service does not run yet. Start it: {place.coord('up')}")


def _missing(line: str, *, json: bool) -> int:
    """Fail for want of `claude`, with the line that does the same where it is; for people that stands alone."""
    failure = Failure(
        "`claude` is not on the PATH, so nothing was registered. Run this line in your project's folder, where it is:",
        mend=line,
        code="claude_missing",
    )
    if json:
        raise failure
    tell(failure.message)
    say(line)
    return failure.exit_code


def _entry(found: place.Target, user: str | None, session: str, agent: str) -> dict[str, Any]:
    """Return the entry for the local service."""
    entry = _any_entry(found, user or place.user(), session, agent, "headers")
    if found.token is not None:
        entry["headers"] = {"Authorization": f"Bearer {found.bearer}"}
    return entry


def _hosted_entry(found: place.Target, user: str | None, session: str, agent: str) -> dict[str, Any]:
    """Return the entry for a hosted service, with a token for it, made if need be, kept elsewhere.

    Raises:
        Failure: there is no token to be had.
    """
    access = terminal_access.obtain(found, user, session, claude_code.project(Path.cwd()))
    return _any_entry(found, access.user, session, agent, f"headers {access.key}")


def _any_entry(found: place.Target, user: str, session: str, agent: str, helper: str) -> dict[str, Any]:
    return {
        "type": "http",
        "url": f"{found.url}/mcp/v2/claude/{user}__session__{session}__${{COORD_AGENT:-{agent}}}",
        # The tools belong into the first prompt: an agent that has to search for them does not lock.
        "alwaysLoad": True,
        "headersHelper": f"{_program()} {helper}",
    }


def _program() -> str:
    """How a terminal finds this very `coord`, whatever its PATH."""
    found = program()
    return shlex.quote(shutil.which(found) or found) if found == "coord" else found


def _check(field: str, text: str | None) -> None:
    if text is None or is_part(text):
        return
    raise Failure(
        f"{field} must be {PART_FORM}.",
        mend=f"See: {place.coord('connect --help')}",
        exit_code=USAGE,
        code="invalid_input",
    )


def _check_name(name: str) -> None:
    """Refuse what Claude Code refuses as a name too, or would take for an option."""
    if not _NAME.fullmatch(name):
        raise Failure(
            "--name must be letters, digits, - and _, of A-Z a-z 0-9, and not begin with -.",
            mend=f"See: {place.coord('connect --help')}",
            exit_code=USAGE,
            code="invalid_input",
        )


def _register(claude: str, name: str, entry: dict[str, Any], session: str) -> str:
    """Make the entry and say what that changed: `added`, `replaced` or `unchanged`."""
    found = claude_code.entry(name, Path.cwd())
    if found == entry:
        return "unchanged"
    if found is not None:
        _require_ours(name, found, session)
        claude_code.remove(claude, name)
    claude_code.add(claude, name, entry)
    former = terminal_access.key_of(found)
    if former is not None and former != terminal_access.key_of(entry):
        terminal_access.give_up(former)
    return "added" if found is None else "replaced"


def _require_ours(name: str, found: dict[str, Any], what: str) -> None:
    if not claude_code.is_ours(found):
        other = shlex.join(["connect", what, "--name", f"{name}-locks"])
        raise Failure(
            f"Claude Code has another server under the name {name} in this folder; it was left as it is.",
            mend=f"Choose another name: {place.coord(other)}",
            code="server_exists",
        )


def _remove(claude: str | None, name: str, *, json: bool) -> int:
    found = claude_code.entry(name, Path.cwd())
    if claude is None:
        raise Failure(
            "`claude` is not on the PATH, so the entry cannot be removed from here.",
            mend=f"Run in your project's folder, where it is: claude mcp remove {shlex.quote(name)} --scope local",
            code="claude_missing",
        )
    if found is not None:
        _require_ours(name, found, "--remove")
        claude_code.remove(claude, name)
    key = terminal_access.key_of(found)
    revoked = None if key is None else terminal_access.give_up(key)
    change = "unchanged" if found is None else "removed"
    if json:
        emit({"entry": name, "change": change, **({} if revoked is None else {"token_revoked": revoked})})
    elif found is None:
        say(f"Claude Code has no entry {name} in this folder.")
    elif revoked:
        say(
            f"Removed the entry {name} of this folder. Its token works no more, in terminals that run neither."
        )
    else:
        say(f"Removed the entry {name} of this folder. Terminals that run keep it until they end.")
    return OK


def _say_done(session: str, name: str, agent: str, change: str) -> None:
    say(
        {
            "added": f"Claude Code in this folder is connected to session {session} (entry {name}).",
            "replaced": f"Claude Code in this folder is connected to session {session}; an older entry {name} of "
            "ours was replaced.",
            "unchanged": f"Claude Code in this folder was connected to session {session} already.",
        }[change]
    )
    say("Start terminals in it, each under its own name:")
    say()
    say(f"    claude                      # {agent}")
    say("    COORD_AGENT=impl_a claude")
    say("    COORD_AGENT=impl_b claude")
    say()
    say(f"See them:  {place.coord(f'status {session}')}")
    say(
        f"Undo:      {place.coord('connect --remove' + ('' if name == ENTRY else f' --name {shlex.quote(name)}'))}"
    )
