"""Whoever comes back with a number of an event that is not kept any more is told, and gets what is left."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import closing
from itertools import islice

import pytest

from coordination.client.event_stream import follow
from coordination.client.service import ServiceClient
from coordination.services import task
from tests.integration.app.conftest import Client
from tests.integration.app.streams import claim, connected, join, reading
from tests.integration.services.past import pass_days, sweep
from tests.unit.client.heard import in_short

KEPT_FROM = 5


@pytest.fixture
async def session(client: Client) -> str:
    """A session that keeps its events from number 5 to 7."""
    name = f"s-{uuid.uuid4().hex}"
    await join(client.core, name)
    for path in ("a.py", "b.py"):
        await claim(client.core, name, path)
    await task.send_message(client.core, "local", name, "eve", "hello", None)
    for path in ("c.py", "d.py"):
        await claim(client.core, name, path)
    await pass_days(client.core.database, 31, session=name, up_to=KEPT_FROM - 1)
    await sweep(client.core)
    return name


async def test_a_page_of_events_says_what_is_gone(client: Client, session: str) -> None:
    for after, removed in ((0, 4), (3, 4), (4, None), (6, None), (7, None)):
        page = (await client.get(f"/api/v1/sessions/{session}/events", params={"after": after})).json()
        assert page["removed_up_to"] == removed
        assert [event["seq"] for event in page["events"]] == [n for n in (5, 6, 7) if n > after]


async def test_a_page_of_messages_says_what_is_gone(client: Client, session: str) -> None:
    for after, removed in ((0, 4), (3, 4), (4, None)):
        page = (await client.get(f"/api/v1/sessions/{session}/messages", params={"after": after})).json()
        assert page["removed_up_to"] == removed
        assert [message["id"] for message in page["messages"]] == [5]


async def test_a_stream_says_so_in_the_place_of_what_is_gone(client: Client, session: str) -> None:
    async with reading(client, session, after="2") as reader:
        await reader.block()
        gone = await reader.event()
        assert gone.fields["event"] == "events.removed"
        assert gone.event == {"session": session, "up_to": 4}
        assert gone.fields["id"] == f"{session}:4"
        assert (await reader.event()).event["seq"] == 5
    async with reading(client, session, last=f"{session}:4") as reader:
        await reader.block()
        assert (await reader.event()).event["seq"] == 5


async def test_a_web_socket_says_so_before_the_first_event_that_is_left(client: Client, session: str) -> None:
    async with connected(client) as socket:
        assert await socket.follow(session, 1) == 1
        assert await socket.hear() == {"removed": {"session": session, "up_to": 4}}
        assert (await socket.hear())["event"]["seq"] == 5


async def test_the_typed_client_says_so_and_goes_on(client: Client, session: str) -> None:
    with ServiceClient(str(client.base_url)) as service, closing(follow(service, session, after=2)) as news:
        heard = await asyncio.to_thread(lambda: [in_short(one) for one in islice(news, 5)])
    assert heard == ["current 2", "gone 4", 5, 6, 7]


async def test_a_stream_that_is_open_while_events_go_that_it_has_had_is_told_nothing(
    client: Client, session: str
) -> None:
    async with reading(client, session, after="7") as reader:
        await reader.block()
        await pass_days(client.core.database, 31, session=session)
        await sweep(client.core)
        await claim(client.core, session, "e.py")
        assert json.loads((await reader.event()).fields["data"])["seq"] == 8
