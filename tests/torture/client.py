"""One connection of an agent, a reader or a person: calls of tools and routes over HTTP/1.1, on a service that answers.

An answer that did not arrive, and every error that says "retry later", is unknown: the call may have taken effect. An
answer that the service gives to nobody, whatever happens to it, is no answer but a finding.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

PROTOCOL = "2026-07-28"
META = "io.modelcontextprotocol"
RETRY_LATER = "retry_later"
UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call heard: its outcome in the history's words, the error's code, and the structured content."""

    outcome: Literal["ok", "held", "fail", "unknown"]
    code: str
    content: Mapping[str, Any]


class UnforeseenAnswer(Exception):
    """An answer that the service must give to nobody, whatever happens to it.

    Args:
        what: what was asked and what came back, the same for all of its kind.
        answer: the answer itself.
    """

    def __init__(self, what: str, answer: Mapping[str, Any]) -> None:
        super().__init__(f"{what}: {answer}")
        self.what = what


NO_ANSWER = Answer("unknown", "no_answer", {})


class Connection:
    """Calls on the first of the ports, and after a call that came to nothing on the next one."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = list(ports)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def rest(self, method: str, path: str, body: object = None, *, timeout_seconds: float) -> Answer:
        """Call a route of the HTTP API; a refusal has the outcome ``fail`` and its code.

        Raises:
            UnforeseenAnswer: the service failed.
        """
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} /api/v1{path} HTTP/1.1\r\ncontent-type: application/json\r\n"
        heard = await self._exchange(head, content, timeout_seconds)
        if heard is None:
            return NO_ANSWER
        status, answer = heard
        if status == UNAVAILABLE:
            return Answer("unknown", RETRY_LATER, answer)
        if status >= 500:
            raise UnforeseenAnswer(f"HTTP {status} to {method} {path.partition('?')[0]}", answer)
        return Answer("ok", "", answer) if status == 200 else Answer("fail", answer["code"], answer)

    async def tool(self, name: str, request: tuple[str, bytes], *, timeout_seconds: float) -> Answer:
        """Call a tool with a request of `Caller`. Raises like `rest`."""
        heard = await self._exchange(*request, timeout_seconds)
        return NO_ANSWER if heard is None else _understood(name, *heard)

    def hang_up(self) -> None:
        """Close the connection without a word."""
        if self._streams is not None:
            with contextlib.suppress(OSError):
                self._streams[1].transport.abort()
            self._streams = None

    async def _exchange(
        self, head: str, body: bytes, timeout_seconds: float
    ) -> tuple[int, dict[str, Any]] | None:
        """Send a request and hear its answer; hanging up when it takes longer than `timeout_seconds`."""
        try:
            async with asyncio.timeout(timeout_seconds):
                status, answer = await self._send(head, body)
        except (OSError, TimeoutError, EOFError):
            self.hang_up()
            self._ports = [*self._ports[1:], self._ports[0]]
            return None
        return status, json.loads(answer)

    async def _send(self, head: str, body: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._ports[0])
        reader, writer = self._streams
        writer.write(f"{head}host: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        lengths = [int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")]
        answer = await reader.readexactly(lengths[0])
        if b"connection: close" in lines:
            self.hang_up()
        return int(lines[0].split(b" ", 2)[1]), answer


class Caller:
    """One agent of a session, on a connection of its own. `checkout` is the text of the header, '' for none."""

    def __init__(self, ports: Sequence[int], session: str, agent: str, checkout: str = "") -> None:
        self._connection = Connection(ports)
        self._head = (
            f"POST /mcp/v2/claude/alice__session__{session}__{agent} HTTP/1.1\r\n"
            "content-type: application/json\r\naccept: application/json, text/event-stream\r\n"
            f"user-agent: claude-code/2.1.330 (cli)\r\nmcp-protocol-version: {PROTOCOL}\r\n"
        ) + (f"x-coordination-checkout: {checkout}\r\n" if checkout else "")
        self._number = 0

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self._connection.hang_up()

    async def call(self, tool: str, arguments: dict[str, Any], timeout_seconds: float) -> Answer:
        """Call a tool and hear its answer; hanging up when it takes longer than `timeout_seconds`.

        Raises:
            UnforeseenAnswer: the service failed.
        """
        self._number += 1
        body = {
            "jsonrpc": "2.0",
            "id": self._number,
            "method": "tools/call",
            "params": {
                "name": tool,
                "arguments": arguments,
                "_meta": {
                    f"{META}/protocolVersion": PROTOCOL,
                    f"{META}/clientCapabilities": {},
                    f"{META}/clientInfo": {"name": "claude-code", "version": "2.1.330"},
                },
            },
        }
        head = f"{self._head}mcp-method: tools/call\r\nmcp-name: {tool}\r\n"
        request = (head, json.dumps(body).encode())
        return await self._connection.tool(tool, request, timeout_seconds=timeout_seconds)


def _understood(tool: str, status: int, answer: Mapping[str, Any]) -> Answer:
    if status != 200:
        # The service answers tool calls with 200 whatever happens.
        raise UnforeseenAnswer(f"HTTP {status} to {tool}", answer)
    result = answer["result"]
    content: dict[str, Any] = result.get("structuredContent", {})
    if not result.get("isError"):
        return Answer("held" if content.get("outcome") == "held" else "ok", "", content)
    code = content.get("code", "")
    if code in {"", "internal"}:
        raise UnforeseenAnswer(f'error "{code}" to {tool}', result)
    return Answer("unknown" if code == RETRY_LATER else "fail", code, content)
