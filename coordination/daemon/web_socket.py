"""The daemon's WebSocket, `/ws/daemon`: who may talk there, and how many at once.

A client shows the daemon's token in the head of the handshake. A page cannot send headers with it, so it sends the
token in its first message: `{"id": 0, "method": "authenticate", "params": {"token": "…"}}`; never in the URL. Host and
Origin were checked before. What is said then is in `conversation`; size, pings and slow readers are bounded below
(`transport.web_socket_protocol`).
"""

import asyncio
import secrets
from typing import Final

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from coordination.daemon.conversation import Closed, Conversation, Methods
from coordination.daemon.journal import Journal
from coordination.domain.errors import InvalidInput

PATH: Final = "/ws/daemon"
CLIENTS_MAX: Final = 50
FIRST_SECONDS: Final = 5.0
"""In which a client without the header must have sent the token."""
TRY_AGAIN_LATER: Final = 1013
UNAUTHORIZED: Final = 4001

_LET_IN: Final = "coordination.daemon.let_in"


def let_in(scope: Scope) -> None:
    """Note on the scope of a WebSocket that its client has shown the token."""
    scope[_LET_IN] = True


class DaemonSocket:
    """ASGI application for the WebSocket.

    Args:
        methods: what can be asked.
        journal: the daemon's events.
        token: what a client without the header has to send first.
        clients_max: how many clients there may be at once.
        first_seconds: how long that first message may take.
    """

    def __init__(
        self,
        methods: Methods,
        journal: Journal,
        token: str,
        *,
        clients_max: int = CLIENTS_MAX,
        first_seconds: float = FIRST_SECONDS,
    ) -> None:
        self._methods = methods
        self._journal = journal
        self._token = token
        self._clients_max = clients_max
        self._first_seconds = first_seconds
        self._clients = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client."""
        socket = WebSocket(scope, receive, send)
        self._clients += 1
        try:
            await socket.accept()
            try:
                await self._serve(socket, let_in=bool(scope.get(_LET_IN)))
            except Closed as end:
                await socket.close(end.code, end.reason)
        except WebSocketDisconnect:
            return
        finally:
            self._clients -= 1

    async def _serve(self, socket: WebSocket, *, let_in: bool) -> None:
        if self._clients > self._clients_max:
            raise Closed(TRY_AGAIN_LATER, f"{self._clients_max} clients are connected already")
        conversation = Conversation(socket, self._methods, self._journal)
        if not let_in:
            await self._ask_for_token(conversation)
        await conversation.run()

    async def _ask_for_token(self, conversation: Conversation) -> None:
        try:
            async with asyncio.timeout(self._first_seconds):
                first = await conversation.read()
        except TimeoutError:
            raise Closed(UNAUTHORIZED, f"no token came within {self._first_seconds:g} seconds") from None
        except InvalidInput:
            raise Closed(UNAUTHORIZED, "the first message must bring the token") from None
        given = first.params.get("token")
        good = isinstance(given, str) and secrets.compare_digest(given.encode(), self._token.encode())
        if first.method != "authenticate" or not good:
            raise Closed(UNAUTHORIZED, "the first message must bring the token")
        await conversation.answer(first.id, {})
