"""Following the events of a session: each one once, in order, for as long as the caller likes.

The service's stream of events breaks when the service stops, when the network does, or when its reader is slow and is
cut. Events have dense numbers, so the number of the last one says where to go on, and what comes next must bear the
number after it: an event that was seen already is left out, and a stream that leaves one out is broken off and asked
for again. A stream on which nothing comes, not even the heartbeat that is due every fifteen seconds, is dead.

The caller is told of every break and of its end, because until then nobody knows what happens in the session. It comes
back for ever, since only the caller knows how long that makes sense; what the service refuses ends it.
"""

from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from socket import SHUT_RDWR, socket
from threading import Event as Flag
from typing import Final, TypeAlias

from pydantic import TypeAdapter, ValidationError

from coordination.client.errors import (
    ClientError,
    RequestRefused,
    ServiceUnavailable,
    ServiceUnreachable,
)
from coordination.client.refusal import not_ours
from coordination.client.retry import Patience
from coordination.client.server_sent_events import Block, blocks
from coordination.client.service import ServiceClient
from coordination.domain import cursor
from coordination.domain.errors import InvalidInput
from coordination.domain.event import Event
from coordination.wire.event_stream import REMOVED, Removed

SILENT_SECONDS: Final = 35.0
"""Two heartbeats of the service and the time that its database may take to answer."""
MEDIA_TYPE: Final = "text/event-stream"
HEARTBEAT: Final = "heartbeat"
UNKNOWN: Final = "unknown"
"""How the service begins to say that it cannot look for events now."""
DELETED: Final = "end: a session was deleted"

_EVENT: Final = TypeAdapter(Event)


@dataclass(frozen=True, slots=True)
class Current:
    """At this moment nothing is missing up to number `after`, and what happens next will follow."""

    after: int


@dataclass(frozen=True, slots=True)
class Gone:
    """The events up to number `up_to` were removed after their time, and the caller has not had all of them."""

    up_to: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Nobody knows what happens until the next `Current`; it is tried again. `error` says why."""

    error: ClientError


News: TypeAlias = Event | Current | Gone | Interrupted


def follow(
    client: ServiceClient,
    session: str,
    *,
    after: int | None = None,
    patience: Patience | None = None,
    silent_seconds: float = SILENT_SECONDS,
) -> Generator[News]:
    """Follow a session; closing the generator ends the stream.

    Args:
        client: the service.
        session: its id.
        after: the number of the last event that the caller has, 0 for none; None begins with what comes now.
        patience: how to pause between two attempts.
        silent_seconds: for how long nothing at all may come before the connection counts as dead.

    Yields:
        `Current` first, and then while nothing happens every fifteen seconds; each event once and in order;
        `Interrupted` for every attempt that failed or broke, and `Current` before the events go on; `Gone` in the place
        of events that are not kept any more.

    Raises:
        RequestRefused: there is no such session (any more), it has fewer events than the caller says, or what answers
            is no service of this version.
    """
    return Follower(client, session, after=after, patience=patience, silent_seconds=silent_seconds).run()


class Follower:
    """Follows a session like `follow`, in a thread that another one can stop.

    Args: as of `follow`; without `patience` a pause ends when it is stopped.
    """

    def __init__(
        self,
        client: ServiceClient,
        session: str,
        *,
        after: int | None = None,
        patience: Patience | None = None,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        self._client = client
        self._session = session
        self._after = after
        self._stopped = Flag()
        self._patience = patience or Patience(pause=self._stopped.wait)
        self._silent_seconds = silent_seconds
        self._connection: socket | None = None
        self._current = False
        self._failures = 0

    def stop(self) -> None:
        """End it, from any thread: it yields nothing more, and does not wait for what is on its way."""
        self._stopped.set()
        connection = self._connection
        if connection is not None:
            # Closing would not wake whoever reads from it; it may be gone already.
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)

    def run(self) -> Generator[News]:
        """Yield what `follow` does."""
        while not self._stopped.is_set():
            try:
                yield from self._stream()
                error: ClientError = ServiceUnreachable(
                    f"The service at {self._client.url} ended the stream of events."
                )
            except (ServiceUnreachable, ServiceUnavailable) as caught:
                error = caught
            if self._stopped.is_set():
                return
            self._current = False
            self._failures += 1
            yield Interrupted(error)
            self._patience.wait(self._failures)

    def _stream(self) -> Iterator[News]:
        """Read one stream to its end."""
        wanted = {"session": self._session}
        # What was seen goes into the header, as browsers do it.
        seen = {} if self._after is None else {"last-event-id": cursor.written({self._session: self._after})}
        with self._client.channel.stream(
            "/events", wanted, seen, silent_seconds=self._silent_seconds
        ) as response:
            if not response.headers.get("content-type", "").startswith(MEDIA_TYPE):
                raise not_ours(self._client.url)
            self._connection = response.extensions["network_stream"].get_extra_info("socket")
            for block in blocks(response.iter_bytes()):
                if self._stopped.is_set():
                    return
                yield from self._read(block)

    def _read(self, block: Block) -> Iterator[News]:
        for comment in block.comments:
            if comment == DELETED:
                raise RequestRefused(
                    f"The session {self._session} was deleted.", next_call="coord sessions", code="not_found"
                )
            if comment.startswith(UNKNOWN):
                self._current = False
                yield Interrupted(
                    ServiceUnavailable("The service cannot read events now; its database does not answer.")
                )
                return
        if block.name == REMOVED:
            yield self._gone(block)
        elif block.data is not None:
            yield from self._event(block)
        elif block.id is not None or HEARTBEAT in block.comments:
            yield from self._sign_of_life(block)

    def _sign_of_life(self, block: Block) -> Iterator[News]:
        if self._after is None:
            self._after = self._begin(block)
        elif block.id is None:
            # The service looked before this heartbeat, so it serves. Its first words alone do not show that.
            self._failures = 0
        self._current = True
        yield Current(self._after)

    def _gone(self, block: Block) -> Gone:
        try:
            removed = Removed.model_validate_json(block.data or "")
        except ValidationError as error:
            raise not_ours(self._client.url) from error
        self._after = removed.up_to
        return Gone(removed.up_to)

    def _event(self, block: Block) -> Iterator[News]:
        try:
            event = _EVENT.validate_json(block.data or "")
        except ValidationError as error:
            raise not_ours(self._client.url) from error
        if self._after is not None and event.seq <= self._after:
            return
        if self._after is None or event.seq > self._after + 1:
            raise ServiceUnreachable(
                f"The service at {self._client.url} left out events before number {event.seq}."
            )
        if not self._current:
            self._current = True
            yield Current(self._after)
        self._after, self._failures = event.seq, 0
        yield event

    def _begin(self, block: Block) -> int:
        """Return the number after which the stream begins, which its first lines say."""
        try:
            return cursor.parse(block.id or "", [self._session])[self._session]
        except (InvalidInput, KeyError) as error:
            raise not_ours(self._client.url) from error
