"""`coord send`: a message from a person to agents, who read it with their next `sync_progress`."""

import shlex
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from coordination.cli import place
from coordination.cli.output import OK, USAGE, Failure, Json, emit, say
from coordination.cli.reach import person, resolve, service
from coordination.domain.session import SessionState
from coordination.domain.text import MAX_MESSAGE, clean

if TYPE_CHECKING:
    from coordination.client.service import ServiceClient

_EXAMPLES: Final = """Examples:

    coord send demo "The parser is mine until noon."
    coord send demo "Please release src/app.py." --to impl_a impl_b
"""


def register(app: App) -> None:
    """Add the command to `app`."""
    app.command(send, help_epilogue=_EXAMPLES, usage='Usage: coord send [SESSION] "TEXT" [--to AGENT...]')


def send(
    *words: Annotated[
        str,
        Parameter(
            help="The session (without it that of this folder, or the only active one), then the text in quotes."
        ),
    ],
    to: Annotated[
        list[str] | None,
        Parameter(
            negative="", consume_multiple=True, help="Only to these agents; put it last.", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Send a message to the agents of a session.

    They read it with their next sync_progress, as words of a person, not as an order of the service.
    """
    if len(words) not in {1, 2}:
        raise _usage("Send one text, in quotes, and before it the session.")
    text = words[-1]
    if not 0 < len(text) <= MAX_MESSAGE:
        raise _usage(f"The text has {len(text)} characters; 1 to {MAX_MESSAGE} can be sent.", *words[:-1])
    session = words[0] if len(words) > 1 else None
    with service(session) as client:
        name = session if session is not None else _only_session(client, text)
        state = client.status(name).status  # before, because a failure afterwards would deny that it was sent
        recipients = client.send(name, person(client), text, to)
    if json:
        emit({"session": name, "status": state, "sent_to": recipients})
    else:
        _show(name, recipients, closed=state != SessionState.ACTIVE)
    return OK


def _show(name: str, recipients: list[str], *, closed: bool) -> None:
    if not recipients:
        say(f"Nobody is in session {name} yet, so nobody got it.")
        return
    when = (
        f"Session {name} is closed: they read it only if they join again."
        if closed
        else "They read it with their next sync_progress."
    )
    say(f"Sent to {clean(', '.join(recipients), 1000)}. {when}")


def _only_session(client: "ServiceClient", text: str) -> str:
    """Return the only active session; a text that is the name of one was not meant as the text."""
    if any(known.id == text for known in client.sessions()):
        raise _usage(f"{clean(text, 130)} is a session. Put the text behind it, in quotes.", text)
    return resolve(client, None)


def _usage(message: str, session: str = "demo") -> Failure:
    example = f'send {shlex.quote(clean(session, 130))} "Hello."'
    return Failure(message, mend=f"As here: {place.coord(example)}", exit_code=USAGE, code="usage")
