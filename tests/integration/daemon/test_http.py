"""Who may ask the daemon what over HTTP, and what its health says."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from coordination import __version__
from coordination.client import token_file
from coordination.client.private_file import UnusableFile
from tests.integration.daemon.interface import TOKEN, Interface, interface


async def test_the_health_says_names_and_states_only_and_needs_no_token(daemon: Interface) -> None:
    answer = await daemon.client.get(f"{daemon.url}/health")
    assert answer.json() == {
        "status": "ok",
        "service": "reachable",
        "terminals": 1,
        "agents": 2,
        "version": __version__,
    }
    daemon.state.now("away")
    answer = await daemon.client.get(f"{daemon.url}/health")
    assert (answer.status_code, answer.json()["status"], answer.json()["service"]) == (
        200,
        "degraded",
        "away",
    )
    assert (await daemon.client.post(f"{daemon.url}/health")).status_code == 405


@pytest.mark.parametrize("path", ["/mcp", "/health", "/ws/daemon"])
async def test_a_token_in_the_url_is_refused_though_it_is_right(path: str) -> None:
    async with interface() as daemon:
        answer = await daemon.client.get(
            f"{daemon.url}{path}", params={"token": TOKEN}, headers={"authorization": f"Bearer {TOKEN}"}
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "query_refused")
        assert TOKEN not in answer.text


async def test_another_host_a_foreign_page_and_a_proxy_are_refused_first(daemon: Interface) -> None:
    right = {"authorization": f"Bearer {TOKEN}"}
    for path in ("/health", "/mcp"):
        for headers, status in (
            ({"host": "attacker.example:8765"}, 421),
            ({"origin": "https://attacker.example"}, 403),
            ({"sec-fetch-site": "cross-site"}, 403),
            ({"x-forwarded-for": "10.0.0.1"}, 400),
        ):
            answer = await daemon.client.get(f"{daemon.url}{path}", headers={**right, **headers})
            assert answer.status_code == status, (path, headers)


async def test_what_is_not_there_is_told_only_to_who_has_the_token(daemon: Interface) -> None:
    assert (await daemon.client.get(f"{daemon.url}/elsewhere")).status_code == 401
    right = {"authorization": f"Bearer {TOKEN}"}
    assert (await daemon.client.get(f"{daemon.url}/elsewhere", headers=right)).status_code == 404
    answer = await daemon.client.get(f"{daemon.url}/ws/daemon", headers=right)
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
    twice = {**right, "x-api-key": "x"}
    assert (await daemon.client.get(f"{daemon.url}/elsewhere", headers=twice)).status_code == 400
    assert (await daemon.client.put(f"{daemon.url}/mcp", headers=right)).status_code == 405


def test_the_token_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "daemon"
    made = token_file.read_or_make(folder / "token")
    assert len(made) == 43  # 256 bits
    assert token_file.read_or_make(folder / "token") == made
    assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "token").chmod(0o644)
    with pytest.raises(UnusableFile, match="open to other users"):
        token_file.read_or_make(folder / "token")


async def test_two_who_start_at_once_have_one_token(tmp_path: Path) -> None:
    made = await asyncio.gather(
        *(asyncio.to_thread(token_file.read_or_make, tmp_path / "daemon" / "token") for _ in range(8))
    )
    assert len(set(made)) == 1
