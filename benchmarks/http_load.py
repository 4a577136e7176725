"""A load of MCP calls over HTTP/1.1, light enough not to be what is measured.

Each connection is one agent that sends its next call when the last one was answered. Requests are bounded in number
by time; every answer must be HTTP 200 and carry no error, else it is counted as an error.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

PROTOCOL = "2026-07-28"


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of a load brought: answered calls a second, latencies in milliseconds, and failures.

    Attributes:
        errors: how many answers were an error.
        failure: status and beginning of the first of them, "" when there is none.
    """

    per_second: float
    p50: float
    p95: float
    p99: float
    errors: int
    failure: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where calls go: the port, the path of agent n, the tool and arguments of its i-th call, and headers besides."""

    port: int
    path: Callable[[int], str]
    tool: str
    arguments: Callable[[int, int], dict[str, object]]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


async def run(target: Target, agents: int, seconds: float) -> Load:
    """Have `agents` agents call for `seconds`, and return what came of it."""
    latencies: list[float] = []
    failures: list[str] = []
    started = time.perf_counter()

    async def one(agent: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        number = 0
        while time.perf_counter() - started < seconds:
            writer.write(request(target, agent, number))
            begun = time.perf_counter()
            status, body = await answer(reader)
            latencies.append((time.perf_counter() - begun) * 1000)
            if status != 200 or b'"isError":true' in body or b'"error":' in body[:80]:
                failures.append(f"{status} {body[:500].decode(errors='replace')}")
            number += 1
        writer.close()

    await asyncio.gather(*(one(agent) for agent in range(agents)))
    elapsed = time.perf_counter() - started
    latencies.sort()

    def percentile(share: float) -> float:
        return latencies[min(len(latencies) - 1, int(len(latencies) * share))]

    return Load(
        len(latencies) / elapsed,
        percentile(0.50),
        percentile(0.95),
        percentile(0.99),
        len(failures),
        next(iter(failures), ""),
    )


def request(target: Target, agent: int, number: int) -> bytes:
    """Return the bytes of one tools/call of the present protocol, as the real client sends it."""
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": number,
            "method": "tools/call",
            "params": {
                "name": target.tool,
                "arguments": target.arguments(agent, number),
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": PROTOCOL,
                    "io.modelcontextprotocol/clientCapabilities": {},
                    "io.modelcontextprotocol/clientInfo": {"name": "claude-code", "version": "2.1.330"},
                },
            },
        }
    ).encode()
    more = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
    head = (
        f"POST {target.path(agent)} HTTP/1.1\r\nhost: 127.0.0.1:{target.port}\r\ncontent-type: application/json\r\n"
        f"accept: application/json, text/event-stream\r\nuser-agent: claude-code/2.1.330 (cli)\r\n"
        f"mcp-protocol-version: {PROTOCOL}\r\nmcp-method: tools/call\r\nmcp-name: {target.tool}\r\n"
        f"{more}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer with a content length; returns (status, body)."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)
