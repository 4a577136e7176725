"""Several services on one database behind a plain balancer: it does not matter which of them a request reaches."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from coordination.domain.visibility import PLANNER_TOOLS
from coordination.store.database import Database
from coordination.transport.mcp.visibility import Refusals
from tests.integration.app.conftest import Serve
from tests.integration.services.terminal import in_queue
from tests.integration.transport.endpoint import CLAUDE_CODE, IMPLEMENTER, PLANNER, Endpoint, Era, Headers

HEADERS = tuple(CLAUDE_CODE.items())
ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])


class Balancer(Endpoint):
    """Sends every request to the next service in turn; `asked` says which ones were reached."""

    def __init__(self, *urls: str) -> None:
        super().__init__(urls[0], Refusals())
        self._turns = itertools.cycle(urls)
        self.asked: list[str] = []

    async def post(
        self,
        path: str,
        body: dict[str, Any],
        headers: Headers = (),
        *,
        era: Era = "legacy",
        info: object = None,
    ) -> httpx.Response:
        self.url = next(self._turns)
        self.asked.append(self.url)
        return await super().post(path, body, headers, era=era, info=info)

    async def use(self, era: Era, path: str, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool, which must be done, and return its structured answer."""
        answer = await self.call(path, tool, arguments, HEADERS, era=era)
        assert answer.status_code == 200, answer.text
        result = answer.json()["result"]
        assert not result["isError"], result
        return result["structuredContent"]


@pytest.fixture
async def balancer(serve: Serve, dsn: str) -> AsyncGenerator[Balancer]:
    async with serve(dsn) as one, serve(dsn) as other:
        behind = Balancer(str(one.base_url).rstrip("/"), str(other.base_url).rstrip("/"))
        async with behind.client:
            yield behind


@ERAS
async def test_every_service_shows_the_same_tools_to_the_same_client(balancer: Balancer, era: Era) -> None:
    if era == "legacy":
        hello: dict[str, Any] = {"protocolVersion": "2025-11-25", "capabilities": {}}
        info = {"name": "claude-code", "version": "2"}
        await balancer.ask(PLANNER, "initialize", {**hello, "clientInfo": info}, HEADERS)
    shown = [await balancer.tools(PLANNER, HEADERS, era=era) for _ in range(4)]
    assert shown == [list(PLANNER_TOOLS)] * 4
    assert len(set(balancer.asked)) == 2


@ERAS
async def test_what_was_claimed_at_one_is_seen_renewed_and_released_at_the_other(
    balancer: Balancer, era: Era
) -> None:
    granted = await balancer.use(era, PLANNER, "claim_file_lock", file_paths=["a.py"], duration_minutes=1)
    held = await balancer.use(era, IMPLEMENTER, "claim_file_lock", file_paths=["a.py"])
    seen = await balancer.use(era, IMPLEMENTER, "check_agent_status")
    renewed = await balancer.use(era, PLANNER, "claim_file_lock", file_paths=[], action="renew")
    again = await balancer.use(era, IMPLEMENTER, "claim_file_lock", file_paths=["a.py"])
    await balancer.use(era, PLANNER, "claim_file_lock", file_paths=[], action="release")
    taken = await balancer.use(era, PLANNER, "claim_file_lock", file_paths=["b.py"])
    free = await balancer.use(era, IMPLEMENTER, "claim_file_lock", file_paths=["a.py"])
    assert (granted["outcome"], held["outcome"], again["outcome"]) == ("granted", "held", "held")
    assert held["conflicts"][0]["locked_by"] == "alice/planner"
    assert "alice/planner" in {agent["agent"] for agent in seen["agents"]}
    assert renewed["locks"][0]["fencing_token"] == granted["locks"][0]["fencing_token"]
    assert (taken["outcome"], free["outcome"]) == ("granted", "granted")
    assert free["locks"][0]["fencing_token"] > granted["locks"][0]["fencing_token"]


@ERAS
async def test_who_waits_at_one_wakes_by_a_release_at_the_other(
    balancer: Balancer, database: Database, era: Era
) -> None:
    await balancer.use(era, PLANNER, "claim_file_lock", file_paths=["a.py"])
    waiting = asyncio.create_task(
        balancer.use(era, IMPLEMENTER, "claim_file_lock", file_paths=["a.py"], wait_seconds=45)
    )
    await in_queue(database, 1)
    await balancer.use(era, PLANNER, "claim_file_lock", file_paths=["a.py"], action="release")
    async with asyncio.timeout(30):
        assert (await waiting)["outcome"] == "granted"
    assert balancer.asked[1] != balancer.asked[2]


@ERAS
async def test_news_of_what_happened_at_one_are_read_at_the_other(balancer: Balancer, era: Era) -> None:
    await balancer.use(era, IMPLEMENTER, "sync_progress")
    await balancer.use(era, PLANNER, "sync_progress", message="parser is yours", to=["impl_a"])
    news = await balancer.use(era, IMPLEMENTER, "sync_progress")
    assert "parser is yours" in str(news)
    assert balancer.asked[1] != balancer.asked[2]
