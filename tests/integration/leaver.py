"""A client as an application sees it, that leaves or stays when its answer begins."""

import asyncio

from starlette.types import Message


class Leaver:
    """A client that calls, and leaves between the head and the body of its answer when it is one that leaves."""

    def __init__(self, body: bytes, *, leaves: bool) -> None:
        self._call: list[Message] = [{"type": "http.request", "body": body}]
        self._leaves = leaves
        self._left, self._noticed = asyncio.Event(), asyncio.Event()
        self.sent = b""

    def leave(self) -> None:
        """Leave now."""
        self._left.set()

    async def receive(self) -> Message:
        """Send the call, then the end of the connection."""
        if self._call:
            return self._call.pop()
        await self._left.wait()
        self._noticed.set()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a part of the answer."""
        self.sent += message.get("body", b"")
        if self._leaves and message["type"] == "http.response.start":
            self.leave()
            await self._noticed.wait()
