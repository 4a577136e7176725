"""Readers that ask for pages of events: again and again, or whenever they are told over MCP that there is something."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar

import httpx

from tests.torture.agent import ANSWER_SECONDS
from tests.torture.client import META, PROTOCOL, Answer, Connection, UnforeseenAnswer
from tests.torture.reader import EventReader, foreseen, stream

PAGE = (1, 7, 50)
WAIT_SECONDS = (0, 1, 5)
RESOURCE = "coordination://events"


async def read_page(connection: Connection, session: str, after: int, limit: int, wait: int) -> Answer:
    """Ask for the events that come after a number."""
    asked = f"after={after}&limit={limit}&wait_seconds={wait}"
    answer = await connection.rest(
        "GET", f"/sessions/{session}/events?{asked}", timeout_seconds=ANSWER_SECONDS
    )
    if answer.outcome != "ok":
        foreseen(answer.code, answer.content)
    return answer


class PageReader(EventReader):
    """Asks for page after page of one session, now with a wait and now without."""

    way: ClassVar[str] = "pages"

    async def attend(self, port: int) -> None:
        """Read pages until one does not come."""
        connection = Connection([port])
        try:
            answered = True
            while answered:
                for session, seen in self.seen.items():
                    limit, wait = self.random.choice(PAGE), self.random.choice(WAIT_SECONDS)
                    answer = await read_page(connection, session, seen.after, limit, wait)
                    answered = answer.outcome == "ok"
                    for event in answer.content["events"] if answered else ():
                        self.take(session, event)
        finally:
            connection.hang_up()


class Listener(EventReader):
    """Listens over MCP (`subscriptions/listen`) and asks for pages only when it was told that something changed.

    Whoever begins to listen does not know what was before, so it reads once when it is acknowledged.
    """

    way: ClassVar[str] = "subscriptions/listen"

    def __init__(self, name: str, sessions: Sequence[str], ports: Sequence[int], seed: int) -> None:
        super().__init__(name, sessions, ports, seed)
        (self._session,) = sessions

    async def attend(self, port: int) -> None:
        """Listen until the stream ends, reading all there is whenever it says something."""
        pages = Connection([port])
        try:
            async for message in self._messages(port):
                if "error" in message:
                    error: Mapping[str, Any] = message["error"].get("data") or {"code": ""}
                    foreseen(error["code"], message)
                    return
                if "method" in message and not await self._catch_up(pages):
                    return
        except httpx.TransportError:
            return
        finally:
            pages.hang_up()

    async def _messages(self, port: int) -> AsyncGenerator[Mapping[str, Any]]:
        meta: dict[str, Any] = {f"{META}/protocolVersion": PROTOCOL, f"{META}/clientCapabilities": {}}
        params = {"notifications": {"resourceSubscriptions": [RESOURCE]}, "_meta": meta}
        body = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params}
        headers = {
            "accept": "application/json, text/event-stream",
            "user-agent": "claude-code/2.1.330 (cli)",
            "mcp-protocol-version": PROTOCOL,
            "mcp-method": "subscriptions/listen",
        }
        url = f"http://127.0.0.1:{port}/mcp/v2/claude/alice__session__{self._session}__listener"
        async with stream("POST", url, json=body, headers=headers) as response:
            if response.status_code not in {200, 503}:
                raise UnforeseenAnswer(f"HTTP {response.status_code} to subscriptions/listen", {})
            if response.status_code == 200:
                async for line in response.aiter_lines():
                    text = line.removeprefix("data:").strip()
                    if text.startswith("{"):
                        yield json.loads(text)

    async def _catch_up(self, pages: Connection) -> bool:
        """Read until there is nothing more; False when that could not be found out."""
        while True:
            answer = await read_page(pages, self._session, self.seen[self._session].after, max(PAGE), 0)
            if answer.outcome != "ok":
                return False
            if not answer.content["events"]:
                return True
            for event in answer.content["events"]:
                self.take(self._session, event)
