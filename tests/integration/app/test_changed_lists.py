"""An agent that takes the planner's role, or loses it, is told at once that its lists changed, and finds them so."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from coordination.domain.visibility import IMPLEMENTER_TOOLS, PLANNER_TOOLS
from coordination.wire.resource import LOCKS
from tests.integration.app.conftest import Client
from tests.integration.app.listening import CLAUDE_CODE, META, Told, listening, path, request
from tests.integration.app.streams import claim, join

TOOLS, PROMPTS = "notifications/tools/list_changed", "notifications/prompts/list_changed"
ALL: dict[str, Any] = {"toolsListChanged": True, "promptsListChanged": True}
OLD_VERSION = "2025-11-25"


@pytest.fixture
async def session(client: Client) -> str:
    """A session of this test's own with the agent `impl_a`."""
    name = f"s-{uuid.uuid4().hex}"
    await join(client.core, name)
    return name


async def give(client: Client, session: str, name: str, method: str = "POST") -> None:
    """Let an agent take the planner's role, or give it back."""
    answer = await client.request(
        method, f"/api/v1/sessions/{session}/planner", json={"agent": f"alice/{name}"}
    )
    assert answer.status_code == 200, answer.text


async def tools(client: Client, session: str, name: str = "impl_a") -> tuple[str, ...]:
    answer = await client.post(path(session, name), **request({}, method="tools/list"))
    return tuple(tool["name"] for tool in answer.json()["result"]["tools"])


async def told_methods(told: Told, number: int) -> set[str]:
    messages = [await told.message() for _ in range(number)]
    assert {message["params"]["_meta"][f"{META}/subscriptionId"] for message in messages} == {7}
    return {message["method"] for message in messages}


async def test_who_takes_the_role_and_gives_it_back_is_told_both_times(client: Client, session: str) -> None:
    async with listening(client, session, [], **ALL) as told:
        assert await tools(client, session) == IMPLEMENTER_TOOLS
        await give(client, session, "impl_a")
        assert await told_methods(told, 2) == {TOOLS, PROMPTS}
        assert await tools(client, session) == PLANNER_TOOLS
        await give(client, session, "impl_a", "DELETE")
        assert await told_methods(told, 2) == {TOOLS, PROMPTS}
        assert await tools(client, session) == IMPLEMENTER_TOOLS


async def test_whoever_loses_the_role_to_another_is_told_as_well(client: Client, session: str) -> None:
    await give(client, session, "impl_a")
    async with (
        listening(client, session, [], toolsListChanged=True) as told,
        listening(client, session, [], agent="impl_b", toolsListChanged=True) as other,
    ):
        await client.core.presence.flush()
        await client.core.database.fetch(
            "UPDATE claude_code_agents SET last_activity = last_activity - interval '11 minutes'"
            " WHERE session_id = $1 AND name = 'impl_a'",
            session,
        )
        await give(client, session, "impl_b")
        assert await told_methods(told, 1) == await told_methods(other, 1) == {TOOLS}
        assert await tools(client, session, "impl_b") == PLANNER_TOOLS


async def test_of_another_agents_role_and_of_what_was_not_asked_for_nobody_is_told(
    client: Client, session: str
) -> None:
    async with (
        listening(client, session, [LOCKS], agent="impl_b", **ALL) as other,
        listening(client, session, [LOCKS], promptsListChanged=True, toolsListChanged=False) as told,
    ):
        await give(client, session, "impl_a")
        assert await told_methods(told, 1) == {PROMPTS}
        await claim(client.core, session, "a.py")
        assert await told.update() == await other.update() == LOCKS


async def test_in_the_older_era_there_is_no_stream_and_the_next_list_is_the_new_one(
    client: Client, session: str
) -> None:
    params: dict[str, Any] = {
        "protocolVersion": OLD_VERSION,
        "capabilities": {},
        "clientInfo": {"name": "claude-code", "version": "2.1.197"},
    }
    ask: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    shown = (await client.post(path(session), json=ask, headers=CLAUDE_CODE)).json()["result"]
    assert shown["capabilities"]["tools"] == {"listChanged": False}
    stream = await client.get(path(session), headers={**CLAUDE_CODE, "accept": "text/event-stream"})
    assert stream.status_code == 405
    ask = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}
    await give(client, session, "impl_a")
    headers = {**CLAUDE_CODE, "mcp-protocol-version": OLD_VERSION}
    listed = (await client.post(path(session), json=ask, headers=headers)).json()["result"]["tools"]
    assert tuple(tool["name"] for tool in listed) == PLANNER_TOOLS
