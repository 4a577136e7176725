"""`coord send`: a message from a person to agents, who read it with their next `sync_progress`."""

from typing import Annotated, Final

from cyclopts import App, Parameter

from coordination.cli import place
from coordination.cli.output import OK, USAGE, Failure, Json, emit, say
from coordination.cli.reach import resolve, service
from coordination.domain.text import MAX_MESSAGE, clean

_EXAMPLE: Final = 'send demo "Hello."'
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
        Parameter(help="The session (may be left out when exactly one is active), then the text in quotes."),
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
        raise Failure(
            "Send one text, in quotes, and before it the session.",
            mend=f"As here: {place.coord(_EXAMPLE)}",
            exit_code=USAGE,
            code="usage",
        )
    text = words[-1]
    if not 0 < len(text) <= MAX_MESSAGE:
        raise Failure(
            f"The text has {len(text)} characters; 1 to {MAX_MESSAGE} can be sent.",
            exit_code=USAGE,
            code="usage",
        )
    with service() as client:
        name = resolve(client, words[0] if len(words) > 1 else None)
        recipients = client.send(name, place.user(), text, to)
    if json:
        emit({"session": name, "sent_to": recipients})
    elif recipients:
        say(f"Sent to {clean(', '.join(recipients), 1000)}. They read it with their next sync_progress.")
    else:
        say(f"Nobody is in session {name} yet, so nobody got it.")
    return OK
