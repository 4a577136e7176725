"""What looks open and is not: ways of writing a path or a credential that must let nothing through the gate."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.hosted.team import Hosted

OPEN = "/health", "/health/detailed", "/ready", "/metrics", "/api/v1/login", "/api/v1/bootstrap"
SECRET_PATHS = "/api/v1/sessions", "/openapi.json", "/api/v1/tokens"


async def raw(team: Hosted, target: bytes, *headers: bytes, method: bytes = b"GET") -> tuple[int, bytes]:
    """Send a request exactly as it is written, and read what comes until the connection ends."""
    where = urlsplit(team.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    lines = [
        method + b" " + target + b" HTTP/1.1",
        b"host: 127.0.0.1",
        b"connection: close",
        *headers,
        b"",
        b"",
    ]
    try:
        writer.write(b"\r\n".join(lines))
        async with asyncio.timeout(20):
            answer = await reader.read()
    finally:
        writer.close()
    return int(answer.split(b" ", 2)[1]), answer


DISGUISES = r"""
/health/..{path} /health/../{tail} /health/%2e%2e{path} /health/..%2f{tail} /health/%2E%2E%2F{tail}
/.well-known/..{path} /.well-known/../{tail} /.well-known/%2e%2e/{tail} /.well-known{path}
/.well-known/%2e%2e%2f{tail} /.WELL-KNOWN/{tail} /.well-known//{tail} /.well-known\..\{tail}
/{path} //health{path} /./{tail} {path}/ {path}/../../../health {path}?x=/health {path};/health
{path}%00/health {path}%23/health /api/v1/login/..{path} /api/v1/login{path} /metrics/..{path}
http://127.0.0.1{path} /%61pi/v1/sessions /health%0a{path}
"""
"""Paths that begin like an open one and mean another, or that are written otherwise."""


def disguises(path: str) -> list[str]:
    return [one.format(path=path, tail=path.lstrip("/")) for one in DISGUISES.split()]


@pytest.mark.parametrize("secret", SECRET_PATHS)
async def test_no_way_of_writing_a_path_leads_past_the_gate(team: Hosted, secret: str) -> None:
    for target in disguises(secret):
        status, answer = await raw(team, target.encode())
        assert status in {400, 401, 404, 405}, (target, answer)
        for told in (b'"sessions"', b'"openapi"', b'"tokens"'):
            assert told not in answer, (target, answer)


async def test_an_open_path_is_open_as_it_is_written_alone(team: Hosted) -> None:
    for path in OPEN:
        for target in (f"/{path}", f"{path}/", f"{path}//", f"{path}%20", path.upper(), f"{path}%2f"):
            status, answer = await raw(team, target.encode())
            assert status in {400, 401}, (target, answer)


async def test_methods_open_nothing(team: Hosted) -> None:
    for method in (b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"PROPFIND", b"CONNECT"):
        status, answer = await raw(team, b"/api/v1/sessions", method=method)
        assert status in {400, 401, 405}, (method, answer)


def credentials(secret: str) -> list[list[bytes]]:
    """Headers that hold a good secret and are no good credential."""
    key = secret.encode()
    return [
        [b"authorization: Bearer " + key, b"authorization: Bearer " + key],
        [b"authorization: Bearer " + key, b"x-api-key: " + key],
        [b"x-api-key: " + key, b"X-API-KEY: " + key],
        [b"authorization: Bearer " + key + b", Bearer " + key],
        [b"authorization: Basic " + key],
        [b"authorization: " + key],
        [b"authorization: Bearer"],
        [b"authorization: Bearer  "],
        [b"authorization: Bearer\t" + key],
        [b"authorization: Bearer " + key[:-1]],
        [b"authorization: Bearer " + key + b"="],
        [b"authorization: Bearer " + key + b"\xe9"],
        [b"authorization: Bearer \xff\xfe"],
        [b"authorization: Bearer " + key.upper()],
        [b"authorization: Bearer " + key + b" " + key],
        [b"authorization: Bearer coord_" + b"a" * 7000],
        [b"authorization: Bearer " + b"a." * 3000 + b"b"],
        [b"x-api-key: Bearer " + key],
        [b"x-api-key: "],
        [b"proxy-authorization: Bearer " + key],
        [b"cookie: authorization=Bearer " + key],
        [b"x-forwarded-authorization: Bearer " + key],
        [b"authorization: Bearer " + key, b"x-coordination-workspace: red"],
        [
            b"authorization: Bearer " + key,
            b"x-coordination-workspace: local",
            b"x-coordination-workspace: local",
        ],
        [b"authorization: Bearer " + key, b"x-coordination-workspace: "],
        [b"authorization: Bearer " + key, b"x-coordination-workspace: " + b"a" * 65],
        [b"authorization: Bearer " + key, b"x-coordination-workspace: \xe9"],
        [b"authorization: Bearer " + key, b"x-coordination-workspace: local,red"],
    ]


async def test_only_one_well_formed_credential_is_taken(team: Hosted) -> None:
    for headers in credentials(team.owner):
        status, answer = await raw(team, b"/api/v1/sessions", *headers)
        assert status in {400, 401, 403}, (headers, answer)
        assert team.owner.encode() not in answer


async def test_how_header_and_scheme_are_spelt_does_not_matter(team: Hosted) -> None:
    key = team.owner.encode()
    for headers in (
        [b"AUTHORIZATION: bearer " + key],
        [b"Authorization:   BEARER    " + key + b"   "],
        [b"X-Api-Key:  " + key + b" "],
        [b"authorization: Bearer " + key, b"x-coordination-workspace: local"],
    ):
        status, answer = await raw(team, b"/api/v1/sessions", *headers)
        assert status == 200, (headers, answer)


ODD_NAMES = (
    "%00",
    "a%00b",
    "%ff",
    "%ed%a0%80",
    "..",
    "%2e%2e",
    "a%2fb",
    "x" * 3000,
    "%20",
    "'--",
    "%25",
    "null",
)


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_an_odd_name_is_nobody_and_nothing(team: Hosted, name: str) -> None:
    key = b"authorization: Bearer " + team.owner.encode()
    body: dict[bytes, tuple[bytes, ...]] = {b"DELETE": (b"tokens", b"members", b"invitations")}
    for method, nouns in body.items():
        for noun in nouns:
            status, answer = await raw(team, b"/api/v1/" + noun + b"/" + name.encode(), key, method=method)
            assert status in {400, 404, 405, 422}, (noun, name, answer)
    changed: Any = await team.client.patch(
        f"/api/v1/members/{name}", json={"role": "viewer"}, headers={"authorization": f"Bearer {team.owner}"}
    )
    assert changed.status_code in {400, 404, 405, 422}, changed.text


async def test_who_may_not_bootstrap_is_told_so_before_anything_is_read(team: Hosted) -> None:
    for content in (b"{", b"{}", b"x" * 100_000):
        answer = await team.client.post(
            "/api/v1/bootstrap", content=content, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 401, answer.text
