"""What every request meets first: in hosted mode a public name, listed proxies and listed origins."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI, Request
from httpx import ASGITransport

from coordination.app.edge import ASKED_HEADERS, METHODS, put_around
from coordination.settings import load

PROXY = "10.1.2.3"
PUBLIC = "https://coordination.example.com"
HOSTED = {
    "COORDINATION_MODE": "hosted",
    "DATABASE_URL": "postgresql://me@127.0.0.1/name",
    "COORDINATION_PUBLIC_URL": PUBLIC,
    "COORDINATION_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1",
    "COORDINATION_CORS_ORIGINS": "https://pages.example.com",
}
OWN = {"host": "coordination.example.com"}


def client(environment: dict[str, str], peer: str = PROXY) -> httpx.AsyncClient:
    """A client of an application at that edge, whose connection comes from `peer`; it answers who it takes us for."""
    app = FastAPI()

    async def who(request: Request) -> str:
        return f"{request.url.scheme} {request.client.host if request.client else '?'}"

    for path in ("/who", "/health", "/tools/health"):
        app.get(path)(who)
    put_around(app, load(environment))
    transport = ASGITransport(app, client=(peer, 50000))
    return httpx.AsyncClient(transport=transport, base_url="http://coordination.example.com")


async def seen(peer: str, forwarded_for: str) -> str:
    async with client(HOSTED, peer) as one:
        told = {"x-forwarded-for": forwarded_for, "x-forwarded-proto": "https", "x-real-ip": "6.6.6.6"}
        return (await one.get("/who", headers={**told, "forwarded": "for=6.6.6.6"})).json()


async def test_a_listed_proxy_is_believed() -> None:
    assert await seen(PROXY, "203.0.113.9") == "https 203.0.113.9"
    assert await seen("192.0.2.1", "203.0.113.9, 10.9.9.9") == "https 203.0.113.9"


async def test_of_a_chain_only_what_listed_proxies_added_is_believed() -> None:
    assert await seen(PROXY, "127.0.0.1, 203.0.113.9") == "https 203.0.113.9"


@pytest.mark.parametrize("peer", ["203.0.113.9", "192.0.2.2", "127.0.0.1", "::1"])
async def test_a_spoofed_header_from_elsewhere_changes_nothing(peer: str) -> None:
    assert await seen(peer, "10.1.2.3") == f"http {peer}"


async def test_without_a_list_nobody_is_believed() -> None:
    trusting_nobody = {name: value for name, value in HOSTED.items() if "PROXIES" not in name}
    async with client(trusting_nobody) as one:
        assert (await one.get("/who", headers={"x-forwarded-for": "6.6.6.6"})).json() == f"http {PROXY}"


async def test_it_answers_under_its_public_name_and_loopback_and_health_under_any() -> None:
    async with client({**HOSTED, "ROOT_PATH": "/tools"}) as one:
        hosts = ["coordination.example.com", "127.0.0.1:8000", "localhost", "evil.example"]
        answers = [(await one.get("/who", headers={"host": host})).status_code for host in hosts]
        health = [
            (await one.get(path, headers={"host": "10.0.0.7"})) for path in ("/health", "/tools/health")
        ]
    assert answers == [200, 200, 200, 421]
    assert [answer.status_code for answer in health] == [200, 200]


async def test_without_a_public_name_it_answers_under_any() -> None:
    async with client({name: value for name, value in HOSTED.items() if "PUBLIC" not in name}) as one:
        assert (await one.get("/who", headers={"host": "any.example"})).status_code == 200


async def test_pages_of_listed_origins_and_its_own_may_call_and_no_other() -> None:
    async with client(HOSTED, peer="203.0.113.9") as one:
        listed, own, foreign = [
            await one.get("/who", headers={**OWN, "origin": origin})
            for origin in ("https://pages.example.com", PUBLIC, "https://evil.example")
        ]
    assert (listed.status_code, own.status_code, foreign.status_code) == (200, 200, 403)
    assert listed.headers["access-control-allow-origin"] == "https://pages.example.com"
    assert "access-control-allow-credentials" not in listed.headers
    assert "access-control-allow-origin" not in {*own.headers, *foreign.headers}


async def test_a_browser_may_ask_before_it_sends_a_credential() -> None:
    asked = {
        "origin": "https://pages.example.com",
        "sec-fetch-site": "cross-site",
        "access-control-request-method": "POST",
        "access-control-request-headers": ", ".join(ASKED_HEADERS),
    }
    async with client(HOSTED) as one:
        answer = await one.options("/who", headers={**OWN, **asked})
        cookies = {**asked, "access-control-request-headers": "cookie"}
        refused = await one.options("/who", headers={**OWN, **cookies})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-methods"] == ", ".join(METHODS)
    assert "access-control-allow-credentials" not in answer.headers
    assert refused.status_code == 400


async def test_without_a_list_no_page_may_call() -> None:
    async with client({name: value for name, value in HOSTED.items() if "CORS" not in name}) as one:
        answer = await one.get("/who", headers={**OWN, "origin": "https://pages.example.com"})
    assert answer.status_code == 403


async def test_in_local_mode_there_is_no_proxy_and_no_other_name() -> None:
    async with client({}, peer="127.0.0.1") as one:
        statuses = [
            (await one.get("/who", headers={"host": "127.0.0.1", **headers})).status_code
            for headers in ({}, {"x-forwarded-for": "10.0.0.1"}, {"origin": "https://pages.example.com"}, OWN)
        ]
    assert statuses == [200, 400, 403, 421]
