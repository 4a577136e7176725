"""`coord index`: send a session what is known of the files of this folder's repository, so that work can be planned.

Names go, contents stay: paths, names of functions and classes, which file imports which, and which change together.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import platformdirs
from cyclopts import App

from coordination.cli import place
from coordination.cli.output import OK, Failure, Json, emit, facts, say, show_progress
from coordination.cli.reach import SessionName, person, resolve, service, tell_if_closed
from coordination.cli.status import as_json
from coordination.domain.text import clean
from coordination.domain.virtual_user import is_part
from coordination.repository.checkout import describe_checkout, find_top_level
from coordination.settings.values import APP

if TYPE_CHECKING:
    from coordination.client.file_index import SentIndex
    from coordination.client.service import ServiceClient
    from coordination.repository.file_index import MadeIndex

CACHE: Final = "index"
_EXAMPLES: Final = """Examples:

    coord index
    coord index demo
    coord index demo --json
"""


def register(app: App) -> None:
    """Add the command to `app`."""
    app.command(index, name="index", help_epilogue=_EXAMPLES, usage="Usage: coord index [SESSION] [OPTIONS]")


def index(session: SessionName = None, /, *, json: Json = False) -> int:
    """Send a session the names in this folder's repository, to plan with.

    What goes: the paths of files that git does not ignore, the names of functions, classes and the like in Python,
    JavaScript and TypeScript, which of the files import which, and which changed together in the last 2,000 commits. No
    content goes. Run it again after changes: only differences are read and sent. A session that is not there begins.
    """
    top = find_top_level(Path.cwd())
    if top is None:
        raise Failure(
            "This folder is in no git repository, and the index is made of what git knows.",
            mend=f"Go to your project's folder, or make a repository of it: git init\nThen: {place.again()}",
            code="no_repository",
        )
    began = time.monotonic()
    with service(session) as client:
        from coordination.client.file_index import send_index  # noqa: PLC0415 - `coord --help` is quick without it

        name = resolve(client, session)
        # Before the work, which may take a minute.
        begins = not _is_there(client, name)
        with show_progress(quiet=json) as stage:
            made = _make(top, stage)
            sent = send_index(
                client,
                name,
                checkout_key(top),
                made.commit,
                made.index,
                by=person(client),
                progress=stage("sending", len(made.index.files)),
            )
        if not json:
            tell_if_closed(client, name)
    answer = {**_answer(name, top, made, sent, time.monotonic() - began), "began": begins}
    if json:
        emit(answer)
    else:
        _show(answer)
    return OK


def _is_there(client: "ServiceClient", session: str) -> bool:
    """Whether there is such a session; when there is none and can be none, the service's refusal is raised."""
    from coordination.client.errors import RequestRefused  # noqa: PLC0415 - as above

    try:
        client.indexes(session)
    except RequestRefused as error:
        if error.code != "not_found" or not is_part(session):
            raise
        return False
    return True


def checkout_key(folder: Path) -> str:
    """Return the key by which the service knows the working tree of a folder, '' when it cannot."""
    from coordination.domain.checkout import parse_checkout  # noqa: PLC0415 - as above

    return parse_checkout(describe_checkout(folder) or "").key


def _make(top: Path, stage: Callable[[str, int], Callable[[int], None]]) -> "MadeIndex":
    # The grammars and what starts processes are loaded when they are needed.
    from coordination.repository.file_index import make_index  # noqa: PLC0415 - see above
    from coordination.repository.git import RepositoryUnreadable  # noqa: PLC0415 - as above

    try:
        return make_index(top, platformdirs.user_cache_path(APP, appauthor=False) / CACHE, os.environ, stage)
    except RepositoryUnreadable as error:
        mend = f"See for yourself, in {top}: git status\nThen: {place.again()}"
        raise Failure(clean(str(error), 500), mend=mend, code="repository_unreadable") from None


def _answer(session: str, top: Path, made: "MadeIndex", sent: "SentIndex", seconds: float) -> dict[str, Any]:
    return {
        "session": session,
        "folder": str(top),
        "checkout": sent.summary.checkout,
        "commit": made.commit,
        "files": sent.summary.files,
        "sources": made.sources,
        "with_symbols": sent.summary.with_symbols,
        "imports": sum(len(file.imports) for file in made.index.files),
        "co_changes": len(made.index.co_changes) if made.has_history else None,
        "skipped": dict(made.skipped),
        "read": made.read,
        "sent": sent.sent,
        "removed": sent.removed,
        "refreshed_at": as_json(sent.summary.refreshed_at),
        "seconds": round(seconds, 2),
    }


def _show(answer: dict[str, Any]) -> None:
    say(
        f"Indexed {answer['files']:,} files for session {clean(answer['session'], 130)} in {answer['seconds']:.1f} s."
    )
    if answer["began"]:
        say("The session began with that: nobody has joined it yet.")
    history = "its history could not be read" if answer["co_changes"] is None else f"{answer['co_changes']:,}"
    rows = [
        ("folder", clean(answer["folder"], 1000)),
        ("sources", f"{answer['sources']:,}, {answer['read']:,} of them new or changed"),
        ("with names", f"{answer['with_symbols']:,}"),
        ("imports", f"{answer['imports']:,}"),
        ("change together", history),
        ("sent", f"{answer['sent']:,} files that differ, {answer['removed']:,} that are gone"),
    ]
    rows += [("left out", f"{number:,}: {reason}") for reason, number in sorted(answer["skipped"].items())]
    facts(rows)
