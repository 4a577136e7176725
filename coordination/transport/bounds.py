"""What one connection, and all of them together, may cost before any request has begun.

uvicorn bounds neither the size of a request's head nor the time in which it arrives, so a client could fill the memory
with a header that never ends, or hold connections for ever by sending nothing or a byte now and then. Bodies are
bounded in `transport.exchange`; what belongs to neither, such as trailers after a chunked body, counts as a head and is
ignored. What is refused here is a problem like everywhere else, and the connection is closed; while the answer to
another request is due, it is closed without a word, which would be taken for that answer.

A client that does not take its answer is cut after a while (`transport.stall`).

One other protocol is spoken here, WebSocket at one path, to which a complete handshake leads
(`transport.web_socket_protocol`). Any other wish to change the protocol is ignored (RFC 9110, section 7.8). The parser
of uvicorn leaves the body of such a request out; so its head is parsed once more without the wish, by a parser that
knows nothing of it.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Final

import httptools
import structlog

from coordination.transport.buckets import address_key
from coordination.transport.one_write import OneWriteProtocol
from coordination.transport.problem import ProblemResponse, as_bytes, problem
from coordination.transport.stall import LAST_SECONDS, Stall
from coordination.transport.web_socket_protocol import PATH, wish

HEAD_MAX: Final = 64 * 1024
"""Bytes of a request's URL and headers."""
HEAD_SECONDS: Final = 10.0
MOST_CONNECTIONS: Final = 800
"""Of one process; the files that a process may have open are mostly 1,024."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Door:
    """How connections are let in beside what bounds all of them.

    Attributes:
        most_of_address: how many connections one address may have; None for any number.
        proxies: networks whose connections are those of many, so that none of that is theirs.
        on_refused: called with the code of everything that is refused here.
    """

    most_of_address: int | None = None
    proxies: tuple[Network, ...] = ()
    on_refused: Callable[[str], None] = field(default=lambda _: None)

    def is_full(self, host: str, connections: Iterable[object]) -> bool:
        """Whether `connections`, among them the newest one, are too many of the address `host`."""
        if self.most_of_address is None or self._is_proxy(host):
            return False
        key = address_key(host)
        own = sum(address_key(_host_of(connection)) == key for connection in connections)
        return own > self.most_of_address

    def _is_proxy(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.proxies)


class BoundedProtocol(OneWriteProtocol):
    """An HTTP protocol for uvicorn that bounds heads and connections.

    Attributes:
        door: how connections are let in.
        web_socket_path: where a WebSocket may be opened.
    """

    door: ClassVar[Door] = Door()
    web_socket_path: ClassVar[str] = PATH

    _stall: Stall
    _becomes_web_socket = False
    _in_head = False
    _in_body = False
    _body_came = False
    _arrived = 0
    _counted = 0
    _head_timer: asyncio.TimerHandle | None = None
    _head_again: bytes | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  as in uvicorn
        """Begin to serve a connection, unless there are too many."""
        super().connection_made(transport)
        self._stall = Stall(self.transport, self.loop, self._on_stalled)
        if len(self.connections) > MOST_CONNECTIONS:
            detail = f"This service has {MOST_CONNECTIONS} connections already. Close some."
            self._refuse(problem(503, "too_many_connections", detail))
            return
        if self.door.is_full(_host_of(self), self.connections):
            detail = f"Your address has {self.door.most_of_address} connections already. Close some."
            self._refuse(problem(429, "too_many_connections", detail, headers={"retry-after": "1"}))
            return
        # uvicorn itself waits for the first request for ever.
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        self._stall.end()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The connection is full."""
        super().pause_writing()
        self._stall.begin()

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._stall.end()

    def shutdown(self) -> None:
        """The service stops."""
        super().shutdown()
        self._stall.begin(LAST_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, as long as what is no body stays within its bounds."""
        if self.transport.is_closing():
            return
        self._arrived, self._body_came = len(data), False
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        if self.transport.is_closing() or not (self._in_head or self._in_body):
            return
        self._counted = 0 if self._body_came else self._counted + len(data)
        if self._counted > HEAD_MAX:
            self._refuse(_too_large())
        elif self._in_head and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._on_late_head)

    def on_message_begin(self) -> None:
        """The first byte of a request was read."""
        self._in_head, self._counted = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head was read as a whole."""
        self._in_head, self._in_body = False, True
        self._stop_timer()
        # Added up only where it can matter.
        if self._counted + self._arrived > HEAD_MAX and self._head_size() > HEAD_MAX:
            self._refuse(_too_large())
            raise ValueError("the head is too large")
        self._counted = 0
        if self._wants_upgrade():
            self._judge_upgrade()
            return
        super().on_headers_complete()
        self.headers = []  # what follows are trailers, which are no headers

    def on_body(self, body: bytes) -> None:
        """A part of the body was read."""
        self._body_came = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request was read as a whole."""
        self._in_body = False
        if self._head_again is None and not self._becomes_web_socket:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        if not self.transport.is_closing():
            self._refuse(problem(400, "malformed_request", msg))

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                if self._becomes_web_socket:
                    self._hand_over(data[upgrade.args[0] :])
                    return
                if self._head_again is None:
                    return  # a CONNECT, which is answered like any other method that is not there
                data = self._head_again + data[upgrade.args[0] :]
                self._head_again = None
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as in uvicorn

    def _wants_upgrade(self) -> bool:
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _should_upgrade(self) -> bool:
        return self._becomes_web_socket

    def _judge_upgrade(self) -> None:
        judged = "ignored"
        if self.ws_protocol_class is not None and self._is_at_web_socket() and not self._is_answering():
            judged = wish(self._head(self.headers))
        if judged == "too_large":
            self._refuse(_too_large())
            raise ValueError("the head is too large")
        if judged == "granted":
            self._becomes_web_socket = True
            super().on_headers_complete()
        else:
            self._head_again = self._head([field for field in self.headers if field[0] != b"upgrade"])

    def _is_at_web_socket(self) -> bool:
        return self.url.partition(b"?")[0].endswith(self.web_socket_path.encode())

    def _hand_over(self, rest: bytes) -> None:
        """Give the connection to the WebSocket protocol, with the head that was read."""
        self._stop_timer()
        self._unset_keepalive_if_required()
        self._stall.end()
        if rest:
            self.send_400_response("Nothing may be sent before the handshake of a WebSocket was answered.")
        else:
            self.handle_websocket_upgrade()

    def _head(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in headers]
        return b"\r\n".join([*lines, b"", b""])

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _on_late_head(self) -> None:
        self._head_timer = None
        if self._is_answering():
            # The answer to the request before is on its way, and must not be mixed with ours.
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._on_late_head)
        else:
            detail = f"The head of the request must arrive within {HEAD_SECONDS:g} seconds."
            self._refuse(problem(408, "head_timeout", detail))

    def _on_stalled(self) -> None:
        if not self.transport.is_closing():
            _log.info("slow_reader_cut", over="http", unsent_bytes=self.transport.get_write_buffer_size())
        self.transport.abort()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]  it is None before the first request

    def _may_answer(self) -> bool:
        if not self._is_answering():
            return True
        # The answer that is due belongs to the request that is being read, not to one before it.
        return self._in_body and not self.pipeline and not self.cycle.response_started

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, answer: ProblemResponse) -> None:
        self.door.on_refused(answer.code)
        self._stop_timer()
        self._unset_keepalive_if_required()
        if self._may_answer():
            self.transport.write(as_bytes(answer))
        self.transport.close()


def _host_of(connection: object) -> str:
    client: tuple[str, int] | None = getattr(connection, "client", None)
    return client[0] if client else ""


def _too_large() -> ProblemResponse:
    return problem(431, "head_too_large", f"URL and headers may have at most {HEAD_MAX} bytes together.")
