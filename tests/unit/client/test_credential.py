"""Where a credential goes: to the service that it is for, over TLS or on this machine, and never behind a redirect."""

from __future__ import annotations

import pytest

from coordination.client.address import require_safe
from coordination.client.errors import RequestRefused, UnsafeAddress
from coordination.client.retry import Patience
from coordination.client.service import ServiceClient
from tests.unit.client.told import Server, Told

NO_SESSIONS = (200, b'{"sessions": []}')


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://10.0.0.5:8000",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com/p",
    ],
)
def test_a_client_with_a_credential_for_another_machine_in_clear_text_is_not_even_made(url: str) -> None:
    with pytest.raises(UnsafeAddress, match="nothing was sent") as caught:
        ServiceClient(url, "secret")
    assert caught.value.next_call.endswith(url.replace("http://", "https://"))


@pytest.mark.parametrize(
    "url", ["https://example.com", "http://127.0.0.1:8000", "http://[::1]:8000", "http://localhost/prefix"]
)
def test_over_tls_or_on_this_machine_it_may_go(url: str) -> None:
    require_safe(url)
    ServiceClient(url, "secret").close()


def test_without_a_credential_any_address_may_be_asked() -> None:
    ServiceClient("http://example.com").close()


def test_each_request_carries_the_credential_of_its_moment(server: Server) -> None:
    server.answers(NO_SESSIONS)
    moments = iter(["first", "second"])
    with ServiceClient(server.client.url, lambda: next(moments)) as client:
        client.sessions()
        client.sessions()
    assert [authorization for _, _, authorization in server.asked] == ["Bearer first", "Bearer second"]


def test_the_workspace_that_is_meant_is_named_with_each_request(server: Server) -> None:
    server.answers(NO_SESSIONS)
    with ServiceClient(server.client.url, "secret", workspace="w1") as client:
        client.sessions()
    assert Told.workspaces[-1] == "w1"


def test_a_redirect_is_not_followed_and_says_where_it_leads(server: Server) -> None:
    server.answers((308, b""))
    Told.location = f"{server.client.url}/elsewhere"
    with pytest.raises(RequestRefused, match="follows no redirect") as caught:
        server.client.sessions()
    assert "/elsewhere" in caught.value.message
    assert len(server.asked) == 1


def test_too_many_requests_say_when_to_come_again(server: Server) -> None:
    server.answers((429, {"code": "too_many_requests", "detail": "Too many requests."}))
    Told.retry_after = "7"
    with pytest.raises(RequestRefused, match="Too many") as caught:
        ServiceClient(server.client.url, patience=Patience(attempts=1)).sessions()
    assert caught.value.next_call == "Try again in 7 s."


def test_a_stream_carries_the_credential_too(server: Server) -> None:
    server.answers((200, b""))
    with (
        ServiceClient(server.client.url, lambda: "of the moment") as client,
        client.channel.stream("/events", {}, {}, silent_seconds=5),
    ):
        pass
    assert [authorization for _, _, authorization in server.asked] == ["Bearer of the moment"]
