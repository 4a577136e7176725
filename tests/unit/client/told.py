"""A server on loopback that answers what it is told, and a client of it."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from coordination.client.retry import Patience
from coordination.client.service import ServiceClient


class Told(BaseHTTPRequestHandler):
    """Answers what the test put there, in order, the last one for ever."""

    answers: ClassVar[list[tuple[int, bytes]]] = []
    asked: ClassVar[list[tuple[str, str, str | None]]] = []
    workspaces: ClassVar[list[str | None]] = []
    location: ClassVar[str] = ""
    retry_after: ClassVar[str] = ""

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self.rfile.read(length)
        self.asked.append((self.command, self.path, self.headers.get("authorization")))
        self.workspaces.append(self.headers.get("x-coordination-workspace"))
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        if self.location:
            self.send_header("location", self.location)
        if self.retry_after:
            self.send_header("retry-after", self.retry_after)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Server:
    """A server on loopback and a client of it that never really pauses."""

    def __init__(self, url: str) -> None:
        self.pauses: list[float] = []
        self.client = ServiceClient(url, "secret", patience=Patience(pause=self.pauses.append))

    def answers(self, *answers: tuple[int, Any]) -> None:
        Told.answers[:] = [
            (status, body if isinstance(body, bytes) else json.dumps(body).encode())
            for status, body in answers
        ]
        Told.asked.clear()
        Told.location = Told.retry_after = ""

    @property
    def asked(self) -> list[tuple[str, str, str | None]]:
        return Told.asked
