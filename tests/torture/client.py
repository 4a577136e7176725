"""One agent's connection: MCP calls over HTTP/1.1, and what each answer means to the history.

An answer that did not arrive, and every error that says "retry later", is unknown: the call may have taken effect.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

PROTOCOL = "2026-07-28"
UNSURE = frozenset({"retry_later", "internal"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call heard: its outcome in the history's words, the error's code, and the structured content."""

    outcome: Literal["ok", "held", "fail", "unknown"]
    code: str
    content: Mapping[str, Any]


NO_ANSWER = Answer("unknown", "no_answer", {})


class Connection:
    """Calls tools as one agent, on whichever of the ports answers."""

    def __init__(self, ports: list[int], session: str, agent: str) -> None:
        self._ports = ports
        self._path = f"/mcp/v2/claude/alice__session__{session}__{agent}"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._number = 0

    async def call(self, tool: str, arguments: dict[str, Any], timeout_seconds: float) -> Answer:
        """Call a tool and hear its answer; hanging up when it takes longer than `timeout_seconds`."""
        self._number += 1
        try:
            async with asyncio.timeout(timeout_seconds):
                return _understood(await self._exchange(self._request(tool, arguments)))
        except (OSError, TimeoutError, EOFError, ValueError):
            self.hang_up()
            self._ports = [*self._ports[1:], self._ports[0]]
            return NO_ANSWER

    def hang_up(self) -> None:
        """Close the connection without a word."""
        if self._streams is not None:
            with contextlib.suppress(OSError):
                self._streams[1].transport.abort()
            self._streams = None

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._ports[0])
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        body = await reader.readexactly(lengths[0])
        return int(head.split(b" ", 2)[1]), body

    def _request(self, tool: str, arguments: dict[str, Any]) -> bytes:
        body = json.dumps(
            {
                "jsonrpc": "2.0",
                "id": self._number,
                "method": "tools/call",
                "params": {
                    "name": tool,
                    "arguments": arguments,
                    "_meta": {
                        "io.modelcontextprotocol/protocolVersion": PROTOCOL,
                        "io.modelcontextprotocol/clientCapabilities": {},
                        "io.modelcontextprotocol/clientInfo": {"name": "claude-code", "version": "2.1.330"},
                    },
                },
            }
        ).encode()
        head = (
            f"POST {self._path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            "accept: application/json, text/event-stream\r\nuser-agent: claude-code/2.1.330 (cli)\r\n"
            f"mcp-protocol-version: {PROTOCOL}\r\nmcp-method: tools/call\r\nmcp-name: {tool}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def _understood(answer: tuple[int, bytes]) -> Answer:
    status, body = answer
    if status != 200:
        # The service answers tool calls with 200 whatever happens; anything else is a finding of its own.
        raise AssertionError(f"HTTP {status}: {body[:300]!r}")
    result = json.loads(body)["result"]
    content: dict[str, Any] = result.get("structuredContent", {})
    if result.get("isError"):
        code = content.get("code", "")
        return Answer("unknown" if code in UNSURE else "fail", code, content)
    return Answer("held" if content.get("outcome") == "held" else "ok", "", content)
