"""`coord watch`: a session as it changes, on a terminal as a page, elsewhere as one line for each event.

When the service goes away it says so and goes on by itself as soon as it is back, without an event missing.
"""

import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from coordination.cli import place
from coordination.cli.output import OK, Json, as_json_text, console, say, tell
from coordination.cli.reach import SessionName, resolve, service
from coordination.cli.status import as_json, ask_health, print_lines, show

if TYPE_CHECKING:
    from coordination.client.service import ServiceClient
    from coordination.domain.event import Event as SessionEvent
    from coordination.domain.session import SessionStatus

SHOWN_EVENTS: Final = 6
WHOLE: Final = 10_000
"""The width of a page that no terminal bounds."""
_EXAMPLES: Final = """Examples:

    coord watch
    coord watch demo --once
    coord watch demo --json
"""


def register(app: App) -> None:
    """Add the command to `app`."""
    app.command(watch, help_epilogue=_EXAMPLES, usage="Usage: coord watch [SESSION] [OPTIONS]")


def watch(
    session: SessionName = None,
    /,
    *,
    once: Annotated[
        bool,
        Parameter(
            negative="", show_default=False, help="Print the page once, with the last events, and end."
        ),
    ] = False,
    json: Json = False,
) -> int:
    """Watch a session: who is here, doing what, holding or waiting for what, and what just happened.

    Where the output is no terminal it prints one line for each event; with --json one JSON object a line.
    """
    with service(session) as client:
        name = resolve(client, session)
        found = client.status(name, include_inactive=True)
        if once:
            _show_once(client, found, json=json)
            return OK
        try:
            with _ended_by_signals() as ended:
                _follow(client, found, ended, json=json)
        except KeyboardInterrupt:
            return OK
    return OK


def _show_once(client: "ServiceClient", found: "SessionStatus", *, json: bool) -> None:
    from coordination.cli.attention import attention  # noqa: PLC0415 - `coord --help` is quick without it
    from coordination.cli.live_page import known_tasks, last_events  # noqa: PLC0415 - as above
    from coordination.cli.page import page  # noqa: PLC0415 - as above
    from coordination.cli.page_section import Snapshot  # noqa: PLC0415 - as above

    events, health = last_events(client, found, SHOWN_EVENTS), ask_health(client)
    if json:
        show(found, health, everybody=False, json=True, events=events)
        return
    concerns = tuple(attention(found, health, place.coord))
    snapshot = Snapshot(found, concerns, known_tasks(client, found), events)
    print_lines(page(snapshot, console().width if sys.stdout.isatty() else WHOLE))


def _follow(client: "ServiceClient", found: "SessionStatus", ended: Event, *, json: bool) -> None:
    screen = console()
    draws = sys.stdout.isatty() and screen.is_terminal and not screen.is_dumb_terminal
    if json or not draws:
        _stream(client, found, _json_line if json else _text_line, ended)
        return
    from coordination.cli.live_page import LivePage  # noqa: PLC0415 - `coord --help` is quick without it

    LivePage(client, found).run(screen, ended)


@contextmanager
def _ended_by_signals() -> Generator[Event]:
    """Take SIGTERM like Ctrl-C, so that the terminal is left as it was.

    The interrupt is lost when it meets a finalizer, which cannot raise; so it is remembered, and seen after the
    question that is being asked.
    """
    ended = Event()

    def end(_number: int, _frame: object) -> None:
        ended.set()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stream(
    client: "ServiceClient", found: "SessionStatus", line: "Callable[[SessionEvent], str]", ended: Event
) -> None:
    """Print every event from now on, until it is ended."""
    from coordination.client.event_stream import (  # noqa: PLC0415 - `coord --help` is quick without it
        Current,
        Gone,
        Interrupted,
        follow,
    )

    lost = False
    for news in follow(client, found.session, after=int(found.totals["last_event"])):
        if ended.is_set():
            return
        if isinstance(news, Interrupted):
            if not lost:
                tell(
                    f"{news.error.message} Events are missing from here on; they follow when it answers again."
                )
            lost = True
        elif isinstance(news, Current):
            if lost:
                tell("It answers again.")
            lost = False
        elif isinstance(news, Gone):
            tell(f"The events up to number {news.up_to} are not kept any more.")
        else:
            say(line(news))


def _json_line(event: "SessionEvent") -> str:
    return as_json_text(as_json(event))


def _text_line(event: "SessionEvent") -> str:
    from coordination.cli.event_line import event_line  # noqa: PLC0415 - `coord --help` is quick without it

    return event_line(event)
