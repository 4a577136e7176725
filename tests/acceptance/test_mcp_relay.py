"""The real Claude Code in both versions behind the daemon's one URL: who asks is told by the daemon alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from coordination.daemon.upstream import Route
from tests.acceptance.checkout import clone
from tests.acceptance.claude import NEWER, OLDER, Claude
from tests.acceptance.four_terminals import CLAIM, USER, holds
from tests.acceptance.model_api import ModelApi
from tests.acceptance.outcome import Outcome
from tests.acceptance.script import Call, Json, Say, Step
from tests.acceptance.service import Service
from tests.integration.daemon.interface import TERMINAL, TOKEN, interface

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="real clients start"),
]


def _register(claude: Claude, entry: Json) -> None:
    claude.run("claude", "mcp", "add-json", "coordination", json.dumps(entry), "--scope", "local")


def _play(claude: Claude, steps: Sequence[Step]) -> Outcome:
    return claude.start("one", steps).wait()


@pytest.mark.parametrize("version", [NEWER, OLDER])
async def test_one_url_serves_a_terminal_and_its_subagent_by_the_ids_of_their_calls(
    version: str, programs: dict[str, Path], repository: Path, service: Service, tmp_path: Path
) -> None:
    session = f"relay-{version}"
    checkout = await asyncio.to_thread(clone, repository, tmp_path / "checkout")
    uses: list[str] = []

    async with interface() as daemon:

        async def resolve(_terminal: str, use: str | None) -> Route:
            if use is not None:
                uses.append(use)
            name = "impl_a.explore-1" if len(uses) == 2 else "impl_a"
            return Route(service.url, USER, session, name, checkout=f"here:{checkout}")

        daemon.answer = resolve
        with ModelApi(tmp_path / "model.jsonl") as model:
            claude = Claude(programs[version], tmp_path, checkout, model)
            entry = {
                "type": "http",
                "url": f"{daemon.url}/mcp",
                "headers": {"Authorization": f"Bearer {TOKEN}", "x-coordination-terminal": TERMINAL},
            }
            _register(claude, entry)
            claims = [Call(CLAIM, {"file_paths": [path]}) for path in ("setup.py", "tox.ini")]
            outcome = await asyncio.to_thread(_play, claude, [*claims, Say("Done.")])
    assert outcome.exit_code == 0
    assert outcome.servers == {"coordination": "connected"}
    assert [result.content["outcome"] for result in outcome.results] == ["granted", "granted"]
    # Every call is named, by the id that hooks see too.
    assert len(set(uses)) == 2
    view = service.status(session)
    assert holds(view, "impl_a") == ["setup.py"]
    assert holds(view, "impl_a.explore-1") == ["tox.ini"]


@pytest.mark.parametrize("version", [NEWER, OLDER])
async def test_that_a_terminal_had_no_token_is_not_remembered(
    version: str, programs: dict[str, Path], repository: Path, service: Service, tmp_path: Path
) -> None:
    """A 401 or 403 would be, for fifteen minutes in which the terminal does not even try."""
    session = f"early-{version}"
    checkout = await asyncio.to_thread(clone, repository, tmp_path / "checkout")
    async with interface() as daemon:
        daemon.lead(service.url, session)
        with ModelApi(tmp_path / "model.jsonl") as model:
            claude = Claude(programs[version], tmp_path, checkout, model)
            _register(claude, {"type": "http", "url": f"{daemon.url}/mcp"})
            refused = await asyncio.to_thread(_play, claude, [Say("Nothing works.")])
            assert refused.servers == {"coordination": "failed"}
            assert not (claude.home / ".claude" / "mcp-needs-auth-cache.json").exists()
