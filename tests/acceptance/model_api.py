"""A stand-in for the model: the Messages API on loopback, which says what the prompt's own script says.

It plays scripts (`script.py`), keeps a log of what terminals sent, and lets a test follow and steer:
`reached` waits until a named step is due, `open` opens the gate that a step waits at. It is also the proxy
that terminals are told to use for every address but loopback: it refuses, and remembers who was asked for.
It judges nothing and knows nothing of the service under test.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from tests.acceptance.script import Json, Reply, next_reply

PATIENCE_SECONDS = 120.0
"""How long a step waits at its gate and a test for a step; longer than anything that should happen."""


@dataclass(frozen=True)
class ModelRequest:
    """One request for a model's answer.

    Attributes:
        terminal: the `x-terminal` header, by which a test tells its terminals apart; '' without one.
        step: the name of the step that was due; '' for an unnamed step or a request without a script.
        scripted: whether the request carried a script; side requests (titles, summaries) do not.
        tools: the tools offered, as sent.
        system: the system prompt, as sent.
        messages: the conversation, as sent.
    """

    terminal: str
    step: str
    scripted: bool
    tools: list[Json] = field(repr=False)
    system: Any = field(repr=False)
    messages: list[Json] = field(repr=False)

    @property
    def tool_names(self) -> list[str]:
        """The names of the tools whose whole schema the model sees."""
        return [tool["name"] for tool in self.tools if not tool.get("defer_loading")]


class ModelApi:
    """The running stand-in; use it as a context manager. All methods may be called from any thread."""

    def __init__(self, log: Path) -> None:
        """Bind a free port on loopback; `log` gets one JSON object a line for every request."""
        self._log = log
        self._changed = threading.Condition()
        self._requests: list[ModelRequest] = []
        self._outside: list[str] = []
        self._open: set[str] = set()
        self._closing = False
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> ModelApi:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, let go of every step that still waits, and wait for the threads."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address for `ANTHROPIC_BASE_URL`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def outside(self) -> list[str]:
        """The addresses beyond loopback that somebody asked the proxy for."""
        with self._changed:
            return list(self._outside)

    def requests(self, terminal: str = "") -> list[ModelRequest]:
        """Return the scripted requests so far, in order of arrival; of one terminal where it is named."""
        with self._changed:
            return [r for r in self._requests if r.scripted and terminal in ("", r.terminal)]

    def reached(self, step: str, seconds: float = PATIENCE_SECONDS) -> ModelRequest:
        """Wait until the step of this name is due and return the request that asked for it.

        Raises:
            TimeoutError: nobody came to that step in time.
        """
        return self.reached_one_of(step, seconds=seconds)

    def reached_one_of(self, *steps: str, seconds: float = PATIENCE_SECONDS) -> ModelRequest:
        """Wait until one of the steps of these names is due and return the request that asked for it first.

        Raises:
            TimeoutError: nobody came to any of them in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._find(steps) is not None, seconds):
                seen = [f"{r.terminal}:{r.step}" for r in self._requests if r.scripted]
                wanted = " or ".join(repr(step) for step in steps)
                raise TimeoutError(f"no terminal reached the step {wanted} in {seconds} s; seen: {seen}")
            return cast("ModelRequest", self._find(steps))

    def open(self, gate: str) -> None:
        """Let every step pass that waits, or will wait, at the gate of this name."""
        with self._changed:
            self._open.add(gate)
            self._changed.notify_all()

    def answer(self, terminal: str, body: Json) -> Reply:
        """Log the request and return the reply, once its gate is open.

        Raises:
            TimeoutError: the gate was not opened in time.
        """
        reply = next_reply(body["messages"])
        request = ModelRequest(
            terminal=terminal,
            step=reply.name if reply else "",
            scripted=reply is not None,
            tools=body.get("tools", []),
            system=body.get("system"),
            messages=body["messages"],
        )
        self._remember(lambda: self._requests.append(request), {"event": "request"} | asdict(request))
        if reply is None:
            return Reply(({"type": "text", "text": "ok"},))
        self._wait(reply)
        return reply

    def refuse_outside(self, address: str) -> None:
        """Remember that somebody wanted to talk to `address`."""
        self._remember(lambda: self._outside.append(address), {"event": "outside", "address": address})

    def _remember(self, note: Callable[[], None], line: Json) -> None:
        with self._changed:
            note()
            with self._log.open("a") as log:
                log.write(json.dumps(line | {"at": time.time()}) + "\n")
            self._changed.notify_all()

    def _find(self, steps: Sequence[str]) -> ModelRequest | None:
        return next((request for request in self._requests if request.step in steps), None)

    def _wait(self, reply: Reply) -> None:
        if reply.after is None:
            return
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._closing or reply.after in self._open, PATIENCE_SECONDS
            ):
                raise TimeoutError(f"nobody opened the gate {reply.after!r} for the step {reply.name!r}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, api: ModelApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Routes)


class _Routes(BaseHTTPRequestHandler):
    """The routes; the method names are the base class's."""

    protocol_version = "HTTP/1.1"

    @property
    def _api(self) -> ModelApi:
        return cast("_Server", self.server).api

    def do_GET(self) -> None:
        if self.path.startswith("http"):
            self._refuse()
        elif self.path.startswith("/v1/models"):
            self._send_json(200, {"data": [], "has_more": False, "first_id": None, "last_id": None})
        else:
            self._send_json(404, _error("not_found_error", f"no such route: {self.path}"))

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_CONNECT(self) -> None:
        self._refuse()

    def do_POST(self) -> None:
        if self.path.startswith("http"):
            self._refuse()
            return
        body = self._read()
        route = self.path.partition("?")[0]
        if route == "/v1/messages/count_tokens":
            self._send_json(200, {"input_tokens": len(body) // 4})
        elif route == "/v1/messages":
            self._send_message(json.loads(body))
        else:
            self._send_json(404, _error("not_found_error", f"no such route: {route}"))

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing to standard error: the log is in the file."""

    def _read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _refuse(self) -> None:
        self._api.refuse_outside(self.path)
        self.close_connection = True
        self._send_json(403, _error("permission_error", "the tests reach nothing but loopback"))

    def _send_json(self, status: int, body: Json) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self._send(payload)

    def _send_message(self, body: Json) -> None:
        try:
            reply = self._api.answer(self.headers.get("x-terminal", ""), body)
        except TimeoutError as error:
            self._send_json(400, _error("invalid_request_error", str(error)))
            return
        message = _message(body["model"])
        if not body.get("stream"):
            self._send_json(200, message | {"content": reply.blocks, "stop_reason": reply.stop_reason})
            return
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self._send(b"".join(_events(message, reply)))

    def _send(self, payload: bytes) -> None:
        # A terminal that was stopped while its step waited, or that took a refusal for an answer, is gone.
        with contextlib.suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(payload)


def _error(kind: str, message: str) -> Json:
    return {"type": "error", "error": {"type": kind, "message": message}}


def _message(model: str) -> Json:
    return {
        "id": f"msg_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def _events(message: Json, reply: Reply) -> list[bytes]:
    events: list[Json] = [{"type": "message_start", "message": message}]
    for index, block in enumerate(reply.blocks):
        if block["type"] == "text":
            empty, delta = {"text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            arguments = json.dumps(block["input"])
            empty, delta = {"input": Json()}, {"type": "input_json_delta", "partial_json": arguments}
        events += [
            {"type": "content_block_start", "index": index, "content_block": block | empty},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    end = {"stop_reason": reply.stop_reason, "stop_sequence": None}
    events += [
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
