"""`subscriptions/listen` as MCP clients meet it: what is told, to whom, for how long, and what it says of presence."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from coordination.domain.agent import ACTIVE_SECONDS
from coordination.services import feed
from coordination.services.presence import WRITE_SECONDS
from coordination.transport.mcp import subscriptions
from coordination.wire.resource import LOCKS, SESSION
from tests.integration.app.conftest import Client, Serve
from tests.integration.app.listening import CLAUDE_CODE, META, listening, path, request, resource
from tests.integration.app.streams import claim, join, until_left


@pytest.fixture
async def session(client: Client) -> str:
    """A session of this test's own, with two events."""
    name = f"s-{uuid.uuid4().hex}"
    await join(client.core, name)
    return name


async def test_what_changed_is_told_to_whom_it_was_promised(client: Client, session: str) -> None:
    more: dict[str, Any] = {"resourcesListChanged": True, "taskIds": ["x"]}
    async with listening(client, session, [LOCKS, SESSION, "file:///etc/passwd"], **more) as told:
        await claim(client.core, session, "a.py")
        assert {await told.update(), await told.update()} == {LOCKS, SESSION}
        await join(client.core, f"{session}-too")
        await claim(client.core, session, "b.py")
        assert await told.update() == SESSION


async def test_of_locks_it_is_told_when_locks_change(client: Client, session: str) -> None:
    async with listening(client, session, [LOCKS]) as told, listening(client, session, [SESSION]) as other:
        message = {"text": "hello", "sender": "bob"}
        await client.post(f"/api/v1/sessions/{session}/messages", json=message)
        assert await other.update() == SESSION
        await claim(client.core, session, "a.py")
        assert await told.update() == LOCKS


async def test_what_it_is_told_of_it_can_read_and_finds_the_change_there(
    client: Client, session: str
) -> None:
    wanted = request({}, method="resources/list")
    listed = (await client.post(path(session), **wanted)).json()["result"]["resources"]
    assert [resource["uri"] for resource in listed] == list(subscriptions.RESOURCES)
    async with listening(client, session, list(subscriptions.RESOURCES)) as told:
        await claim(client.core, session, "changed.py")
        for uri in [await told.update() for _ in subscriptions.RESOURCES]:
            assert "changed.py" in await resource(client, session, uri), uri


async def test_it_begins_a_session_that_nobody_called_in_yet(client: Client) -> None:
    name = f"s-{uuid.uuid4().hex}"
    async with listening(client, name, [], agent="planner"):
        found = (await client.get(f"/api/v1/sessions/{name}")).json()["agents"]
    assert [agent["agent_id"] for agent in found] == ["alice/planner"]


async def test_while_it_is_open_its_agent_is_here_and_afterwards_no_more(
    client: Client, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "PRESENCE_SECONDS", 0.01)

    async def quiet_for_ten_minutes() -> None:
        await client.core.presence.flush()
        await client.core.database.fetch(
            "UPDATE claude_code_agents SET last_activity = last_activity - interval '11 minutes'"
            " WHERE session_id = $1",
            session,
        )

    async def is_active() -> bool:
        parameters = {"include_inactive": "true"}
        found = (await client.get(f"/api/v1/sessions/{session}", params=parameters)).json()["agents"]
        return [agent["presence"] for agent in found] == ["active"]

    async with listening(client, session, []):
        await quiet_for_ten_minutes()
        while not await is_active():
            await client.core.presence.flush()
    await until_left(client.core)
    await quiet_for_ten_minutes()
    await client.core.presence.flush()
    assert not await is_active()


def test_it_says_often_enough_that_its_agent_is_here() -> None:
    assert subscriptions.PRESENCE_SECONDS + WRITE_SECONDS < ACTIVE_SECONDS


async def test_a_service_that_stops_ends_it_with_its_result(serve: Serve, dsn: str) -> None:
    async with serve(dsn) as client, listening(client, "demo", [SESSION]) as told:
        client.core.stop_waiting()
        while "result" not in (last := await told.message()):
            pass
    assert last == {
        "jsonrpc": "2.0",
        "id": 7,
        "result": {"resultType": "complete", "_meta": {f"{META}/subscriptionId": 7}},
    }


async def test_who_has_no_tools_and_who_speaks_an_older_language_find_no_such_method(
    client: Client, session: str
) -> None:
    wanted = request({"notifications": {}})
    unknown = request({}, method="subscriptions/unknown")
    for where in ("/mcp/v2/cursor/alice", "/mcp/v2/claude/alice", path(session).replace("claude", "cursor")):
        answer = await client.post(where, **wanted)
        expected = (await client.post(where, **unknown)).json()["error"]
        assert answer.json()["error"] | {"data": ""} == expected | {"data": ""}
    old: dict[str, Any] = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "subscriptions/listen",
        "params": {"notifications": {}},
    }
    answer = await client.post(path(session), json=old, headers=CLAUDE_CODE)
    assert answer.json()["error"]["code"] in {-32601, -32602}
    await until_left(client.core)


@pytest.mark.parametrize(
    "params", [{}, {"notifications": []}, {"notifications": {"resourceSubscriptions": "x"}}]
)
async def test_malformed_wishes_are_refused(client: Client, session: str, params: dict[str, Any]) -> None:
    answer = await client.post(path(session), **request(params))
    assert answer.json()["error"]["code"] == -32602


async def test_only_so_many_are_open(client: Client, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await until_left(client.core)
    monkeypatch.setattr(feed, "MOST_STREAMS", 0)
    answer = await client.post(path(session), **request({"notifications": {}}))
    assert answer.json()["error"]["data"] == {"code": "retry_later"}


async def test_whoever_has_tools_discovers_what_it_can_be_told(client: Client, session: str) -> None:
    wanted = request({}, method="server/discover")
    shown = (await client.post(path(session), **wanted)).json()["result"]["capabilities"]
    assert shown["resources"] == {"subscribe": True, "listChanged": False}
    assert shown["tools"] == shown["prompts"] == {"listChanged": True}
    hidden = (await client.post("/mcp/v2/cursor/alice", **wanted)).json()["result"]["capabilities"]
    assert not hidden.get("resources", {}).get("subscribe")
    assert not any(hidden.get(name, {}).get("listChanged") for name in ("tools", "prompts"))
