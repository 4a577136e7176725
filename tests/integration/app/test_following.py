"""The typed client follows the events of a real service: across its end, cuts and silence, each event once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing
from itertools import islice

import pytest

from coordination.client.errors import (
    RequestRefused,
    ServiceSilent,
    ServiceUnavailable,
    ServiceUnreachable,
)
from coordination.client.event_stream import News, follow
from coordination.client.retry import Patience
from coordination.client.service import ServiceClient
from coordination.transport.rest import event_stream
from tests.integration.app.conftest import Client, Serve
from tests.integration.app.proxy import Door, Gate
from tests.integration.app.streams import claim, join
from tests.unit.client.heard import in_short


class Heard:
    """What comes of following, one news at a time; nothing is asked before it is wanted."""

    def __init__(self, news: Generator[News]) -> None:
        self._news = news

    async def next(self, number: int) -> list[object]:
        """The next news, each in short; it waits beside the service, which is in this event loop."""
        return await asyncio.to_thread(lambda: [in_short(one) for one in islice(self._news, number)])

    async def until(self, wanted: object) -> list[object]:
        """All news up to one."""
        heard: list[object] = []
        while wanted not in heard:
            heard += await self.next(1)
        return heard


def no_pause(_seconds: float) -> None:
    """Come back at once: the test says when the service is there again."""


@asynccontextmanager
async def following(
    url: str, after: int | None = None, *, session: str = "demo", silent_seconds: float = 20
) -> AsyncGenerator[Heard]:
    patience = Patience(pause=no_pause)
    with ServiceClient(url) as client:
        news = follow(client, session, after=after, patience=patience, silent_seconds=silent_seconds)
        with closing(news):
            yield Heard(news)


@asynccontextmanager
async def behind(gate: Gate, client: Client) -> AsyncGenerator[None]:
    """Let a gate lead to a service."""
    gate.behind = client.base_url.port or 0
    await gate.open()
    yield
    await gate.shut()


async def test_across_a_stop_and_a_start_each_event_comes_once(serve: Serve, dsn: str) -> None:
    async with Gate() as gate, following(gate.url, 0) as heard:
        async with serve(dsn) as service:
            await join(service.core, "demo")
            gate.behind = service.base_url.port or 0
            await gate.open()
            assert await heard.next(3) == ["current 0", 1, 2]
            service.core.stop_waiting()
            assert await heard.next(1) == [ServiceUnreachable]
        await gate.shut()
        assert await heard.next(2) == [ServiceUnreachable] * 2
        async with serve(dsn) as service:
            await claim(service.core, "demo", "meanwhile.py")
            async with behind(gate, service):
                assert await heard.next(2) == ["current 2", 3]
                await claim(service.core, "demo", "afterwards.py")
                assert await heard.next(1) == [4]


async def test_after_a_cut_it_goes_on_without_a_gap(serve: Serve, dsn: str) -> None:
    async with Gate() as gate, serve(dsn) as service, behind(gate, service):
        await join(service.core, "demo")
        async with following(gate.url) as heard:
            assert await heard.next(1) == ["current 2"]
            await claim(service.core, "demo", "a.py")
            assert await heard.next(1) == [3]
            await gate.cut()
            await claim(service.core, "demo", "b.py")
            assert await heard.next(3) == [ServiceUnreachable, "current 3", 4]


async def test_heartbeats_say_that_nothing_is_missing_and_their_absence_that_nobody_knows(
    serve: Serve, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(dsn) as service:
        await join(service.core, "demo")
        async with following(str(service.base_url), silent_seconds=0.1) as heard:
            await heard.until("current 2")
            # The service's next heartbeat is due in fifteen seconds.
            assert set(await heard.until("current 2")) == {ServiceSilent, "current 2"}
        monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.01)
        async with following(str(service.base_url)) as heard:
            assert await heard.next(3) == ["current 2"] * 3
            await claim(service.core, "demo", "a.py")
            *before, last = await heard.until(3)
            assert (set(before) - {"current 2"}, last) == (set(), 3)


async def test_a_database_that_is_away_is_told_and_its_return_too(
    serve: Serve, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(event_stream, "AWAY_SECONDS", 0.05)
    async with Door(dsn) as door:
        await door.open()
        async with serve(door.dsn) as service:
            await join(service.core, "demo")
            async with following(str(service.base_url)) as heard:
                await door.shut()
                await heard.until(ServiceUnavailable)
                await door.open()
                await heard.until("current 2")
                await claim(service.core, "demo", "a.py")
                assert 3 in await heard.until(3)


async def test_a_session_that_is_deleted_or_was_never_there_ends_it(
    serve: Serve, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.05)
    async with serve(dsn) as service:
        await join(service.core, "demo")
        async with following(str(service.base_url)) as heard:
            await heard.next(1)
            await service.core.database.fetch("DELETE FROM claude_code_sessions")
            with pytest.raises(RequestRefused, match="was deleted"):
                await heard.until("nothing more")
        for name in ("nowhere", "a/b", "", "é\u2028"):
            async with following(str(service.base_url), 3, session=name) as heard:
                with pytest.raises(RequestRefused) as refused:
                    await heard.next(1)
            assert refused.value.code == "not_found"


async def test_a_number_that_the_session_has_not_reached_is_refused(serve: Serve, dsn: str) -> None:
    async with serve(dsn) as service:
        await join(service.core, "demo")
        async with following(str(service.base_url), 3) as heard:
            with pytest.raises(RequestRefused, match="has 2 events, and not 3"):
                await heard.next(1)
