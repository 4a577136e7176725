"""A hosted service bounds what one credential and one address may ask, and shows its metrics to one token alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from coordination.transport.mcp.visibility import Refusals
from tests.integration.app.conftest import Client, Serve
from tests.integration.app.test_metrics import samples, value
from tests.integration.transport.endpoint import CLAUDE_CODE, IMPLEMENTER, Endpoint

BOOTSTRAP = "a-bootstrap-token-for-tests-of-32-and-more"
METRICS = "a-token-for-the-metrics-of-32-characters-"
SESSIONS = "/api/v1/sessions"


@asynccontextmanager
async def hosted(serve: Serve, dsn: str, **variables: str) -> AsyncGenerator[Client]:
    """A hosted service whose client is the owner of its first workspace."""
    settings = {"COORDINATION_MODE": "hosted", "COORDINATION_BOOTSTRAP_TOKEN": BOOTSTRAP, **variables}
    async with serve(dsn, **settings) as client:
        bearer = {"authorization": f"Bearer {BOOTSTRAP}"}
        made = await client.post("/api/v1/bootstrap", json={"user": "alice"}, headers=bearer)
        assert made.status_code == 200, made.text
        client.headers["authorization"] = f"Bearer {made.json()['secret']}"
        yield client


def limited(answer: Any) -> bool:
    """Whether an answer says that too much was asked, and when to go on."""
    return (
        answer.status_code == 429
        and answer.json()["code"] == "rate_limited"
        and int(answer.headers["retry-after"]) >= 1
    )


@pytest.mark.usefixtures("still")
async def test_a_credential_that_asks_too_often_is_told_so_over_both_transports(
    serve: Serve, dsn: str
) -> None:
    async with hosted(serve, dsn, COORDINATION_TOKEN_RATE="1") as client:  # noqa: S106 - how often
        answers = [await client.get(SESSIONS) for _ in range(6)]
        assert answers[0].status_code == 200
        assert limited(answers[-1])
        mcp = Endpoint(str(client.base_url).rstrip("/"), Refusals(), client=client)
        for era in ("legacy", "modern"):
            called = await mcp.call(
                IMPLEMENTER, "claim_file_lock", {"file_paths": ["a.py"]}, tuple(CLAUDE_CODE.items()), era=era
            )
            assert called.status_code == 200
            assert called.json()["result"]["structuredContent"]["code"] == "rate_limited"
        assert (await client.get("/health")).status_code == 200


async def test_an_address_that_guesses_is_refused_but_for_what_worked_there_before(
    serve: Serve, dsn: str
) -> None:
    async with hosted(serve, dsn, COORDINATION_ADDRESS_FAILURES="3") as client:
        unused = (await client.post("/api/v1/tokens", json={})).json()["secret"]
        wrong = {"authorization": "Bearer coord_" + "x" * 43}
        statuses = [(await client.get(SESSIONS, headers=wrong)).status_code for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        assert limited(await client.get(SESSIONS, headers={"authorization": f"Bearer {unused}"}))
        assert (await client.get(SESSIONS)).status_code == 200


async def test_an_address_has_so_many_streams(serve: Serve, dsn: str) -> None:
    async with hosted(serve, dsn, COORDINATION_ADDRESS_REQUESTS="1") as client:
        claim = {"agent": "alice/impl_a", "paths": ["a.py"]}
        assert (await client.post(f"{SESSIONS}/demo/locks/claim", json=claim)).status_code == 200
        async with client.stream("GET", "/api/v1/events?session=demo") as stream:
            assert stream.status_code == 200
            refused = await client.get(SESSIONS)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_connections")


async def test_local_mode_has_no_limits(serve: Serve, clean_dsn: str) -> None:
    tight = dict.fromkeys(("COORDINATION_TOKEN_RATE", "COORDINATION_ADDRESS_RATE"), "1")
    async with serve(clean_dsn, **tight, COORDINATION_ADDRESS_REQUESTS="1") as client:
        answers = await asyncio.gather(*(client.get(SESSIONS) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}


async def test_the_metrics_are_opened_by_their_token_and_by_nothing_else(serve: Serve, dsn: str) -> None:
    async with hosted(serve, dsn, COORDINATION_METRICS_TOKEN=METRICS) as client:
        owner = client.headers["authorization"]
        for headers in (
            {"authorization": owner},
            {"authorization": f"Bearer {METRICS[:-1]}"},
            {"authorization": f"Basic {METRICS}"},
            {"authorization": "", "x-api-key": METRICS},
        ):
            refused = await client.get("/metrics", headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        bearer = {"authorization": f"Bearer {METRICS}"}
        shown = await client.get("/metrics", headers=bearer)
        assert (await client.get(SESSIONS, headers=bearer)).status_code == 401
    assert shown.status_code == 200
    assert value(samples(shown.text), "refusals_total", reason="unauthorized") == 4


async def test_without_their_token_the_metrics_of_a_hosted_service_are_not_served(
    serve: Serve, dsn: str
) -> None:
    async with hosted(serve, dsn) as client:
        assert (await client.get("/metrics")).status_code == 404


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /%s HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" % (b"x" * 70_000), b"431"),
        (
            b"POST /api/v1/sessions/demo/messages HTTP/1.1\r\nhost: 127.0.0.1\r\n%s"
            b"content-type: application/json\r\ncontent-length: 2000000\r\n\r\n" + b"1" * 2_000_000,
            b"413",
        ),
    ],
    ids=["head", "body"],
)
async def test_heads_and_bodies_are_bounded_as_in_local_mode(
    serve: Serve, dsn: str, sent: bytes, status: bytes
) -> None:
    async with hosted(serve, dsn) as client:
        credential = f"authorization: {client.headers['authorization']}\r\n".encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(str(client.base_url)).port)
        writer.write(sent.replace(b"%s", credential, 1))
        assert (await reader.readline()).split()[1] == status
        writer.close()
