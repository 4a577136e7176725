"""Following events against a server that sends what it is told: breaks, silence, gaps, repetitions, the ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import ClassVar

import pytest

from coordination.client.errors import (
    RequestRefused,
    ServiceSilent,
    ServiceUnavailable,
    ServiceUnreachable,
)
from coordination.client.event_stream import Current, Follower, Interrupted, News, follow
from coordination.client.retry import LONGEST_PAUSE, Patience
from coordination.client.service import ServiceClient
from tests.unit.client.heard import in_short

BEGIN = "id: demo:2\nretry: 2000\n\n"
HEARTBEAT = ": heartbeat\n\n"
UNKNOWN = ": unknown: the database cannot answer; events may be missing here\n\n"
PROBLEM = {"code": "not_found", "detail": "There is no such session.", "next_call": "coord sessions"}


def event(seq: int) -> str:
    facts: dict[str, object] = {
        "seq": seq,
        "agent_id": "alice/a",
        "kind": "x.y",
        "payload": {},
        "created_at": "2026-11-21T12:00:00Z",
    }
    return f"event: x.y\ndata: {json.dumps(facts)}\nid: demo:{seq}\n\n"


class Told(BaseHTTPRequestHandler):
    """Sends one of the test's streams to each request, in order, and then cuts; the last one for ever.

    A stream that ends with None stays open, and silent, until the client leaves.
    """

    streams: ClassVar[list[tuple[int, str, list[str | None]]]] = []
    asked: ClassVar[list[tuple[str, str | None]]] = []
    left: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("last-event-id")))
        status, kind, parts = self.streams.pop(0) if len(self.streams) > 1 else self.streams[0]
        self.send_response(status)
        self.send_header("content-type", kind)
        self.end_headers()
        for part in parts:
            if part is None:
                self.rfile.read(1)
                self.left.set()
            else:
                self.wfile.write(part.encode())
                self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Server:
    """A server on loopback, and what it is asked."""

    def __init__(self, url: str) -> None:
        self.client = ServiceClient(url)
        self.pauses: list[float] = []

    def streams(self, *streams: list[str | None]) -> None:
        Told.streams[:] = [(200, "text/event-stream; charset=utf-8", parts) for parts in streams]
        Told.asked.clear()

    def answers(self, status: int, kind: str, body: str) -> None:
        Told.streams[:] = [(status, kind, [body])]

    @property
    def asked(self) -> list[tuple[str, str | None]]:
        return Told.asked

    def follow(self, after: int | None = None, silent_seconds: float = 20) -> Generator[News]:
        patience = Patience(pause=self.pauses.append)
        return follow(self.client, "demo", after=after, patience=patience, silent_seconds=silent_seconds)


@pytest.fixture
def server() -> Iterator[Server]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Told) as listening:
        serving = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        Told.left.clear()
        one = Server(f"http://127.0.0.1:{listening.server_address[1]}")
        with one.client:
            yield one
        listening.shutdown()
        serving.join()


def told(news: Iterator[News], number: int) -> list[object]:
    """The next news, each in short."""
    return [in_short(one) for one in islice(news, number)]


def test_without_a_number_it_begins_with_what_comes_now(server: Server) -> None:
    server.streams([BEGIN, event(3), None])
    news = server.follow()
    assert told(news, 2) == ["current 2", 3]
    assert server.asked == [("/api/v1/events?session=demo", None)]


def test_after_a_cut_it_goes_on_where_it_was_and_says_both(server: Server) -> None:
    server.streams([BEGIN, event(3), event(4)], [BEGIN.replace("2", "4"), event(5), None])
    assert told(server.follow(after=2), 6) == ["current 2", 3, 4, ServiceUnreachable, "current 4", 5]
    assert [last for _, last in server.asked] == ["demo:2", "demo:4"]


def test_a_break_before_the_first_event_loses_nothing(server: Server) -> None:
    server.streams([BEGIN], [BEGIN, event(3), None])
    assert told(server.follow(), 4) == ["current 2", ServiceUnreachable, "current 2", 3]
    assert [last for _, last in server.asked] == [None, "demo:2"]


def test_an_event_that_was_seen_is_not_told_again(server: Server) -> None:
    server.streams([BEGIN, event(3), event(3), event(2), event(4), None])
    assert told(server.follow(after=2), 3) == ["current 2", 3, 4]


def test_a_stream_that_leaves_an_event_out_is_asked_again(server: Server) -> None:
    server.streams([BEGIN, event(3), event(5)], [BEGIN, event(4), event(5), None])
    assert told(server.follow(after=2), 6) == ["current 2", 3, ServiceUnreachable, "current 3", 4, 5]
    assert [last for _, last in server.asked] == ["demo:2", "demo:3"]


def test_a_connection_on_which_not_even_a_heartbeat_comes_is_given_up(server: Server) -> None:
    server.streams([BEGIN, None], [BEGIN, event(3), None])
    assert told(server.follow(after=2, silent_seconds=0.05), 4) == [
        "current 2",
        ServiceSilent,
        "current 2",
        3,
    ]


def test_the_last_words_of_a_service_that_stops_do_not_say_that_nothing_is_missing(server: Server) -> None:
    end = ": end: the service stops; come back with the last id\nretry: 2000\n\n"
    server.streams([BEGIN, event(3), end], [BEGIN, None])
    assert told(server.follow(), 4) == ["current 2", 3, ServiceUnreachable, "current 3"]


def test_heartbeats_say_that_nothing_is_missing(server: Server) -> None:
    server.streams([BEGIN, HEARTBEAT, event(3), HEARTBEAT, None])
    assert told(server.follow(), 4) == ["current 2", "current 2", 3, "current 3"]


@pytest.mark.parametrize(("then", "told_then"), [(HEARTBEAT, ["current 2"]), (event(3), ["current 2", 3])])
def test_a_service_that_cannot_look_says_so_until_it_can(
    server: Server, then: str, told_then: list[object]
) -> None:
    server.streams([BEGIN, UNKNOWN, UNKNOWN, then, None])
    expected = ["current 2", ServiceUnavailable, ServiceUnavailable, *told_then]
    assert told(server.follow(), len(expected)) == expected
    assert len(server.asked) == 1


def test_while_nobody_answers_the_pauses_grow_to_a_bound_and_shrink_when_it_served(server: Server) -> None:
    server.answers(503, "application/problem+json", json.dumps({**PROBLEM, "code": "retry_later"}))
    news = server.follow()
    assert told(news, 8) == [ServiceUnavailable] * 8
    assert server.pauses[0] <= 0.15 < server.pauses[3]
    assert min(server.pauses[5:]) >= LONGEST_PAUSE / 2
    assert max(server.pauses) <= LONGEST_PAUSE
    server.streams([BEGIN, HEARTBEAT], [BEGIN, None])
    assert told(news, 4) == ["current 2", "current 2", ServiceUnreachable, "current 2"]
    assert server.pauses[-1] <= 0.15


def test_a_stream_that_is_cut_at_once_again_and_again_is_not_asked_without_pauses(server: Server) -> None:
    server.streams([BEGIN])
    assert told(server.follow(), 16) == ["current 2", ServiceUnreachable] * 8
    assert server.pauses[6] >= LONGEST_PAUSE / 2


def test_nobody_there_is_told_and_tried_again() -> None:
    pauses: list[float] = []
    # Port 1 of loopback is nobody's.
    with ServiceClient("http://127.0.0.1:1") as client:
        news = follow(client, "demo", patience=Patience(pause=pauses.append))
        assert told(news, 3) == [ServiceUnreachable] * 3
    assert len(pauses) == 2


def test_a_refusal_ends_it_in_the_words_of_the_service(server: Server) -> None:
    server.answers(404, "application/problem+json", json.dumps(PROBLEM))
    with pytest.raises(RequestRefused, match="There is no such session") as refused:
        next(server.follow())
    assert (refused.value.code, refused.value.next_call) == ("not_found", "coord sessions")
    assert server.pauses == []


def test_a_session_that_is_deleted_ends_it(server: Server) -> None:
    server.streams([BEGIN, event(3), ": end: a session was deleted\n\n"])
    news = server.follow()
    assert told(news, 2) == ["current 2", 3]
    with pytest.raises(RequestRefused, match="session demo was deleted") as refused:
        next(news)
    assert refused.value.code == "not_found"


@pytest.mark.parametrize(
    "stream",
    [
        "id: other:2\n\n",
        "id: demo\n\n",
        BEGIN + "data: {}\n\n",
        BEGIN + "data: no json\n\n",
    ],
)
def test_what_it_cannot_read_is_an_error_and_never_left_out(server: Server, stream: str) -> None:
    server.streams([stream])
    with pytest.raises(RequestRefused, match="does not speak") as refused:
        list(server.follow())
    assert refused.value.code == "not_understood"


def test_a_page_that_is_no_stream_is_not_one_without_events(server: Server) -> None:
    server.answers(200, "text/html", "<html>")
    with pytest.raises(RequestRefused, match="does not speak"):
        next(server.follow())


def test_whoever_stops_reading_leaves_the_connection(server: Server) -> None:
    server.streams([BEGIN, None])
    news = server.follow()
    assert told(news, 1) == ["current 2"]
    assert not Told.left.is_set()
    news.close()
    assert Told.left.wait(20)


def test_another_thread_ends_it_while_it_waits(server: Server) -> None:
    server.streams([BEGIN, None])
    follower = Follower(server.client, "demo", silent_seconds=20)
    heard: list[News] = []
    waiting = threading.Event()

    def listen() -> None:
        for news in follower.run():
            heard.append(news)
            waiting.set()

    thread = threading.Thread(target=listen)
    thread.start()
    assert waiting.wait(20)
    follower.stop()
    thread.join(10)
    assert (thread.is_alive(), heard) == (False, [Current(2)])


def test_another_thread_ends_it_while_nobody_answers() -> None:
    with ServiceClient("http://127.0.0.1:1") as client:
        follower = Follower(client, "demo")
        for news in follower.run():
            assert isinstance(news, Interrupted)
            follower.stop()
    assert list(follower.run()) == []
