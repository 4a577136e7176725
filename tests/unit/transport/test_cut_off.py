"""A request that the end of the service cuts off is told to come again, unless its answer has begun."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import Receive, Scope, Send

from coordination.transport.cut_off import CutOff
from tests.unit.transport.asgi import Sent, scope_of


class Slow:
    """An application that never ends by itself; `begins` has it begin its answer first."""

    def __init__(self, *, begins: bool) -> None:
        self._begins = begins
        self.reached = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._begins:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        self.reached.set()
        await asyncio.Event().wait()


async def cut(*, begins: bool, kind: str = "http") -> tuple[Sent, bool]:
    """Cut a request off; what was sent, and whether it ended as cancelled."""
    sent, slow = Sent(), Slow(begins=begins)
    request = asyncio.create_task(_serve(slow, scope_of(kind), sent))
    await slow.reached.wait()
    request.cancel()
    with suppress(asyncio.CancelledError):
        await request
    return sent, request.cancelled()


async def _serve(slow: Slow, scope: Scope, sent: Sent) -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    await CutOff(slow)(scope, receive, sent)


async def test_before_its_answer_it_is_told_to_come_again() -> None:
    sent, cancelled = await cut(begins=False)
    assert (sent.status, sent.json["code"], cancelled) == (503, "retry_later", False)
    assert sent.json["next_call"] == "repeat the same call in a few seconds"


async def test_an_answer_that_has_begun_is_not_followed_by_another() -> None:
    sent, cancelled = await cut(begins=True)
    assert [message["type"] for message in sent.messages] == ["http.response.start"]
    assert cancelled


async def test_a_web_socket_is_left_to_who_closes_it() -> None:
    sent, cancelled = await cut(begins=False, kind="websocket")
    assert (sent.messages, cancelled) == ([], True)
