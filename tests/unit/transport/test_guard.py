"""The outermost check refuses foreign hosts, foreign pages and proxies."""

from __future__ import annotations

import pytest

from coordination.transport.guard import Guard
from tests.unit.transport.asgi import Inner, Pairs, run, scope_of

HOST = ("host", "127.0.0.1:8000")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8000", "localhost", "LocalHost:1", "[::1]", "[::1]:65535"],
)
async def test_loopback_names_pass_with_any_port(host: str) -> None:
    sent = await run(Guard(Inner()), scope_of(headers=[("host", host)]))
    assert sent.status == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "localhost.", "0.0.0.1", "127.0.0.2"),
        *("[::ffff:127.0.0.1]", "[::]", "2130706433", "evil-localhost"),
    ],
)
async def test_another_host_is_misdirected(host: str) -> None:
    inner = Inner()
    sent = await run(Guard(inner), scope_of(headers=[("host", host)]))
    assert (sent.status, sent.json["code"]) == (421, "foreign_host")
    assert sent.headers["content-type"] == "application/problem+json"
    assert host not in sent.body.decode()
    assert not inner.scopes


async def test_a_path_may_answer_under_any_name_but_not_without_one() -> None:
    guard = Guard(Inner(), hosts={"coordination.example.com"}, under_any_host={"/health"})
    elsewhere = [("host", "10.1.2.3:8000")]
    assert (await run(guard, scope_of(path="/health", headers=elsewhere))).status == 200
    assert (await run(guard, scope_of(path="/health/x", headers=elsewhere))).status == 421
    assert (await run(guard, scope_of(path="/health"))).status == 400


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [HOST, HOST],
        [HOST, ("host", "evil.example")],
        [("host", "")],
        [("host", "127.0.0.1:")],
        [("host", "127.0.0.1:999999")],
        [("host", "127.0.0.1:80:80")],
        [("host", "user@127.0.0.1")],
        [("host", "127.0.0.1/x")],
        [("host", "127.0.0.1, evil.example")],
        [("host", "l\u043ecalhost")],
        [("host", "127.0.0.1\x00")],
    ],
)
async def test_a_missing_repeated_or_malformed_host_is_refused(headers: Pairs) -> None:
    sent = await run(Guard(Inner()), scope_of(headers=headers))
    assert (sent.status, sent.json["code"]) == (400, "invalid_host")


@pytest.mark.parametrize(
    "headers",
    [
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "script")],
        [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")],
        [("sec-fetch-site", "Cross-Site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        [("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
    ],
)
async def test_what_a_foreign_page_loads_without_naming_its_origin_is_refused(headers: Pairs) -> None:
    """A script or image has no Origin, and whether it loads would tell the page which sessions there are."""
    inner = Inner()
    sent = await run(Guard(inner), scope_of(headers=[HOST, *headers]))
    assert (sent.status, sent.json["code"]) == (403, "foreign_origin")
    assert not inner.scopes


@pytest.mark.parametrize(
    "headers",
    [
        [("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
        [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")],
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
        [("sec-fetch-mode", "cors")],
    ],
)
async def test_what_a_person_opens_and_what_a_program_asks_passes(headers: Pairs) -> None:
    assert (await run(Guard(Inner()), scope_of(headers=[HOST, *headers]))).status == 200


async def test_a_page_of_an_allowed_origin_may_be_of_another_site() -> None:
    headers = [HOST, ("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")]
    guard = Guard(Inner(), origins=["https://app.example.com"])
    assert (await run(guard, scope_of(headers=headers))).status == 200


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "http://evil.example",
            "null",
            "",
            "http://127.0.0.1",
            "http://127.0.0.1:8001",
            "http://localhost:8000",
        ),
        *(
            "https://127.0.0.1:8000",
            "http://127.0.0.1:8000/",
            "http://127.0.0.1:8000.evil.example",
            "file://",
        ),
        *("HTTP://127.0.0.1:8000", "http://app.example.com"),
    ],
)
async def test_another_origin_is_refused(origin: str) -> None:
    guard = Guard(Inner(), origins=["https://app.example.com"])
    sent = await run(guard, scope_of(headers=[HOST, ("origin", origin)]))
    assert (sent.status, sent.json["code"]) == (403, "foreign_origin")


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "https://app.example.com"])
async def test_the_same_and_an_allowed_origin_pass(origin: str) -> None:
    guard = Guard(Inner(), origins=["https://app.example.com"])
    sent = await run(guard, scope_of(headers=[HOST, ("origin", origin)]))
    assert sent.status == 200


async def test_an_origin_may_not_be_repeated() -> None:
    origin = ("origin", "http://127.0.0.1:8000")
    sent = await run(Guard(Inner()), scope_of(headers=[HOST, origin, origin]))
    assert sent.status == 403


@pytest.mark.parametrize(
    "name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "x-forwarded", "X-Real-IP"]
)
async def test_forwarded_headers_are_refused_where_there_is_no_proxy(name: str) -> None:
    sent = await run(Guard(Inner()), scope_of(headers=[HOST, (name, "for=192.0.2.1")]))
    assert (sent.status, sent.json["code"]) == (400, "forwarded_header")
    behind_a_proxy = await run(Guard(Inner(), forwarded=True), scope_of(headers=[HOST, (name, "x")]))
    assert behind_a_proxy.status == 200


async def test_without_a_list_every_well_formed_host_passes() -> None:
    guard = Guard(Inner(), hosts=None)
    assert (await run(guard, scope_of(headers=[("host", "coord.example.com")]))).status == 200
    assert (await run(guard, scope_of(headers=[("host", "a b")]))).status == 400


async def test_a_websocket_is_checked_alike() -> None:
    good = [HOST, ("origin", "http://127.0.0.1:8000")]
    bad = [HOST, ("origin", "http://evil.example")]
    inner = Inner()
    await run(Guard(inner), scope_of("websocket", headers=good, scheme="ws"))
    assert len(inner.scopes) == 1
    sent = await run(Guard(inner), scope_of("websocket", headers=bad, scheme="ws"))
    assert sent.messages == [{"type": "websocket.close", "code": 1008, "reason": ""}]
    extensions: dict[str, object] = {"websocket.http.response": {}}
    sent = await run(Guard(inner), scope_of("websocket", headers=bad, scheme="ws", extensions=extensions))
    assert (sent.messages[0]["type"], sent.status) == ("websocket.http.response.start", 403)
    assert len(inner.scopes) == 1


async def test_the_lifespan_passes() -> None:
    inner = Inner()
    await run(Guard(inner), {"type": "lifespan"})
    assert inner.scopes == [{"type": "lifespan"}]
