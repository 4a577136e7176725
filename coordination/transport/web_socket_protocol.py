"""A WebSocket connection within the bounds of every other one: uvicorn's, with what it leaves open.

It begins as an HTTP request (`transport.bounds`), so the peer was checked, the head was bounded in size and time, and
the connection counts among all connections. From then on messages are small, a client that does not answer a ping is
gone, and one that does not read is told so and cut. What uvicorn would log as a failure (a handshake that is refused,
text that is not UTF-8, a message sent after the end) is none here: the client is at fault, or went away. What messages
mean is not known here.
"""

import asyncio
import logging
from typing import Any, Final, Literal

import structlog
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import SecurityError
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from coordination.transport.stall import LAST_SECONDS, Stall

PATH: Final = "/ws"
MESSAGE_MAX: Final = 16 * 1024
PING_SECONDS: Final = 20.0
NOT_TEXT: Final = 1007
TOO_SLOW: Final = 4008
TOO_SLOW_CODE: Final = "too_slow"
TOO_SLOW_MESSAGE: Final = (
    "You did not read what was sent. Connect again, and go on after the last event that you have."
)
_TOLD: Final = b'{"error":{"code":"%s","message":"%s"}}' % (TOO_SLOW_CODE.encode(), TOO_SLOW_MESSAGE.encode())
_log: Final = structlog.stdlib.get_logger(__name__)


def wish(head: bytes) -> Literal["granted", "ignored", "too_large"]:
    """Judge the head of a request that wishes to become a WebSocket.

    Returns:
        "granted" when it is a complete handshake (RFC 6455, section 4.2.1), "too_large" when it has more headers, or
        longer ones, than the WebSocket library reads, else "ignored": then it is a request like any other.
    """
    trial = ServerProtocol(logger=logging.getLogger("uvicorn.error"))
    trial.receive_data(head)
    requests = [event for event in trial.events_received() if isinstance(event, Request)]
    if not requests:
        met = trial.handshake_exc
        # Some releases of the library wrap what their parser says.
        beyond = isinstance(met, SecurityError) or isinstance(met and met.__cause__, SecurityError)
        return "too_large" if beyond else "ignored"
    return "granted" if trial.accept(requests[0]).status_code == 101 else "ignored"  # noqa: PLR2004 - Switching Protocols


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket protocol for uvicorn that bounds what one connection may cost."""

    _stall: Stall
    _cut = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection over from HTTP."""
        super().connection_made(transport)
        self._stall = Stall(self.transport, self.loop, self._on_stalled)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stall.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        if self.transport.is_closing() or self._cut:
            return
        if self.handshake_initiated and not self.handshake_complete:
            self.transport.close()  # nobody may send before the answer to the handshake
            return
        super().data_received(data)
        # Each ping is answered; who sends them and does not read the answers is not read any further.
        if not self.writable.is_set() and not self.transport.is_closing():
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        """The connection is full."""
        super().pause_writing()
        self._stall.begin()
        self.stop_keepalive()  # the answer to a ping could not be read
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        if self._cut or self.transport.is_closing():
            return
        self._stall.end()
        self.start_keepalive()
        if not self.read_paused:
            self.transport.resume_reading()

    def send_receive_event_to_app(self) -> None:
        """Pass a whole message on."""
        if self.curr_msg_data_type == "text" and not _is_utf8(b"".join(self.frames)):
            self.frames = []
            self.conn.fail(NOT_TEXT, "text must be UTF-8")
            self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    def keepalive_timeout(self) -> None:
        """A ping was not answered."""
        super().keepalive_timeout()
        self._end()

    def shutdown(self) -> None:
        """The service stops."""
        if not self.transport.is_closing() and (self.close_sent or self.conn.state is not State.CLOSING):
            super().shutdown()
        self._end()

    # Any: the messages of ASGI, passed on.
    async def send(self, message: Any) -> None:
        """Send a message, or say that there is nobody to send it to."""
        await self.writable.wait()
        if self._cut or self.transport.is_closing():
            raise ClientDisconnected
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = (
                True  # by a refusal; uvicorn takes it for an application that said nothing
            )

    def _on_stalled(self) -> None:
        """Tell a client that does not read, for the case that it begins to, and give it a last moment."""
        if self.transport.is_closing() or self._cut or self.conn.state is not State.OPEN:
            self.transport.abort()
            return
        self._cut = True
        _log.info("slow_reader_cut", over="websocket", unsent_bytes=self.transport.get_write_buffer_size())
        self.stop_keepalive()
        self.conn.send_text(_TOLD)
        self.conn.send_close(TOO_SLOW, TOO_SLOW_CODE)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": TOO_SLOW, "reason": TOO_SLOW_CODE})
        self.writable.set()  # whoever waits to send more learns that it is over
        self._end()

    def _end(self) -> None:
        self.transport.close()
        self._stall.begin(LAST_SECONDS)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


# Any: uvicorn's own options, by their names.
OPTIONS: Final[dict[str, Any]] = {
    "ws": BoundedWebSocket,
    "ws_max_size": MESSAGE_MAX,
    "ws_ping_interval": PING_SECONDS,
    "ws_ping_timeout": PING_SECONDS,
    # A short message could grow to any size.
    "ws_per_message_deflate": False,
}
"""What uvicorn is told of WebSockets."""
