"""Readers of streams: Server-Sent Events, resumed by `Last-Event-ID`, and WebSockets, resumed by the number of each."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from tests.torture.agent import ANSWER_SECONDS
from tests.torture.client import UNAVAILABLE, UnforeseenAnswer
from tests.torture.reader import EventReader, foreseen, stream


class ServerSentReader(EventReader):
    """Reads the stream of one session or of several, and comes back with the last id that it was sent."""

    way: ClassVar[str] = "Server-Sent Events"

    def __init__(self, name: str, sessions: Sequence[str], ports: Sequence[int], seed: int) -> None:
        super().__init__(name, sessions, ports, seed)
        self._last_id = ""

    async def attend(self, port: int) -> None:
        """Read the stream to its end; a block counts when its empty line has come."""
        asked = {"session": list(self.seen), "after": "0"}
        headers = {"last-event-id": self._last_id} if self._last_id else {}
        url = f"http://127.0.0.1:{port}/api/v1/events"
        try:
            async with stream("GET", url, params=asked, headers=headers) as response:
                if response.status_code != 200:
                    answer = json.loads(await response.aread())
                    foreseen(answer["code"], answer)
                    return
                block: dict[str, str] = {}
                async for line in response.aiter_lines():
                    name, _, value = line.partition(":")
                    if line:
                        block[name] = value.removeprefix(" ")
                    else:
                        self._take_block(block)
                        block = {}
        except httpx.TransportError:
            return

    def _take_block(self, block: dict[str, str]) -> None:
        self._last_id = block.get("id", self._last_id)
        if "data" in block:
            session = self._last_id.partition(":")[0]
            self.take(session, json.loads(block["data"]))


class WebSocketReader(EventReader):
    """Follows its sessions over one WebSocket, each from the last number that it has."""

    way: ClassVar[str] = "WebSocket"

    async def attend(self, port: int) -> None:
        """Subscribe to each session, and read until the connection ends or one of them is refused."""
        url = f"ws://127.0.0.1:{port}/ws"
        try:
            async with connect(
                url, proxy=None, compression=None, open_timeout=ANSWER_SECONDS, close_timeout=0.5
            ) as socket:
                for session, seen in self.seen.items():
                    await socket.send(json.dumps({"subscribe": {"session": session, "after": seen.after}}))
                await self._read(socket)
        except InvalidStatus as error:
            if error.response.status_code != UNAVAILABLE:
                raise UnforeseenAnswer(f"HTTP {error.response.status_code} to /ws", {}) from None
        except (OSError, TimeoutError, EOFError, WebSocketException):
            return

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            message: dict[str, Any] = json.loads(text)
            if "event" in message:
                self.take(message["session"], message["event"])
            elif "error" in message:
                foreseen(message["error"]["code"], message["error"])
                return
