"""How long after it was written an event reaches its readers, beside a bare LISTEN client of the same Postgres.

Each claim extends one lease, so all cost the same, and is one event, which three readers of the service wait for:
Server-Sent Events, a WebSocket, and an MCP client that subscribed. The next claim is made when all of them have it.
Between two claims a bare client writes a row and notifies in one transaction, and another one listens. The database's
clock says when each row was written, before its commit; both run on this machine, so its clock is ours, and the commit
counts on every side.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

import asyncpg
from websockets.asyncio.client import connect

from benchmarks import http_load

SESSION = "latency"
LISTEN, SSE, WEB_SOCKET, SUBSCRIPTION = "LISTEN", "SSE", "WebSocket", "subscription"
AGENT = f"/mcp/v2/claude/alice__session__{SESSION}__writer"
LISTENER = f"/mcp/v2/claude/alice__session__{SESSION}__reader"
WRITE = """
    WITH written AS (INSERT INTO bare_events (written_at) VALUES (clock_timestamp()) RETURNING written_at)
    SELECT pg_notify('bare_events', extract(epoch FROM written_at)::text) FROM written
"""

Arrivals = asyncio.Queue[tuple[float, str]]


async def measure(port: int, dsn: str, seconds: float) -> dict[str, list[float]]:
    """Return the latencies in milliseconds by reader.

    Args:
        port: where the service answers.
        dsn: its database, in which a table is made for the bare client.
        seconds: how long claims are made.
    """
    async with AsyncExitStack() as stack:
        claims = Claims(*await asyncio.open_connection("127.0.0.1", port), port)
        await claims.make()
        readers = {
            SSE: await stack.enter_async_context(server_sent_events(port)),
            WEB_SOCKET: await stack.enter_async_context(web_socket(port)),
            SUBSCRIPTION: await stack.enter_async_context(subscription(port)),
        }
        bare = await stack.enter_async_context(bare_client(dsn))
        latencies: dict[str, list[float]] = {name: [] for name in (LISTEN, *readers)}
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            latencies[LISTEN].append(await bare())
            await claims.make()
            arrived = {name: await queue.get() for name, queue in readers.items()}
            written = datetime.fromisoformat(json.loads(arrived[SSE][1])["created_at"]).timestamp()
            for name, (at, _) in arrived.items():
                latencies[name].append((at - written) * 1000)
        claims.close()
        return latencies


class Claims:
    """An agent that claims a file again and again."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        self._reader, self._writer = reader, writer
        self._target = http_load.Target(
            port, lambda _: AGENT, "claim_file_lock", lambda _, _number: {"file_paths": ["a.py"]}
        )
        self._number = 0

    async def make(self) -> None:
        """Claim, and wait for the answer."""
        self._number += 1
        self._writer.write(http_load.request(self._target, 0, self._number))
        status, body = await http_load.answer(self._reader)
        assert status == 200, body
        assert b'"isError":true' not in body, body

    def close(self) -> None:
        """Leave."""
        self._writer.close()


@asynccontextmanager
async def server_sent_events(port: int) -> AsyncGenerator[Arrivals]:
    """Read the stream of the session."""
    question = f"GET /api/v1/events?session={SESSION} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n"
    async with lines(port, question.encode(), b"id: ", b"data: ") as arrivals:
        yield arrivals


@asynccontextmanager
async def subscription(port: int) -> AsyncGenerator[Arrivals]:
    """Be told over MCP when the session changed."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": http_load.PROTOCOL,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    wanted = {"resourceSubscriptions": ["coordination://locks"]}
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "subscriptions/listen",
            "params": {"notifications": wanted, "_meta": meta},
        }
    )
    head = (
        f"POST {LISTENER} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        "accept: application/json, text/event-stream\r\nuser-agent: claude-code/2.1.330 (cli)\r\n"
        f"mcp-protocol-version: {http_load.PROTOCOL}\r\nmcp-method: subscriptions/listen\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    async with lines(port, (head + body).encode(), b"acknowledged", b"resources/updated") as arrivals:
        yield arrivals


@asynccontextmanager
async def lines(port: int, question: bytes, begin: bytes, wanted: bytes) -> AsyncGenerator[Arrivals]:
    """Ask, wait for a line that holds `begin`, and note when each line came that holds `wanted`."""
    arrivals: Arrivals = asyncio.Queue()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(question)
    while begin not in await reader.readline():
        assert not reader.at_eof(), "the stream was refused"

    async def read() -> None:
        while line := await reader.readline():
            if wanted in line:
                arrivals.put_nowait((time.time(), line.decode().partition(":")[2]))

    async with beside(read()):
        yield arrivals
    writer.close()


@asynccontextmanager
async def web_socket(port: int) -> AsyncGenerator[Arrivals]:
    """Follow the session over a WebSocket."""
    arrivals: Arrivals = asyncio.Queue()
    async with connect(f"ws://127.0.0.1:{port}/ws", proxy=None, compression=None) as socket:
        await socket.send(json.dumps({"subscribe": {"session": SESSION}}))
        assert "subscribed" in str(await socket.recv())

        async def read() -> None:
            async for text in socket:
                arrivals.put_nowait((time.time(), str(text)))

        async with beside(read()):
            yield arrivals


@asynccontextmanager
async def bare_client(dsn: str) -> AsyncGenerator[Callable[[], asyncio.Future[float]]]:
    """Lend a function that writes a row, notifies, and returns how many milliseconds later the listener knew."""
    writing, listening = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    await writing.execute("CREATE TABLE IF NOT EXISTS bare_events (written_at timestamptz)")
    arrivals: asyncio.Queue[float] = asyncio.Queue()

    def receive(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        arrivals.put_nowait((time.time() - float(str(payload))) * 1000)

    await listening.add_listener("bare_events", receive)

    async def write() -> float:
        await writing.fetch(WRITE)
        return await arrivals.get()

    try:
        yield lambda: asyncio.ensure_future(write())
    finally:
        await writing.close()
        await listening.close()


@asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncGenerator[None]:
    """Let `work` run beside the block."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
