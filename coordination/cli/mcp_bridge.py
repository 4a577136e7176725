"""A bridge from MCP over standard input and output to MCP over HTTP, in both of its eras.

Each message goes out as a request of its own, with the headers that its era wants, and what is answered comes back as
it comes: answers, notifications, whole streams. Several requests run at once. Over HTTP a client cancels by going away,
so a cancelled request is closed. What cannot be answered is an error of JSON-RPC, and of a call of a tool a result that
the model is told. Where messages come from and go to is not known here.
"""

import asyncio
import base64
import re
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast

import httpx
import orjson

from coordination.client.server_sent_events import Blocks
from coordination.daemon.asked import Asked, asked_by
from coordination.transport.mcp.message import client_info, member

END_SECONDS: Final = 10.0
"""How long running requests may take to be answered once nothing more comes; what waits by itself ends at once."""
RUNNING_MAX: Final = 100
CONNECT_SECONDS: Final = 2.0
PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
FAILED: Final = -32000
"""Of a request that the other side refused or did not answer (JSON-RPC leaves it to the implementation)."""

_VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
_NAMED_BY: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_PLAIN: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_WRAPPED: Final = re.compile(r"=\?base64\?.*\?=")

Write = Callable[[bytes], Awaitable[None]]


class NotNow(Exception):
    """Nobody can be asked now; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class There:
    """Where requests go.

    Attributes:
        url: the endpoint.
        name: what it is, as a sentence begins.
        mend: what to do when it cannot be reached.
        headers: what is sent along with each request, as it is at that moment; may raise `NotNow`.
    """

    url: str
    name: str
    mend: str
    headers: Callable[[], Mapping[str, str]]


class Bridge:
    """One connection of a client.

    Args:
        there: where requests go.
        write: takes each message for the client, without a line end.
        say: takes what a person may want to know.
        connections: what speaks HTTP; whoever makes it closes it.
    """

    def __init__(
        self, there: There, write: Write, say: Callable[[str], None], connections: httpx.AsyncClient
    ) -> None:
        self._there = there
        self._write = write
        self._say = say
        self._connections = connections
        self._client = ""
        self._version = ""
        self._connection = ""
        self._running: dict[asyncio.Task[None], Asked] = {}

    async def run(self, lines: AsyncIterable[bytes]) -> None:
        """Serve until no more messages come."""
        try:
            async for line in lines:
                if line.strip():
                    await self._take(line)
            short = [task for task, question in self._running.items() if not _waits(question)]
            if short:
                await asyncio.wait(short, timeout=END_SECONDS)
        finally:
            for task in self._running:
                task.cancel()
            if self._running:
                await asyncio.wait(self._running)

    async def _take(self, line: bytes) -> None:
        try:
            message: object = orjson.loads(line)
        except orjson.JSONDecodeError:
            await self._fail(None, PARSE_ERROR, "The message is no JSON on one line.")
            return
        question = asked_by(message)
        if not isinstance(message, dict) or ("method" in message and not question.method):
            await self._fail(
                None, INVALID_REQUEST, "Send one JSON-RPC object a line; an id is text or a whole number."
            )
        elif question.method == "notifications/cancelled":
            self._cancel(member(member(cast("object", message), "params"), "requestId"))
        elif question.method == "initialize":
            # What follows is of the version that is agreed on here.
            self._client = client_info(cast("object", message)) or ""
            await self._exchange(question, cast("dict[str, Any]", message), line)
        elif len(self._running) >= RUNNING_MAX:
            await self._refuse(question, FAILED, f"{RUNNING_MAX} requests are under way already.")
        else:
            task = asyncio.create_task(self._exchange(question, cast("dict[str, Any]", message), line))
            self._running[task] = question
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._say(f"a request failed: {error!r}")

    def _cancel(self, request_id: object) -> None:
        for task, known in self._running.items():
            if request_id is not None and known.request_id == request_id:
                task.cancel()

    async def _exchange(self, question: Asked, message: dict[str, Any], line: bytes) -> None:
        try:
            own = await asyncio.to_thread(self._there.headers)
            headers = {**own, **self._headers(message)}
            async with self._connections.stream(
                "POST", self._there.url, content=line, headers=headers
            ) as response:
                await self._answer(question, response)
        except NotNow as error:
            await self._not_now(question, str(error))
        except (httpx.ConnectError, httpx.ConnectTimeout):
            text = f"{self._there.name} cannot be reached now. Nothing was done. {self._there.mend}"
            await self._not_now(question, text)
        except httpx.TransportError:
            text = f"{self._there.name} broke the connection off. Whether it was done is not known."
            await self._not_now(question, text)

    def _headers(self, message: dict[str, Any]) -> dict[str, str]:
        """Return the headers that say of a message what it says itself, as both eras want them over HTTP."""
        params: object = message.get("params")
        version = member(member(params, "_meta"), _VERSION_KEY)
        method: object = message.get("method")
        found = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "user-agent": "coordination-mcp-stdio",
            "x-client-name": client_info(cast("object", message)) or self._client,
            "mcp-protocol-version": version if isinstance(version, str) else self._version,
            "mcp-session-id": self._connection,
        }
        if isinstance(version, str) and isinstance(method, str):
            name = member(params, _NAMED_BY.get(method, ""))
            found |= {"mcp-method": method, "mcp-name": name if isinstance(name, str) else ""}
        return {key: _as_header(value) for key, value in found.items() if value}

    async def _answer(self, question: Asked, response: httpx.Response) -> None:
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            await self._pass_on(question, response)
            return
        body = await response.aread()
        answer = _loads(body)
        if question.method == "initialize":
            self._note(answer, response)
        if "jsonrpc" in answer:
            if question.request_id is not None and answer.get("id") is None:
                answer["id"] = question.request_id
            await self._write(orjson.dumps(answer))
        elif question.request_id is not None or response.status_code >= HTTPStatus.BAD_REQUEST:
            detail = answer.get("detail")
            said = detail if isinstance(detail, str) else f"The answer was HTTP {response.status_code}."
            await self._refuse(question, FAILED, said, answer)

    async def _pass_on(self, question: Asked, response: httpx.Response) -> None:
        """Pass a stream on; one that ends without the answer is told."""
        reader, answered = Blocks(), False
        async for chunk in response.aiter_bytes():
            for block in reader.take(chunk):
                message = _loads((block.data or "").encode())
                if message:
                    is_answer = "method" not in message and message.get("id") == question.request_id
                    answered = answered or is_answer
                    await self._write(orjson.dumps(message))
        if not answered and question.request_id is not None:
            await self._not_now(question, f"{self._there.name} ended the answer before it was whole.")

    def _note(self, answer: object, response: httpx.Response) -> None:
        """Keep what the older era agrees on at its beginning."""
        version = member(member(answer, "result"), "protocolVersion")
        self._version = version if isinstance(version, str) else ""
        self._connection = response.headers.get("mcp-session-id", "")

    async def _not_now(self, question: Asked, text: str) -> None:
        if question.is_call:
            await self._write(bytes(question.retry_later(text).body))
        else:
            await self._refuse(question, FAILED, text, {"code": "retry_later"})

    # Any: the members of a problem, as JSON has them.
    async def _refuse(
        self, question: Asked, code: int, text: str, problem: Mapping[str, Any] | None = None
    ) -> None:
        """Refuse a request; a notification has no answer, so a person is told."""
        if question.request_id is None:
            self._say(f"{question.method or 'an answer'} was not taken: {text}")
            return
        found = problem or {}
        told = {name: found[name] for name in ("code", "status", "next_call") if name in found}
        await self._fail(question.request_id, code, text, told)

    async def _fail(
        self, request_id: str | int | None, code: int, text: str, told: Mapping[str, object] | None = None
    ) -> None:
        error: dict[str, object] = {"code": code, "message": text}
        if told:
            error["data"] = told
        await self._write(orjson.dumps({"jsonrpc": "2.0", "id": request_id, "error": error}))


def connections(*, is_loopback: bool) -> httpx.AsyncClient:
    """Return what speaks HTTP for a bridge; what runs on this machine is never asked for through a proxy."""
    return httpx.AsyncClient(
        trust_env=not is_loopback,
        follow_redirects=False,
        # A claim waits for 45 seconds, a stream for as long as nothing happens.
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=RUNNING_MAX + 1, max_keepalive_connections=RUNNING_MAX + 1),
    )


def _waits(question: Asked) -> bool:
    """Whether a request may go on for long, for a client that is no longer there."""
    return question.method == "subscriptions/listen" or bool(question.arguments.get("wait_seconds"))


def _loads(body: bytes) -> dict[str, Any]:
    """Return the object that a body is, an empty one when it is none."""
    try:
        found: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _as_header(value: str) -> str:
    """Write a value as MCP has it where a header could not carry it as it is."""
    if _PLAIN.fullmatch(value) and not _WRAPPED.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode('ascii')}?="
