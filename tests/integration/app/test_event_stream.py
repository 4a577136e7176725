"""The stream of Server-Sent Events: what it carries, where it goes on, and how it ends."""

from __future__ import annotations

import uuid

import httpx
import pytest

from coordination.services import feed
from coordination.transport.rest import event_stream
from tests.integration.app.conftest import Client, Serve
from tests.integration.app.proxy import Door
from tests.integration.app.streams import claim, join, reading, until_left


@pytest.fixture
async def session(client: Client) -> str:
    """A session of this test's own, with two events."""
    name = f"s-{uuid.uuid4().hex}"
    await join(client.core, name)
    return name


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_an_event_is_that_of_the_page_with_its_kind_and_a_cursor(client: Client, session: str) -> None:
    await claim(client.core, session, "a.py")
    page = (await client.get(f"/api/v1/sessions/{session}/events")).json()["events"]
    async with reading(client, session, after="0") as stream:
        assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.response.headers["cache-control"] == "no-store"
        blocks = [await stream.event() for _ in page]
    assert [block.event for block in blocks] == page
    assert [block.fields["event"] for block in blocks] == [found["kind"] for found in page]
    assert [block.fields["id"] for block in blocks] == [f"{session}:{number}" for number in (1, 2, 3)]


async def test_without_a_cursor_it_begins_with_what_comes_now(client: Client, session: str) -> None:
    async with reading(client, session) as stream:
        begin = await stream.block()
        assert begin.fields == {"id": f"{session}:2", "retry": "2000"}
        await claim(client.core, session, "a.py")
        assert (await stream.event()).event["seq"] == 3


@pytest.mark.parametrize("how", ["header", "parameter", "both"])
async def test_it_goes_on_after_the_last_id_and_the_header_counts_more(
    client: Client, session: str, how: str
) -> None:
    for path in ("a.py", "b.py"):
        await claim(client.core, session, path)
    seen = f"{session}:3"
    after = {"header": None, "parameter": seen, "both": "0"}[how]
    async with reading(client, session, after=after, last=None if how == "parameter" else seen) as stream:
        assert (await stream.event()).event["seq"] == 4


async def test_a_client_that_left_before_any_event_goes_on_without_a_gap(
    client: Client, session: str
) -> None:
    async with reading(client, session) as stream:
        last = (await stream.block()).fields["id"]
    await claim(client.core, session, "a.py")
    async with reading(client, session, last=last) as stream:
        assert (await stream.event()).event["seq"] == 3


async def test_several_sessions_have_one_cursor_that_names_the_events_own_first(
    client: Client, session: str
) -> None:
    other = f"{session}-too"
    await join(client.core, other)
    async with reading(client, session, other) as stream:
        await claim(client.core, other, "a.py")
        assert (await stream.event()).fields["id"] == f"{other}:3,{session}:2"
        await claim(client.core, session, "a.py")
        last = (await stream.event()).fields["id"]
        assert last == f"{session}:3,{other}:3"
    await claim(client.core, other, "b.py")
    async with reading(client, session, other, last=last) as stream:
        assert (await stream.event()).fields["id"] == f"{other}:4,{session}:3"


async def test_many_events_come_in_order_and_once_however_they_are_paged(
    client: Client, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordination.services.event_stream.PAGE_EVENTS", 3)
    monkeypatch.setattr("coordination.services.event_stream.PAGE_BYTES", 500)
    async with reading(client, session, after="0") as stream:
        for number in range(10):
            await claim(client.core, session, f"{number}.py")
        assert [(await stream.event()).event["seq"] for _ in range(12)] == list(range(1, 13))


async def test_a_session_that_is_not_there_or_cannot_be_is_refused_before_the_stream(
    client: Client, session: str
) -> None:
    await until_left(client.core)
    known = (await client.get("/api/v1/sessions/nowhere")).json()
    for name in ("nowhere", "x" * 300, "a\0b", ""):
        answer = await client.get("/api/v1/events", params={"session": [session, name]})
        assert_problem(answer, 404, "not_found")
        assert answer.json() == known
    assert client.core.feed.readers == 0


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("session=nowhere&from=0", 422),
        ("&".join(f"session=s{number}" for number in range(11)), 422),
        ("session=nowhere&after=", 422),
        ("session=nowhere&after=-1", 400),
        ("session=nowhere&after=nowhere", 400),
        ("session=nowhere&after=other:1", 400),
        ("session=nowhere&after=%00", 400),
    ],
)
async def test_a_malformed_question_is_refused_before_the_stream(
    client: Client, query: str, status: int
) -> None:
    assert_problem(await client.get(f"/api/v1/events?{query}"), status, "invalid_input")


async def test_a_malformed_last_event_id_is_refused_before_the_stream(client: Client) -> None:
    for last in ("x", "a:b", "\xff", "x" * 60_000):
        headers = {"last-event-id": last.encode("latin-1")}
        answer = await client.get("/api/v1/events?session=nowhere", headers=headers)  # pyright: ignore[reportArgumentType]  httpx takes bytes too
        assert answer.status_code in {400, 422}
        assert answer.json()["code"] == "invalid_input"


async def test_a_cursor_beyond_the_last_event_is_refused_and_not_waited_for(
    client: Client, session: str
) -> None:
    answer = await client.get("/api/v1/events", params={"session": session, "after": "3"})
    assert_problem(answer, 400, "invalid_input")
    assert "has 2 events" in answer.json()["detail"]


async def test_silence_is_told_apart_from_not_knowing(
    serve: Serve, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(event_stream, "AWAY_SECONDS", 0.05)
    async with Door(dsn) as door:
        await door.open()
        async with serve(door.dsn) as client:
            await join(client.core, "demo")
            async with reading(client, "demo") as stream:
                await stream.block()
                assert (await stream.block()).comments == ["heartbeat"]
                await door.shut()
                while "heartbeat" in (comments := (await stream.block()).comments):
                    pass
                assert comments[0].startswith("unknown")
                await door.open()
                while "heartbeat" not in (await stream.block()).comments:
                    pass
                await claim(client.core, "demo", "a.py")
                assert (await stream.event()).event["seq"] == 3


async def test_a_stream_of_a_session_that_is_deleted_ends(
    client: Client, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.05)
    async with reading(client, session) as stream:
        await stream.block()
        await client.core.database.fetch("DELETE FROM claude_code_sessions WHERE id = $1", session)
        blocks = await stream.rest()
    assert blocks[-1].comments == ["end: a session was deleted"]


async def test_when_the_service_stops_streams_end_with_a_hint(serve: Serve, dsn: str) -> None:
    async with serve(dsn) as client:
        await join(client.core, "demo")
        async with reading(client, "demo") as stream:
            await stream.block()
            client.core.stop_waiting()
            blocks = await stream.rest()
    assert blocks[-1].comments == ["end: the service stops; come back with the last id"]
    assert blocks[-1].fields == {"retry": "2000"}


async def test_only_so_many_streams_are_open_and_who_leaves_makes_room(
    client: Client, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until_left(client.core)
    monkeypatch.setattr(feed, "MOST_STREAMS", 1)
    async with reading(client, session):
        answer = await client.get("/api/v1/events", params={"session": session})
        assert_problem(answer, 503, "retry_later")
    await until_left(client.core)
    async with reading(client, session) as stream:
        assert (await stream.block()).fields["id"] == f"{session}:2"


async def test_it_stands_behind_the_guard(client: Client, session: str) -> None:
    for headers, status in (
        ({"host": "evil.example"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"x-forwarded-for": "10.0.0.1"}, 400),
    ):
        answer = await client.get("/api/v1/events", params={"session": session}, headers=headers)
        assert answer.status_code == status


async def test_it_asks_for_the_local_token(serve: Serve, dsn: str) -> None:
    async with serve(dsn, COORDINATION_LOCAL_TOKEN="required") as client:  # noqa: S106 - when to ask
        assert_problem(await client.get("/api/v1/events?session=demo"), 401, "unauthorized")
