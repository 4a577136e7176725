"""The stream of events over a WebSocket, at `/ws`: sessions are added and taken away while it is open.

It says the same as Server-Sent Events do (`transport.rest.event_stream`), from the same stream. One loop reads, sends
and answers, so after the answer to `unsubscribe` no event of that session comes, and while a client does not take what
it is sent, nothing is read for it and nothing it sends is answered. Size, pings and slow readers are bounded below
(`transport.web_socket_protocol`), and what may be refused by Host, Origin or token is refused before.
"""

import asyncio
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from coordination.domain.errors import CoordinationError, Forbidden, InvalidInput, RetryLater, UnknownItem
from coordination.domain.principal import Principal
from coordination.services.core import Core
from coordination.services.event_stream import EventStream, open_stream
from coordination.transport.problem import POLICY_VIOLATION, problem, problem_of, refuse
from coordination.transport.rest.explanation import explain
from coordination.transport.rest.parameters import SESSION_MAX, possible_session, reader
from coordination.transport.security import tell_forbidden
from coordination.transport.web_socket_protocol import PATH
from coordination.wire.event_stream import (
    ClientMessage,
    ErrorMessage,
    EventMessage,
    Refusal,
    Removed,
    RemovedMessage,
    Subscribe,
    Subscribed,
    SubscribedMessage,
    Unsubscribed,
    UnsubscribedMessage,
)

CHECK_SECONDS: Final = 15.0
MISTAKES_MAX: Final = 20
"""After so many messages that are none, the client is taken for broken."""
NOT_SUPPORTED: Final = 1003
SERVICE_RESTART: Final = 1012
TRY_AGAIN_LATER: Final = 1013


def router(core: Core) -> APIRouter:
    """Build the router on the shared parts of the use cases; it belongs at the root."""
    routes = APIRouter()

    @routes.websocket(PATH)
    async def follow(socket: WebSocket) -> None:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        try:
            principal = reader(socket)
            with open_stream(core, principal.workspace) as stream:
                await socket.accept()
                await _Conversation(socket, stream, principal).run()
        except (Forbidden, RetryLater) as error:
            if isinstance(error, Forbidden):
                tell_forbidden(socket.scope, error)
            await refuse(problem_of(error), socket.scope, socket.receive, socket.send)
        except WebSocketDisconnect:
            return

    @routes.get(PATH, include_in_schema=False)
    async def explain_upgrade() -> Response:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        detail = "This is a WebSocket. Connect with a complete handshake of version 13 (RFC 6455)."
        headers = {"upgrade": "websocket", "sec-websocket-version": "13"}
        return problem(426, "upgrade_required", detail, headers=headers)

    return routes


class _Closed(Exception):
    """The conversation is over, with a close code and its reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Conversation:
    """One client, from the handshake to the end."""

    def __init__(self, socket: WebSocket, stream: EventStream, principal: Principal) -> None:
        self._principal = principal
        self._socket = socket
        self._stream = stream
        self._mistakes = 0

    async def run(self) -> None:
        """Send and answer until one side ends it.

        Raises:
            WebSocketDisconnect: the client went away.
        """
        receiving = self._receive()
        try:
            while True:
                if self._stream.stopping:
                    raise _Closed(SERVICE_RESTART, "the service stops")
                idle = not await self._send_page()
                if receiving.done():
                    await self._answer(receiving.result())
                    receiving = self._receive()
                elif idle and not await self._stream.wait(CHECK_SECONDS):
                    await self._check()
        except _Closed as end:
            await self._socket.close(end.code, end.reason)
        finally:
            receiving.cancel()

    def _receive(self) -> asyncio.Task[Message]:
        receiving = asyncio.create_task(self._socket.receive())
        receiving.add_done_callback(lambda _: self._stream.nudge())
        return receiving

    async def _send_page(self) -> bool:
        try:
            messages = await self._read_page()
        except UnknownItem as error:
            await self._refuse(error, str(error.details["session"]))
            return True
        except RetryLater as error:
            await self._refuse(error)
            raise _Closed(TRY_AGAIN_LATER, error.code) from None
        for message in messages:
            await self._socket.send_text(message)
        return bool(messages)

    async def _read_page(self) -> list[str]:
        """Read the next page, as it is sent: while the client does not take it, nothing else of it is kept."""
        page = await self._stream.read()
        if page is None:
            return []
        gone = [] if page.removed_up_to is None else [Removed(session=page.session, up_to=page.removed_up_to)]
        return [
            *(RemovedMessage(removed=removed).model_dump_json() for removed in gone),
            *(EventMessage(session=page.session, event=event).model_dump_json() for event in page.events),
        ]

    async def _check(self) -> None:
        try:
            await self._stream.check()
        except UnknownItem as error:
            await self._refuse(error, str(error.details["session"]))
        except RetryLater as error:
            await self._refuse(error)
            raise _Closed(TRY_AGAIN_LATER, error.code) from None

    async def _answer(self, received: Message) -> None:
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1006))
        text = received.get("text")
        if text is None:
            raise _Closed(NOT_SUPPORTED, "messages are text")
        try:
            message = ClientMessage.model_validate_json(text)
        except ValidationError as error:
            found = [{**one, "loc": ("message", *one["loc"])} for one in error.errors()]
            await self._count(InvalidInput(explain(found, "message")))
            return
        if message.subscribe is not None:
            await self._subscribe(message.subscribe)
        if message.unsubscribe is not None:
            await self._unsubscribe(message.unsubscribe.session)

    async def _subscribe(self, wanted: Subscribe) -> None:
        try:
            self._principal.require_session(wanted.session)
            after = await self._stream.follow(possible_session(wanted.session), wanted.after)
        except RetryLater as error:
            await self._refuse(error, wanted.session)
        except CoordinationError as error:
            if isinstance(error, Forbidden):
                tell_forbidden(self._socket.scope, error)
            await self._count(error, wanted.session)
        else:
            await self._send(SubscribedMessage(subscribed=Subscribed(session=wanted.session, after=after)))

    async def _unsubscribe(self, session: str) -> None:
        if self._stream.leave(session):
            await self._send(UnsubscribedMessage(unsubscribed=Unsubscribed(session=session)))
        else:
            await self._count(InvalidInput("You do not follow that session."), session)

    async def _count(self, error: CoordinationError, session: str | None = None) -> None:
        """Refuse what the client should not have sent; too often is the end."""
        self._mistakes += 1
        await self._refuse(error, session)
        if self._mistakes >= MISTAKES_MAX:
            raise _Closed(POLICY_VIOLATION, f"{MISTAKES_MAX} messages were refused")

    async def _refuse(self, error: CoordinationError, session: str | None = None) -> None:
        refusal = Refusal(
            code=error.code,
            message=error.message,
            next_call=error.next_call or None,
            session=session and session[:SESSION_MAX],
        )
        await self._socket.send_text(ErrorMessage(error=refusal).model_dump_json(exclude_none=True))

    async def _send(self, message: BaseModel) -> None:
        await self._socket.send_text(message.model_dump_json())
