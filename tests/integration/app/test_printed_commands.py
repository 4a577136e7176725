"""What agents are told to show a person leads to the service that said it, as what the commands print does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs
import pytest

from coordination.app.command_line import coord_on, program
from coordination.cli import place
from coordination.settings import load
from coordination.settings.values import APP
from tests.integration.app.conftest import Client

PLANNER = "/mcp/v2/claude/alice__session__printed__planner"
TASKS = [{"id": id_, "description": f"Do {id_}", "files": [f"{id_}.py"]} for id_ in "ab"]


async def called(client: Client, tool: str, **arguments: Any) -> Any:
    """What a tool answers the planner."""
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }
    answer = await client.post(PLANNER, json=body, headers={"x-client-name": "claude code"})
    return answer.json()["result"]["structuredContent"]


async def test_the_planner_is_given_lines_that_find_a_service_on_another_data_folder(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COORDINATION_DATA_DIR", str(client.settings.data_dir))
    for name in ("PORT", "COORDINATION_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    analysed = await called(client, "analyze_task_conflicts", tasks=TASKS)
    assert f"`{place.coord('index printed')}`" in analysed["warnings"][0]
    handed_out = await called(client, "create_task_distribution", analysis_id=analysed["analysis_id"])
    first = handed_out["terminals"][0]
    assert first["prompt"] == place.coord("prompt impl_a printed")
    assert first["command"] == f'COORD_AGENT=impl_a claude "$({first["prompt"]})"'


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({}, ""),
        ({"PORT": "8123"}, "PORT=8123 "),
        ({"PORT": "0"}, ""),
        (
            {"COORDINATION_DATA_DIR": "/a b", "PORT": "8123"},
            "COORDINATION_DATA_DIR='/a b' PORT=8123 ",
        ),
        # As `coord up` starts it: everybody's folder, said aloud.
        ({"COORDINATION_DATA_DIR": str(platformdirs.user_data_path(APP, appauthor=False))}, ""),
    ],
)
def test_only_what_leads_elsewhere_stands_in_front(
    given: dict[str, str], shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert coord_on(load(given)) == f"{shown}{program()}"


def test_who_is_at_another_machine_is_told_nothing_of_this_one(tmp_path: Path) -> None:
    hosted = {"COORDINATION_MODE": "hosted", "DATABASE_URL": "postgresql://127.0.0.1/name", "PORT": "8001"}
    assert coord_on(load({**hosted, "COORDINATION_DATA_DIR": str(tmp_path)})) == "coord"
