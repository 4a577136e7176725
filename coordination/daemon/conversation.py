"""A client of the daemon's WebSocket: requests with ids are answered, and events sent as they happen.

`{"id": 1, "method": "status", "params": {}}` is answered by `{"id": 1, "result": …}` or `{"id": 1, "error": {"code": …,
"message": …}}`. What can be asked comes from a table; `subscribe` and `unsubscribe` are here. Several requests run at
once; no more are read while too many do, or while the client does not take what it is sent, so nothing piles up. After
the answer to `unsubscribe` no event comes. Who may talk at all is decided in `web_socket`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, cast

import orjson
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from coordination.daemon.journal import Journal, JournalEvent
from coordination.domain.errors import CoordinationError, InvalidInput, UnknownItem
from coordination.transport.mcp.errors import INTERNAL_CODE, structured
from coordination.transport.mcp.message import member
from coordination.transport.problem import POLICY_VIOLATION

RUNNING_MAX: Final = 16
"""Requests of one client that run at once."""
MISTAKES_MAX: Final = 20
"""After so many messages that are none, the client is taken for broken."""
NOT_SUPPORTED: Final = 1003

# Any, here and below: parameters and results, which are JSON.
Methods = Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]
"""What can be asked, by name; each is given the parameters, and returns JSON or raises a `CoordinationError`."""

_FORM: Final = (
    'Send {"id": 1, "method": "status", "params": {}}: an id that is text or a whole number, and a method.'
)
_FAILED: Final = "The daemon failed on this request and logged it. Whether it was done is not known."
_log: Final = structlog.stdlib.get_logger(__name__)


class Closed(Exception):
    """The conversation is over, with a close code and its reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Request:
    """One message that asks.

    Attributes:
        id: what the answer is known by.
        method: what is asked.
        params: its parameters.
    """

    __slots__ = ("id", "method", "params")

    def __init__(self, text: str) -> None:
        """Read a message.

        Raises:
            InvalidInput: it has another form.
        """
        try:
            message: object = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise InvalidInput(f"The message is no JSON. {_FORM}") from None
        number, method, params = (member(message, name) for name in ("id", "method", "params"))
        if isinstance(number, bool) or not isinstance(number, str | int) or not isinstance(method, str):
            raise InvalidInput(f"The message has another form. {_FORM}")
        if params is not None and not isinstance(params, dict):
            raise InvalidInput(f"params must be an object. {_FORM}")
        self.id = number
        self.method = method
        self.params = cast("dict[str, Any]", params or {})


class Conversation:
    """One client, from the handshake to the end.

    Args:
        socket: the connection, accepted.
        methods: what can be asked.
        journal: the daemon's events.
    """

    def __init__(self, socket: WebSocket, methods: Methods, journal: Journal) -> None:
        self._socket = socket
        self._methods = methods
        self._journal = journal
        self._places = asyncio.Semaphore(RUNNING_MAX)
        self._running: set[asyncio.Task[None]] = set()
        self._telling: asyncio.Task[None] | None = None
        self._mistakes = 0

    async def run(self) -> None:
        """Read, answer and tell until one side ends it.

        Raises:
            WebSocketDisconnect: the client went away.
            Closed: it is over.
        """
        try:
            while True:
                await self._places.acquire()
                task = asyncio.create_task(self._serve(await self._next()))
                self._running.add(task)
                task.add_done_callback(self._done)
        finally:
            await self._end()

    async def read(self) -> Request:
        """Return the next message, whatever its form.

        Raises:
            InvalidInput: it is no request.
            WebSocketDisconnect: the client went away.
            Closed: it is no text.
        """
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1006))
        text = received.get("text")
        if text is None:
            raise Closed(NOT_SUPPORTED, "messages are text")
        return Request(text)

    async def answer(self, number: str | int, result: object) -> None:
        """Send the result of a request."""
        await self._send({"id": number, "result": result})

    async def refuse(self, number: str | int | None, error: CoordinationError) -> None:
        """Send the refusal of a request; without an id, of what was none."""
        await self._send({"id": number, "error": structured(error.code, error.message, error.next_call)})

    async def _next(self) -> Request:
        """Return the next request; too many messages that are none are the end."""
        while True:
            try:
                return await self.read()
            except InvalidInput as error:
                self._mistakes += 1
                await self.refuse(None, error)
                if self._mistakes >= MISTAKES_MAX:
                    raise Closed(POLICY_VIOLATION, f"{MISTAKES_MAX} messages were refused") from None

    async def _serve(self, request: Request) -> None:
        # The client may go away meanwhile; whoever reads learns of it.
        with suppress(WebSocketDisconnect):
            try:
                await self._ask(request)
            except CoordinationError as error:
                await self.refuse(request.id, error)
            except WebSocketDisconnect:
                raise
            except Exception:
                _log.exception("daemon_request_failed")
                await self._send({"id": request.id, "error": structured(INTERNAL_CODE, _FAILED, "")})

    async def _ask(self, request: Request) -> None:
        match request.method:
            case "subscribe":
                await self._subscribe(request)
            case "unsubscribe":
                await self._stop_telling()
                await self.answer(request.id, {})
            case known if known in self._methods:
                await self.answer(request.id, await self._methods[known](request.params))
            case _:
                named = ", ".join(sorted([*self._methods, "subscribe", "unsubscribe"]))
                raise UnknownItem(f"There is no such method; there are {named}.")

    async def _subscribe(self, request: Request) -> None:
        """Begin to tell events, from the one after `after` on; from now on without it."""
        after, run = request.params.get("after"), request.params.get("run")
        if isinstance(after, bool) or not (after is None or (isinstance(after, int) and after >= 0)):
            raise InvalidInput("after must be the number of an event, 0 or more; leave it out to begin now.")
        await self._stop_telling()
        last = self._journal.last
        # Numbers of another start of the daemon mean nothing here: all that is kept is new to such a client.
        foreign = after is not None and (after > last or run not in {None, self._journal.run})
        begin = last if after is None else 0 if foreign else after
        await self.answer(request.id, {"after": begin, "run": self._journal.run})
        self._telling = asyncio.create_task(self._tell(begin, gone=foreign))

    async def _tell(self, after: int, *, gone: bool) -> None:
        with suppress(WebSocketDisconnect):
            if gone:
                await self._send({"removed": {"up_to": after}})
            while True:
                page = self._journal.read(after)
                if page.removed_up_to is not None:
                    after = page.removed_up_to
                    await self._send({"removed": {"up_to": after}})
                for event in page.events:
                    await self._send({"event": _as_json(event)})
                    after = event.seq
                await self._journal.wait(after)

    async def _stop_telling(self) -> None:
        telling, self._telling = self._telling, None
        if telling is not None:
            telling.cancel()
            await asyncio.wait([telling])

    async def _send(self, message: object) -> None:
        await self._socket.send_text(orjson.dumps(message).decode())

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._places.release()

    async def _end(self) -> None:
        await self._stop_telling()
        running = list(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)


def _as_json(event: JournalEvent) -> dict[str, object]:
    return {"seq": event.seq, "kind": event.kind, "at": event.at, "facts": dict(event.facts)}
