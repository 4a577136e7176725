"""The handshake of the WebSocket: nothing leads past the checks of every other request."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from coordination.app import local_token
from coordination.services import feed
from tests.integration.app.conftest import Client, Serve
from tests.integration.app.streams import connected, until_left


async def refused(client: Client, **options: Any) -> tuple[int, str]:
    """The status and code with which a handshake is refused."""
    with pytest.raises(InvalidStatus) as found:
        async with connected(client, **options):
            pass
    return refusal(found.value)


def refusal(found: InvalidStatus) -> tuple[int, str]:
    assert found.response.headers["content-type"] == "application/problem+json"
    return found.response.status_code, json.loads(found.response.body or b"")["code"]


async def test_only_so_many_streams_are_open_together_with_those_over_http(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await until_left(client.core)
    monkeypatch.setattr(feed, "MOST_STREAMS", 1)
    async with connected(client):
        assert await refused(client) == (503, "retry_later")
    assert not [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Origin": "http://evil.example"}, (403, "foreign_origin")),
        ({"Origin": "null"}, (403, "foreign_origin")),
        ({"Sec-Fetch-Site": "cross-site"}, (403, "foreign_origin")),
        ({"X-Forwarded-For": "10.0.0.1"}, (400, "forwarded_header")),
        ({"Host": "evil.example"}, (400, "invalid_host")),  # the library has sent one already
        ({"Authorization": "Basic eA=="}, (400, "invalid_input")),
    ],
)
async def test_a_handshake_is_checked_like_any_other_request_and_its_refusal_is_no_failure_of_ours(
    client: Client, headers: dict[str, str], expected: tuple[int, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert await refused(client, additional_headers=headers) == expected
    assert not [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_handshake_under_another_name_is_refused(client: Client) -> None:
    port = client.base_url.port
    with pytest.raises(InvalidStatus) as found:
        async with connect("ws://evil.example/ws", host="127.0.0.1", port=port, proxy=None):
            pass
    assert refusal(found.value) == (421, "foreign_host")


async def test_a_page_of_our_own_origin_may_connect(client: Client) -> None:
    origin = str(client.base_url).rstrip("/")
    async with connected(client, origin=origin) as socket:
        assert "error" in await socket.ask({})


async def test_it_asks_for_the_local_token(serve: Serve, dsn: str) -> None:
    async with serve(dsn, COORDINATION_LOCAL_TOKEN="required") as client:  # noqa: S106 - when to ask
        assert await refused(client) == (401, "unauthorized")
        wrong = {"Authorization": "Bearer wrong"}
        assert await refused(client, additional_headers=wrong) == (401, "unauthorized")
        right = {"Authorization": f"Bearer {local_token.read(client.settings.data_dir)}"}
        async with connected(client, additional_headers=right) as socket:
            assert "error" in await socket.ask({})


@pytest.mark.parametrize("headers", [{}, {"upgrade": "h2c", "connection": "upgrade"}], ids=["plain", "h2c"])
async def test_without_a_handshake_it_says_what_is_needed(client: Client, headers: dict[str, str]) -> None:
    answer = await client.get("/ws", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (426, "upgrade_required")
    assert (answer.headers["upgrade"], answer.headers["sec-websocket-version"]) == ("websocket", "13")


async def test_there_is_none_elsewhere(client: Client) -> None:
    for path in ("/api/v1/ws", "/other/ws"):
        assert await refused(client, path=path) == (404, "not_found")


async def test_it_works_under_a_prefix_whether_a_proxy_strips_it_or_not(serve: Serve, dsn: str) -> None:
    async with serve(dsn, ROOT_PATH="/tools/coord") as client:
        for path in ("/ws", "/tools/coord/ws"):
            async with connected(client, path) as socket:
                assert "error" in await socket.ask({})
