"""The client against a server that answers as it is told: what is repeated, and what each answer becomes."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import pytest

from coordination.client import channel
from coordination.client.errors import RequestRefused, ServiceSilent, ServiceUnavailable, ServiceUnreachable
from coordination.client.retry import Patience
from coordination.client.service import ServiceClient
from tests.unit.client.told import Server

PROBLEM = {"code": "retry_later", "detail": "The database cannot answer now.", "next_call": "again"}
NOBODY: dict[str, Any] = {"sessions": [], "next_cursor": None}
UNREADABLE: list[tuple[int, Any]] = [
    (200, b"<html>"),
    (200, {}),
    (200, {"sessions": [{}], "next_cursor": None}),
    (500, b"Internal Server Error"),
    (404, ["not", "ours"]),
    (302, b""),
]


def test_a_question_is_repeated_while_the_service_cannot_answer(server: Server) -> None:
    server.answers((503, PROBLEM), (503, PROBLEM), (200, NOBODY))
    assert server.client.sessions() == []
    assert len(server.asked) == 3
    assert 0 < server.pauses[0] <= 0.15 < server.pauses[0] + server.pauses[1] <= 0.45


def test_a_service_that_cannot_answer_for_long_is_an_error_in_its_own_words(server: Server) -> None:
    server.answers((503, PROBLEM))
    with pytest.raises(ServiceUnavailable, match="The database cannot answer now") as caught:
        server.client.locks("demo")
    assert (caught.value.code, caught.value.next_call) == ("retry_later", "again")
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("url", "loads"), [("http://127.0.0.1:8000", False), ("https://c.example.com", True)]
)
def test_certificates_are_loaded_only_for_tls(monkeypatch: pytest.MonkeyPatch, url: str, loads: bool) -> None:
    loaded: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def counted(self: ssl.SSLContext, *given: Any, **named: Any) -> None:
        loaded.append(self)
        load(self, *given, **named)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    with ServiceClient(url, None):
        assert bool(loaded) is loads


def test_a_write_is_sent_once(server: Server) -> None:
    server.answers((503, PROBLEM))
    with pytest.raises(ServiceUnavailable):
        server.client.send("demo", "bob", "hello", None)
    with pytest.raises(ServiceUnavailable):
        server.client.revoke("demo", "bob")
    with pytest.raises(ServiceUnavailable):
        server.client.configure("demo", "bob", status="closed")
    assert [method for method, _, _ in server.asked] == ["POST", "POST", "PATCH"]
    assert server.pauses == []


def test_a_refresh_of_an_index_is_begun_and_finished_again_when_the_service_could_not(server: Server) -> None:
    begun = {"refresh": 3, "files": 0, "fingerprint": ""}
    summary = {
        "checkout": "c",
        "files": 1,
        "with_symbols": 0,
        "commit": "",
        "refreshed_at": "2026-11-21T12:00:00Z",
    }
    server.answers((503, PROBLEM), (200, begun), (503, PROBLEM), (200, summary))
    assert server.client.begin_index("demo", "c").refresh == 3
    finished = server.client.finish_index("demo", "c", 3, files=1, commit="", fingerprint="f")
    assert finished.files == 1
    assert [path.rpartition("/")[2] for _, path, _ in server.asked] == ["begin", "begin", "finish", "finish"]


def test_a_refusal_is_not_repeated(server: Server) -> None:
    server.answers((404, {"code": "not_found", "detail": "There is no such session.", "next_call": ""}))
    with pytest.raises(RequestRefused, match="There is no such session") as caught:
        server.client.status("demo")
    assert caught.value.code == "not_found"
    assert len(server.asked) == 1


def test_credential_prefix_and_odd_names_reach_the_service(server: Server) -> None:
    server.answers((404, {"code": "not_found", "detail": "x"}))
    with pytest.raises(RequestRefused):
        server.client.locks("a+b c?#")
    assert server.asked == [
        ("GET", "/prefix/api/v1/sessions/a%2Bb%20c%3F%23/locks?limit=200", "Bearer secret")
    ]


@pytest.mark.parametrize("name", ["", "a/b", "/"])
def test_a_name_that_would_lead_to_another_page_is_that_of_no_session(server: Server, name: str) -> None:
    asked = len(server.asked)
    with pytest.raises(RequestRefused, match="no such session") as refused:
        server.client.locks(name)
    assert refused.value.code == "not_found"
    assert len(server.asked) == asked


@pytest.mark.parametrize("answer", UNREADABLE)
def test_an_answer_that_cannot_be_read_is_an_error_and_never_an_empty_one(
    server: Server, answer: tuple[int, Any]
) -> None:
    server.answers(answer)
    with pytest.raises(RequestRefused, match="does not speak") as caught:
        server.client.sessions()
    assert caught.value.code == "not_understood"


def test_pages_are_followed_to_the_end(server: Server) -> None:
    one = {
        "id": "a",
        "name": "a",
        "description": None,
        "user": "alice",
        "status": "active",
        "across_checkouts": "warn",
        "created_at": "2026-11-21T12:00:00Z",
        "agents": 1,
        "locks": 0,
        "last_activity": None,
    }
    server.answers(
        (200, {"sessions": [one], "next_cursor": "a"}),
        (200, {"sessions": [{**one, "id": "b"}], "next_cursor": None}),
    )
    assert [found.id for found in server.client.sessions()] == ["a", "b"]
    assert server.asked[1][1].endswith("/sessions?limit=200&after=a")


def test_nobody_there_is_said_after_some_patience() -> None:
    pauses: list[float] = []
    # Port 1 of loopback is nobody's.
    with (
        ServiceClient("http://127.0.0.1:1", patience=Patience(pause=pauses.append)) as client,
        pytest.raises(ServiceUnreachable, match="No service answers at") as caught,
    ):
        client.sessions()
    # What starts it is for the command to say, which knows how it was called.
    assert caught.value.next_call == ""
    assert len(pauses) == 3


def test_who_takes_the_question_and_never_answers_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "ANSWER_SECONDS", 0.05)
    pauses: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            ServiceClient(url, patience=Patience(pause=pauses.append)) as client,
            pytest.raises(ServiceSilent, match="does not answer") as caught,
        ):
            client.sessions()
    assert pauses == []
    assert caught.value.code == "unreachable"
    assert "Timeout" not in caught.value.message


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.answers((200, NOBODY))
    with ServiceClient(server.client.url) as client:
        assert client.sessions() == []


def test_names_with_any_character_stay_one_part_of_the_path(server: Server) -> None:
    server.answers((404, {"code": "not_found", "detail": "x"}))
    for name in ("a/b?c#d", "..", "alice/..", "ä"):
        with pytest.raises(RequestRefused):
            server.client.task("demo", name)
    parts = [path.removeprefix("/prefix/api/v1/sessions/demo/tasks/") for _, path, _ in server.asked]
    assert parts == ["a%2Fb%3Fc%23d", "%2E%2E", "alice%2F..", "%C3%A4"]


def test_pages_are_followed_by_number_from_where_one_was(server: Server) -> None:
    one: dict[str, Any] = {
        "id": 8,
        "sender": "bob",
        "text": "hello",
        "to": [],
        "sent_at": "2026-11-21T12:00:00Z",
    }
    server.answers(
        (503, PROBLEM),
        (200, {"messages": [one], "next_cursor": 8}),
        (200, {"messages": [{**one, "id": 9}], "next_cursor": None}),
    )
    assert [message.id for message in server.client.messages("demo", 7)] == [8, 9]
    assert [path.partition("?")[2] for _, path, _ in server.asked] == [
        "limit=200&after=7",
        "limit=200&after=7",
        "limit=200&after=8",
    ]
