"""The time that a head has ends with the head: what comes later on its connection has its own."""

from __future__ import annotations

import asyncio

from coordination.transport.bounds import BoundedProtocol
from tests.integration.transport.endpoint import served
from tests.integration.transport.test_bounds import REQUEST, connection
from tests.unit.transport.asgi import Inner


async def test_the_time_of_a_head_is_over_when_the_head_is_there() -> None:
    timed: asyncio.Queue[bool] = asyncio.Queue()

    class Observed(BoundedProtocol):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            timed.put_nowait(self._head_timer is not None)

    async with (
        served(Inner(), http=Observed, ws="none", lifespan="off") as url,
        connection(url) as (reader, writer),
    ):
        for _ in range(2):
            writer.write(REQUEST)
            assert await timed.get()
            writer.write(b"\r\n")
            assert not await timed.get()
            assert b"served" in await reader.readuntil(b"0\r\n\r\n")
