"""Two workspaces on one service: over HTTP neither learns that the other is there, nor changes anything of it.

Every route is asked, with every kind of credential, for what the other has and for what nobody has. Both have to be
answered alike, byte for byte but for the names that were asked for.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import administer, in_database
from tests.integration.hosted.attacks import API, ROUTES, Attack
from tests.integration.hosted.neighbours import WORD, Neighbours, neighbours

METHODS = {"get", "put", "post", "patch", "delete", "head", "options"}
WORKING = ("owner", "member", "viewer", "an agent's", "a session's", "a reader's", "an API key")
BROKEN = ("revoked", "expired", "unknown", "none")
USERS = {"member": "bob", "viewer": "hal"}
ACCIDENTAL = re.compile(
    r'"(?:[a-z_]*token|ticket|seq|cursor|refresh|last)": ?\d+|\d{4}-\d\d-\d\dT[\d:.]+(?:\+00:00|Z)?|\d+\.\d+'
    r'|"members":\[\{.*?"ID".*\]'  # those that were added in this test
    r'|"granted_tokens":\[[\d,]*\]|"secret":"[^"]*"|"id":"[0-9a-f]{12}"|"code":"coord_invite_[^"]*"'
)
"""Numbers from the one sequence, instants, durations, and what is made at random."""


@pytest.fixture(scope="module")
async def both(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Neighbours]:
    await administer(server_dsn, f"CREATE DATABASE neighbours TEMPLATE {template} STRATEGY FILE_COPY")
    folder = tmp_path_factory.mktemp("neighbours")
    async with neighbours(in_database(server_dsn, "neighbours"), folder) as one:
        yield one


def presented(both: Neighbours, credential: str) -> dict[str, str]:
    if credential == "none":
        return {}
    secret = "coord_" + "a" * 43 if credential == "unknown" else both.secrets[credential]
    return {"x-api-key": secret} if credential == "an API key" else {"authorization": f"Bearer {secret}"}


async def ask(
    both: Neighbours, method: str, attack: Attack, headers: dict[str, str]
) -> tuple[int, list[tuple[str, str]], str]:
    """The answer of a request: its status, its headers and its body; of a stream that begins, no body."""
    request = both.team.client.build_request(
        method, f"{API}{attack.path}", json=attack.body, params=attack.query, headers=headers
    )
    response = await both.team.client.send(request, stream=True)
    try:
        body = "" if _streams(response) else (await response.aread()).decode()
    finally:
        await response.aclose()
    varying = {"date", "x-request-id", "content-length"}
    return (
        response.status_code,
        [one for one in response.headers.multi_items() if one[0] not in varying],
        body,
    )


def _streams(response: httpx.Response) -> bool:
    return response.headers.get("content-type", "").startswith("text/event-stream")


def said(both: Neighbours, answer: tuple[int, list[tuple[str, str]], str]) -> tuple[int, str, str]:
    """An answer without what was asked for, before too, and without what no two answers share."""
    status, headers, body = answer
    for ids in (both.reds, both.nobodys, both.first):
        body = ids.hidden(body)
    return status, str(headers), ACCIDENTAL.sub("N", body)


async def differences(both: Neighbours, credential: str, *, questions: bool) -> dict[str, Any]:
    """Ask every route that looks, or every other one; returns what was told otherwise, and what was told of red."""
    found: dict[str, Any] = {}
    me, headers = USERS.get(credential, "alice"), presented(both, credential)
    for (method, path), attacks in ROUTES.items():
        if (method == "GET") != questions:
            continue
        asked = [attacks(me, ids) for ids in (both.first, both.reds, both.nobodys)]
        for first, known, unknown in zip(*asked, strict=True):
            if not questions:
                # What the own workspace answers once alone is answered to none of the two.
                await ask(both, method, first, headers)
            answer = await ask(both, method, known, headers)
            other = await ask(both, method, unknown, headers)
            assert answer[0] < 500, (path, answer)
            if said(both, answer) != said(both, other):
                found[f"{credential} {method} {known}"] = f"{answer}\n{other}"
            if questions and WORD in answer[2]:
                found[f"{credential} {method} {known} tells"] = answer
            if credential in BROKEN and path.rpartition("/")[2] not in {"login", "memberships"}:
                assert answer[0] == 401, (path, answer)
    return found


def test_every_route_is_attacked(both: Neighbours) -> None:
    described: dict[str, Any] = both.team.app.openapi()["paths"]
    routes = {(method.upper(), path) for path, of in described.items() for method in METHODS & of.keys()}
    assert routes == ROUTES.keys()


@pytest.mark.parametrize("credential", [*WORKING, *BROKEN])
async def test_who_looks_is_told_of_another_workspace_what_is_told_of_none(
    both: Neighbours, credential: str
) -> None:
    before = await both.red_rows()
    assert await differences(both, credential, questions=True) == {}
    await both.core.presence.flush()
    assert await both.red_rows() == before


async def test_who_acts_is_told_of_another_workspace_what_is_told_of_none_and_changes_nothing_there(
    dsn: str, tmp_path: Path
) -> None:
    async with neighbours(dsn, tmp_path) as both:
        before = await both.red_rows()
        for credential in (*WORKING, *BROKEN):
            assert await differences(both, credential, questions=False) == {}
        await both.core.presence.flush()
        assert await both.red_rows() == before
