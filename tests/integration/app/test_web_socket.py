"""The WebSocket: what is said on it, how it refuses, and that nothing leads past the checks of every other request."""

from __future__ import annotations

import contextlib
import uuid
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from coordination.transport.rest import web_socket
from coordination.transport.web_socket_protocol import MESSAGE_MAX
from tests.integration.app.conftest import Client, Serve
from tests.integration.app.proxy import Door
from tests.integration.app.streams import claim, connected, join, until_left


@pytest.fixture
async def session(client: Client) -> str:
    """A session of this test's own, with two events."""
    name = f"s-{uuid.uuid4().hex}"
    await join(client.core, name)
    return name


async def test_an_event_is_that_of_the_page_with_its_session(client: Client, session: str) -> None:
    await claim(client.core, session, "a.py")
    page = (await client.get(f"/api/v1/sessions/{session}/events")).json()["events"]
    async with connected(client) as socket:
        assert await socket.follow(session, 0) == 0
        heard = [message async for message in socket.events(3)]
    assert heard == [{"session": session, "event": event} for event in page]


async def test_without_a_cursor_it_begins_with_what_comes_now_and_says_where_that_is(
    client: Client, session: str
) -> None:
    async with connected(client) as socket:
        assert await socket.follow(session) == 2
        await claim(client.core, session, "a.py")
        assert (await socket.hear())["event"]["seq"] == 3


async def test_sessions_are_added_and_taken_away_and_none_of_their_events_comes_after(
    client: Client, session: str
) -> None:
    other = f"{session}-too"
    await join(client.core, other)
    async with connected(client) as socket:
        await socket.follow(session)
        await socket.follow(other)
        await claim(client.core, other, "a.py")
        assert (await socket.hear())["session"] == other
        answer = await socket.ask({"unsubscribe": {"session": other}})
        assert answer == {"unsubscribed": {"session": other}}
        await claim(client.core, other, "b.py")
        await claim(client.core, session, "a.py")
        assert (await socket.hear())["session"] == session
        assert await socket.follow(other, 3) == 3
        assert (await socket.hear())["event"]["seq"] == 4


async def test_what_is_left_or_ended_is_followed_no_more(client: Client, session: str) -> None:
    await until_left(client.core)
    async with connected(client) as socket:
        await socket.follow(session)
        assert client.core.feed._readers.keys() == {("local", session)}
        await socket.ask({"unsubscribe": {"session": session}})
        assert not client.core.feed._readers
        await socket.follow(session)
    await until_left(client.core)
    assert not client.core.feed._readers


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 10_000, "is not JSON"),
        ("null", "message"),
        ("[]", "message"),
        ("{}", "subscribe"),
        ('{"subscribe": {"session": "a"}, "unsubscribe": {"session": "a"}}', "subscribe"),
        ('{"publish": {}}', "publish: there is no such field"),
        ('{"subscribe": "demo"}', "subscribe"),
        ('{"subscribe": {}}', "subscribe.session: is required"),
        ('{"subscribe": {"session": 3}}', "subscribe.session"),
        ('{"subscribe": {"session": "a", "after": "3"}}', "subscribe.after"),
        ('{"subscribe": {"session": "a", "after": -1}}', "subscribe.after"),
        ('{"subscribe": {"session": "a", "after": 9223372036854775808}}', "subscribe.after"),
        ('{"subscribe": {"session": "\\ud800"}}', "is not JSON"),
        ('{"unsubscribe": {"session": "a"}}', "do not follow"),
    ],
)
async def test_what_is_no_message_is_refused_and_the_rest_goes_on(
    client: Client, session: str, text: str, told: str
) -> None:
    async with connected(client) as socket:
        await socket.connection.send(text)
        error = (await socket.hear())["error"]
        assert error["code"] == "invalid_input"
        assert told in error["message"]
        assert len(error["message"]) < 500
        await socket.follow(session)


@pytest.mark.parametrize("name", ["nowhere", "", "x" * 300, "a\0b", "a\nb"])
async def test_a_session_that_is_not_there_or_cannot_be_gets_the_answer_of_every_route(
    client: Client, name: str
) -> None:
    known = (await client.get("/api/v1/sessions/nowhere")).json()
    async with connected(client) as socket:
        error = (await socket.ask({"subscribe": {"session": name}}))["error"]
    assert error.pop("session") == name[:256]
    assert error == {name: known[name] for name in ("code", "next_call")} | {"message": known["detail"]}


async def test_a_session_is_followed_once_and_not_beyond_its_last_event(client: Client, session: str) -> None:
    async with connected(client) as socket:
        early = await socket.ask({"subscribe": {"session": session, "after": 3}})
        assert "has 2 events" in early["error"]["message"]
        await socket.follow(session)
        again = await socket.ask({"subscribe": {"session": session, "after": 0}})
        assert "followed already" in again["error"]["message"]
        await claim(client.core, session, "a.py")
        assert (await socket.hear())["event"]["seq"] == 3


async def test_one_connection_follows_ten_sessions_and_thousands_of_wishes_end_it(
    client: Client, session: str
) -> None:
    names = [f"{session}-{number}" for number in range(11)]
    for name in names:
        await join(client.core, name)
    async with connected(client) as socket:
        for name in names[:10]:
            await socket.follow(name)
        error = (await socket.ask({"subscribe": {"session": names[10]}}))["error"]
        assert "at most 10 sessions" in error["message"]
        with contextlib.suppress(ConnectionClosed):  # it may be cut while it still sends
            for number in range(5000):
                await socket.say({"subscribe": {"session": f"none-{number}"}})
        assert await socket.end() == (1008, "20 messages were refused")
    await until_left(client.core)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"\x00\x01", 1003),
        ("x" * (MESSAGE_MAX + 1), 1009),
        ("x" * 1_000_000, 1009),
        (["{"] + ["x" * 1000] * 20, 1009),
    ],
    ids=["binary", "over the limit", "a megabyte", "in parts"],
)
async def test_what_is_too_large_or_no_text_ends_the_connection(
    client: Client, caplog: pytest.LogCaptureFixture, message: Any, code: int
) -> None:
    async with connected(client) as socket:
        with contextlib.suppress(ConnectionClosed):  # it may be cut while it still sends
            await socket.connection.send(message)
        assert (await socket.end())[0] == code
    assert not caplog.records


async def test_text_that_is_no_utf8_ends_the_connection_and_is_no_failure_of_ours(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(client) as socket:
        await socket.connection.send(b"\xff\xfe", text=True)
        assert await socket.end() == (1007, "text must be UTF-8")
    assert not caplog.records


async def test_a_connection_that_goes_away_without_a_word_is_no_failure_of_ours(
    client: Client, session: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(client) as socket:
        await socket.follow(session, 0)
        socket.connection.transport.abort()
    async with connected(client) as socket:
        await socket.follow(session)
    assert not [record for record in caplog.records if record.levelname != "INFO"]


async def test_when_the_service_stops_it_ends_with_1012(serve: Serve, dsn: str) -> None:
    async with serve(dsn) as client, connected(client) as idle, connected(client) as socket:
        await join(client.core, "demo")
        await socket.follow("demo")
        client.core.stop_waiting()
        assert await socket.end() == (1012, "the service stops")
        assert await idle.end() == (1012, "the service stops")


async def test_when_the_database_is_away_it_says_so_and_ends_with_1013(
    serve: Serve, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_socket, "CHECK_SECONDS", 0.05)
    async with Door(dsn) as door:
        await door.open()
        async with serve(door.dsn) as client, connected(client) as socket:
            await join(client.core, "demo")
            await socket.follow("demo")
            await door.shut()
            assert (await socket.hear())["error"]["code"] == "retry_later"
            assert await socket.end() == (1013, "retry_later")


async def test_a_session_that_is_deleted_is_told_and_the_others_go_on(
    client: Client, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_socket, "CHECK_SECONDS", 0.05)
    gone = f"{session}-gone"
    await join(client.core, gone)
    async with connected(client) as socket:
        await socket.follow(session)
        await socket.follow(gone)
        await client.core.database.fetch("DELETE FROM claude_code_sessions WHERE id = $1", gone)
        error = (await socket.hear())["error"]
        assert (error["code"], error["session"]) == ("not_found", gone)
        await claim(client.core, session, "a.py")
        assert (await socket.hear())["session"] == session


async def test_events_of_another_session_with_the_name_of_one_that_was_deleted_are_not_sent(
    client: Client, session: str
) -> None:
    async with connected(client) as socket:
        assert await socket.follow(session) == 2
        await client.core.database.fetch("DELETE FROM claude_code_sessions WHERE id = $1", session)
        await join(client.core, session)
        await claim(client.core, session, "a.py")
        error = (await socket.hear())["error"]
        assert (error["code"], error["session"]) == ("not_found", session)
        assert await socket.follow(session, 0) == 0
        assert (await socket.hear())["event"]["seq"] == 1
