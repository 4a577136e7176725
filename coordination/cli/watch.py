"""`coord watch`: a session as it changes, on a terminal as a picture, elsewhere as one line for each event.

It asks for events and waits in the question; whenever one came, and every few seconds because presence has no
events, it reads the status again. When the service goes away the picture stays, with a line above it that says since
when it is old, and comes back by itself.
"""

import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from coordination.cli import place
from coordination.cli.output import OK, Json, as_json_text, console, say, tell
from coordination.cli.reach import SessionName, resolve, service
from coordination.cli.status import as_json, ask_health, show

if TYPE_CHECKING:
    from rich.console import RenderableType

    from coordination.client.service import ServiceClient
    from coordination.domain.event import Event as SessionEvent
    from coordination.domain.session import SessionStatus
    from coordination.wire.rest import EventPage

WAIT_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 1.0
SHOWN_EVENTS: Final = 6
KEYS: Final = "Ctrl-C ends."
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
        bool, Parameter(negative="", show_default=False, help="Show it once, with the last events, and end.")
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
            last = _last_events(client, found).events
            show(found, ask_health(client), everybody=False, json=json, events=last)
            return OK
        try:
            with _ended_by_signals() as ended:
                if sys.stdout.isatty() and not json:
                    _Screen(client, found).run(ended)
                else:
                    _stream(client, found, _json_line if json else _text_line, ended)
        except KeyboardInterrupt:
            return OK
    return OK


def _last_events(client: "ServiceClient", found: "SessionStatus") -> "EventPage":
    return client.events(found.session, max(0, int(found.totals["last_event"]) - SHOWN_EVENTS))


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
    from coordination.client.errors import (  # noqa: PLC0415 - `coord --help` is quick without it
        ServiceUnavailable,
        ServiceUnreachable,
    )

    after, lost = int(found.totals["last_event"]), False
    while not ended.is_set():
        try:
            page = client.events(found.session, after, wait_seconds=WAIT_SECONDS)
        except (ServiceUnreachable, ServiceUnavailable) as error:
            if not lost:
                tell(f"{error.message} Events are missing from here on; they follow when it answers again.")
            lost = True
            time.sleep(RETRY_SECONDS)
            continue
        if lost:
            tell("It answers again.")
        after, lost = page.next_after, False
        for event in page.events:
            say(line(event))


def _json_line(event: "SessionEvent") -> str:
    return as_json_text(as_json(event))


def _text_line(event: "SessionEvent") -> str:
    from coordination.cli.event_line import event_line  # noqa: PLC0415 - `coord --help` is quick without it

    return event_line(event)


class _Screen:
    """The picture on a terminal: what was read last, and how old it is."""

    def __init__(self, client: "ServiceClient", found: "SessionStatus") -> None:
        self._client = client
        self._found = found
        self._health: dict[str, Any] | None = ask_health(client)
        self._read_at = time.monotonic()
        self._trouble = ""
        page = _last_events(client, found)
        self._events: deque[SessionEvent] = deque(page.events, maxlen=SHOWN_EVENTS)
        self._after = page.next_after

    def __rich__(self) -> "RenderableType":
        """Draw it as it is at this moment."""
        from rich.console import Group  # noqa: PLC0415 - `coord --help` is quick without it
        from rich.text import Text  # noqa: PLC0415 - as above

        from coordination.cli.attention import attention  # noqa: PLC0415 - as above
        from coordination.cli.duration import briefly  # noqa: PLC0415 - as above
        from coordination.cli.event_line import told  # noqa: PLC0415 - as above
        from coordination.cli.picture import picture  # noqa: PLC0415 - as above

        passed = time.monotonic() - self._read_at
        lines: list[Text] = []
        if self._trouble:
            lines.append(Text(self._trouble, style="bold red"))
            lines.append(Text(f"What follows is {briefly(passed)} old and may be wrong.", style="red"))
            lines.append(Text())
        concerns = attention(self._found, self._health, place.coord)
        lines += picture(self._found, concerns, place.coord, passed=passed)
        lines += [Text(), *told(self._events)]
        lines.append(Text(KEYS, style="dim"))
        return Group(*lines)

    def run(self, ended: Event) -> None:
        """Draw and read in turn, until Ctrl-C."""
        from rich.live import Live  # noqa: PLC0415 - `coord --help` is quick without it

        with Live(self, console=console(), screen=True, refresh_per_second=2) as live:
            while not ended.is_set():
                self._read()
                live.refresh()

    def _read(self) -> None:
        from coordination.client.errors import (  # noqa: PLC0415 - `coord --help` is quick without it
            ServiceUnavailable,
            ServiceUnreachable,
        )

        name = self._found.session
        try:
            wait = 0.0 if self._trouble else WAIT_SECONDS
            page = self._client.events(name, self._after, wait_seconds=wait)
            found = self._client.status(name, include_inactive=True)
        except (ServiceUnreachable, ServiceUnavailable) as error:
            self._trouble = error.message
            time.sleep(RETRY_SECONDS)
            return
        self._health = ask_health(self._client)
        self._events.extend(page.events)
        self._found, self._read_at, self._after, self._trouble = found, time.monotonic(), page.next_after, ""
