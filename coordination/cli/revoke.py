"""`coord revoke`: take locks from their holders, after asking.

A holder is told with its next call, and its later writes carry a token that is no longer good. What it has on disk
stays as it is: the person who revokes decides who goes on.
"""

import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from coordination.cli import place
from coordination.cli.locks import show_leases
from coordination.cli.output import FAILED, OK, USAGE, Failure, Json, emit, say, tell
from coordination.cli.reach import one_agent, person, resolve, service
from coordination.cli.status import as_json
from coordination.domain.errors import InvalidInput
from coordination.domain.path import normalise_all
from coordination.domain.text import clean

if TYPE_CHECKING:
    from coordination.client.service import ServiceClient
    from coordination.domain.file_lock import Lease

NAME: Final = 130
NOTHING_NAMED: Final = "Say what to take: paths, --agent AGENT or --all."

_EXAMPLES: Final = """Examples:

    coord revoke demo src/app.py src/parser
    coord revoke demo --agent impl_a
    coord revoke demo --all --yes
"""


def register(app: App) -> None:
    """Add the command to `app`."""
    app.command(
        revoke,
        help_epilogue=_EXAMPLES,
        usage="Usage: coord revoke [SESSION] (PATH... | --agent AGENT | --all) [--yes]",
    )


def revoke(
    *names: Annotated[
        str,
        Parameter(help="The session (without it that of this folder, or the only active one), then paths."),
    ],
    agent: Annotated[
        str | None,
        Parameter(help="Take the locks of this agent, by name or as user/name.", show_default=False),
    ] = None,
    everything: Annotated[
        bool, Parameter(name="--all", negative="", show_default=False, help="Take all locks of the session.")
    ] = False,
    yes: Annotated[bool, Parameter(negative="", show_default=False, help="Do not ask.")] = False,
    json: Json = False,
) -> int:
    """Take locks from their holders.

    A holder learns of it with its next call. Paths are those that `coord locks` shows; one that is not locked is named,
    and is no failure.
    """
    session, paths = _split(names, whole=agent is not None or everything)
    _check(paths, agent, everything=everything)
    if json and not yes:
        raise _usage("With --json nobody can be asked: add --yes.")
    with service(session) as client:
        name = _session(client, session, paths)
        holder = None if agent is None else one_agent(client, name, agent)
        if not yes:
            found = _concerned(client.locks(name), paths, holder)
            if not found:
                _show_free(name, _free(paths, []), holder)
                return OK
            if not _is_wanted(found):
                tell("Nothing was taken.")
                return FAILED
        taken = client.revoke(name, person(client), paths=list(paths) or None, agent=holder)
    free = _free(paths, taken)
    if json:
        emit({"session": name, "revoked": as_json(taken), "not_locked": free})
        return OK
    if taken:
        say(f"Taken: {len(taken)} lock(s). Their holders are told with their next call.")
        show_leases(taken, "")
    if free or not taken:
        _show_free(name, free, holder)
    return OK


def _split(names: tuple[str, ...], *, whole: bool) -> tuple[str | None, tuple[str, ...]]:
    """Tell the session from the paths: a single name is a path, unless an option says what to take."""
    if not names:
        return None, ()
    if len(names) == 1 and not whole:
        return None, names
    return names[0], names[1:]


def _check(paths: tuple[str, ...], agent: str | None, *, everything: bool) -> None:
    if everything and (paths or agent):
        raise _usage("--all takes every lock of the session: leave paths and --agent out.")
    if not everything and not paths and agent is None:
        raise _usage(NOTHING_NAMED)


def _session(client: "ServiceClient", session: str | None, paths: tuple[str, ...]) -> str:
    """Return the session; a single word that names one was not meant as a path."""
    if session is None and any(known.id in paths for known in client.sessions()):
        raise _usage(f"{clean(paths[0], NAME)} is a session. {NOTHING_NAMED}")
    return resolve(client, session)


def _concerned(locks: "list[Lease]", paths: tuple[str, ...], holder: str | None) -> "list[Lease]":
    try:
        keys = {path.key for path in normalise_all(paths, literal=True, field="PATH")}
    except InvalidInput as error:
        raise _usage(error.message) from None
    return [
        lock
        for lock in locks
        if (not keys or lock.key in keys) and (holder is None or lock.agent_id == holder)
    ]


def _is_wanted(found: "list[Lease]") -> bool:
    """Show what would be taken and ask. Without a terminal the answer is no."""
    show_leases(found, "")
    if not sys.stdin.isatty():
        raise _usage("Nobody can be asked here: add --yes to take these locks.")
    tell(f"Take {len(found)} lock(s) from the agents above? They may be in the middle of an edit. [y/N]")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _free(paths: tuple[str, ...], taken: "list[Lease]") -> list[str]:
    """Return those of the paths on which nothing was taken."""
    keys = {lock.key for lock in taken}
    return [path.path for path in normalise_all(paths, literal=True, field="PATH") if path.key not in keys]


def _show_free(session: str, free: list[str], holder: str | None) -> None:
    """Say that paths, or without any the holder's or all files, are not locked, and where to see what is."""
    from coordination.cli.picture import shortened  # noqa: PLC0415 - `coord --help` is quick without it

    where = f"in session {clean(session, NAME)}"
    by = "" if holder is None else f" by {clean(holder, NAME)}"
    for path in free:
        say(f"{shortened(path)} is not locked{by} {where}.")
    if not free:
        say(
            f"Nothing is locked {where}." if holder is None else f"{clean(holder, NAME)} has no lock {where}."
        )
    say(f"See what is locked: {place.coord(f'locks {shlex.quote(session)}')}")


def _usage(message: str) -> Failure:
    return Failure(message, mend=f"See: {place.coord('revoke --help')}", exit_code=USAGE, code="usage")
