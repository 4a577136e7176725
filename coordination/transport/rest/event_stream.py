"""The stream of events over HTTP: Server-Sent Events, which every browser and many clients read and resume.

The format is https://html.spec.whatwg.org/multipage/server-sent-events.html. Everything that can be refused is refused
before the stream begins. Then each event has its kind, its JSON as the page of events gives it, and as `id` the cursor
of the whole stream with the event's own session first; a client that comes back with it (`Last-Event-ID`) goes on where
it was. The first lines carry such an id without an event, so that even a client that had none goes on without a gap. A
page is read from the database when the connection has taken the one before; a client that takes nothing is cut by
`transport.bounds`.
"""

from collections.abc import AsyncGenerator, Iterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.responses import StreamingResponse

from coordination.domain import cursor
from coordination.domain.errors import RetryLater, UnknownItem
from coordination.domain.event import Event
from coordination.services.core import Core
from coordination.services.event_stream import MOST_SESSIONS, EventStream, StreamPage, open_stream
from coordination.transport.rest.description import STREAM
from coordination.transport.rest.parameters import SESSION_MAX, Allowed, possible_session
from coordination.wire.event_stream import REMOVED, Removed

HEARTBEAT_SECONDS: Final = 15.0
RETRY_MILLISECONDS: Final = 2000
"""How long a client waits before it comes back, as it is told at the beginning and at the end."""
AWAY_SECONDS: Final = 1.0
HEARTBEAT: Final = format_sse_event(comment="heartbeat")
UNKNOWN: Final = format_sse_event(comment="unknown: the database cannot answer; events may be missing here")
DELETED: Final = format_sse_event(comment="end: a session was deleted")
STOPPING: Final = format_sse_event(
    comment="end: the service stops; come back with the last id", retry=RETRY_MILLISECONDS
)
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
_EVENT: Final = TypeAdapter(Event)
# A character of a session takes up to twelve in a cursor.
_LONGEST: Final = MOST_SESSIONS * (12 * SESSION_MAX + 21)


class StreamQuery(BaseModel):
    """Which events: those of `session`, one or several, after the cursor `after`."""

    model_config = ConfigDict(extra="forbid")

    session: Annotated[
        list[str], Field(min_length=1, max_length=MOST_SESSIONS, description="The sessions, by id.")
    ]
    after: Annotated[
        Annotated[str, Field(min_length=1, max_length=_LONGEST)] | None,
        Field(description="The `id` of the last event that you have; `0` begins with the first event."),
    ] = None


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the route to `router`."""

    async def opened(principal: Allowed) -> AsyncGenerator[EventStream]:
        with open_stream(core, principal.workspace) as stream:
            yield stream

    @router.get(
        "/events",
        summary="Follow what happens, as Server-Sent Events",
        response_class=StreamingResponse,
        responses=STREAM,
    )
    async def follow_events(  # pyright: ignore[reportUnusedFunction]  the router keeps it
        principal: Allowed,
        stream: Annotated[EventStream, Depends(opened)],
        query: Annotated[StreamQuery, Query()],
        last_event_id: Annotated[
            str | None,
            Header(
                max_length=_LONGEST,
                description="Says the same as `after` and counts more: a browser sends it.",
            ),
        ] = None,
    ) -> StreamingResponse:
        """The stream stays open. It goes on after `Last-Event-ID` or `after`; without both, with what comes now."""
        for session in query.session:
            principal.require_session(session)
        sessions = [possible_session(session) for session in query.session]
        # A browser that comes back asks for the same URL, so what it has seen since counts more.
        text = last_event_id or query.after
        after = {} if text is None else cursor.parse(text, sessions)
        for session in dict.fromkeys(sessions):
            await stream.follow(session, after.get(session))
        return StreamingResponse(_lines(stream), headers=_HEADERS, media_type="text/event-stream")


async def _lines(stream: EventStream) -> AsyncGenerator[bytes]:
    """The stream, a page or a sign of life at a time, to its end."""
    yield format_sse_event(id=cursor.written(stream.cursor), retry=RETRY_MILLISECONDS)
    while not stream.stopping:
        try:
            if page := await _page(stream):
                yield page
            elif not await stream.wait(HEARTBEAT_SECONDS):
                await stream.check()
                yield HEARTBEAT
        except RetryLater:
            yield UNKNOWN
            await stream.wait(AWAY_SECONDS)
        except UnknownItem:
            yield DELETED
            return
    yield STOPPING


async def _page(stream: EventStream) -> bytes:
    """Read the next page, as it is sent: while a client does not take it, nothing else of it is kept."""
    page = await stream.read()
    return b"" if page is None else b"".join(_written(stream, page))


def _written(stream: EventStream, page: StreamPage) -> Iterator[bytes]:
    stands, session = dict(stream.cursor), page.session
    if page.removed_up_to is not None:
        stands[session] = page.removed_up_to
        yield format_sse_event(
            id=cursor.written(stands, session),
            event=REMOVED,
            data_str=Removed(session=session, up_to=page.removed_up_to).model_dump_json(),
        )
    for event in page.events:
        stands[session] = event.seq
        yield format_sse_event(
            id=cursor.written(stands, session),
            event=event.kind,
            data_str=_EVENT.dump_json(event).decode(),
        )
