"""Two workspaces on one service: over MCP and in streams neither learns that the other is there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from coordination.domain.visibility import PLANNER_TOOLS
from coordination.services import agent as agents
from coordination.services import file_lock
from tests.conftest import administer, in_database
from tests.integration.app.listening import request
from tests.integration.hosted.neighbours import WORD, Ids, Neighbours, neighbours
from tests.integration.store.steps import agent, wanted

DEMO = "alice__session__demo__planner"
SECONDS = 20
"""Far above what any of it takes: what reaches it hangs."""
ACCIDENTAL = re.compile(
    r'\\?"[a-z_]*(?:token|seq|cursor|ticket|seconds)\\?": ?\d+(?:\.\d+)?'
    r"|\b(?:task-)?(?:[0-9a-f]{16}|[0-9a-f]{8})\b|\d{4}-\d\d-\d\dT[\d:.]+Z?|\d+ s\b"
)
RESOURCES = (
    "coordination://prompt/{word}",
    "coordination://analysis/{analysis}",
    "coordination://analysis/{analysis}?after=1",
    "coordination://session?after=alice/{word}",
    "coordination://locks?after={word}.py",
    "coordination://events?after=1",
)


@pytest.fixture(scope="module")
async def both(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Neighbours]:
    await administer(server_dsn, f"CREATE DATABASE neighbours_mcp TEMPLATE {template} STRATEGY FILE_COPY")
    folder: Path = tmp_path_factory.mktemp("neighbours")
    async with neighbours(in_database(server_dsn, "neighbours_mcp"), folder) as one:
        yield one


def tool_calls(ids: Ids) -> dict[str, list[dict[str, Any]]]:
    """Calls of each tool that name what an id names."""
    word, path = ids.word, f"{ids.word}.py"
    return {
        "claim_file_lock": [
            {"file_paths": [path], "task_id": word},
            {"file_paths": [path], "action": "renew"},
            {"file_paths": [path], "action": "release"},
            {"file_paths": [f"dir/{path}"], "action": "release"},
        ],
        "sync_progress": [
            {"message": "hello", "to": [f"alice/{word}"]},
            {"task_id": word, "status": "completed"},
        ],
        "check_agent_status": [{"agent": word}, {"agent": f"alice/{word}"}, {"cursor": f"alice/{word}"}],
        "analyze_task_conflicts": [{"tasks": [f"change {path}", {"id": word, "description": word}]}],
        "create_task_distribution": [{"analysis_id": ids.analysis}],
    }


def asked(ids: Ids) -> list[tuple[str, dict[str, Any]]]:
    """Every request of MCP that can name anything."""
    calls = [
        ("tools/call", {"name": tool, "arguments": arguments})
        for tool, each in tool_calls(ids).items()
        for arguments in each
    ]
    named = {"word": ids.word, "analysis": ids.analysis}
    reads = [("resources/read", {"uri": uri.format(**named)}) for uri in RESOURCES]
    lists = [
        (f"{one}/list", dict[str, Any]()) for one in ("tools", "resources", "resources/templates", "prompts")
    ]
    prompt = ("prompts/get", {"name": "plan_work", "arguments": {"goal": ids.word}})
    return [*calls, *reads, *lists, prompt]


async def answer(
    both: Neighbours, secret: str, who: str, method: str, params: dict[str, Any], era: str
) -> str:
    headers = {"authorization": f"Bearer {secret}"}
    if era == "legacy":
        response = await both.team.mcp(secret, who, method, params)
    else:
        wanted_ = request(params, method=method)
        name = params.get("name") or params.get("uri")
        named = {} if name is None else {"mcp-name": name}
        sent = {**wanted_["headers"], **headers, **named}
        response = await both.team.client.post(f"/mcp/v2/claude/{who}", json=wanted_["json"], headers=sent)
    return f"{response.status_code} {response.text}"


def plain(both: Neighbours, said: str) -> str:
    """An answer without what was asked for, in this test before too, and without what no two answers share."""
    for ids in (both.reds, both.nobodys, both.first):
        said = ids.hidden(said)
    return ACCIDENTAL.sub("N", said)


def test_every_tool_is_asked(both: Neighbours) -> None:
    assert tool_calls(both.reds).keys() == set(PLANNER_TOOLS)


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_mcp_tells_of_another_workspace_what_it_tells_of_none(both: Neighbours, era: str) -> None:
    before = await both.red_rows()
    secret = both.secrets["owner"]
    for at, (method, params) in enumerate(asked(both.reds)):
        _, nowhere = asked(both.nobodys)[at]
        _, first = asked(both.first)[at]
        await answer(both, secret, DEMO, method, first, era)
        known = plain(both, await answer(both, secret, DEMO, method, params, era))
        unknown = plain(both, await answer(both, secret, DEMO, method, nowhere, era))
        assert known == unknown, params
    await both.core.presence.flush()
    assert await both.red_rows() == before


async def test_of_an_agent_there_is_nothing_in_the_session_of_the_same_name(both: Neighbours) -> None:
    for kind in ("session", "locks", "events"):
        # A secret of ours is used in what this test calls itself alone, so nobody of ours says the word.
        said = await answer(
            both,
            both.secrets["owner"],
            "alice__session__strict__planner",
            "resources/read",
            {"uri": f"coordination://{kind}"},
            "legacy",
        )
        assert said.startswith("200")
        assert WORD not in said


async def heard(both: Neighbours, of_red: int) -> None:
    """Let something happen in both workspaces' session of the same name: in red first."""
    for workspace in ("red", "local"):
        who = agent("teller", workspace=workspace, session="heard")
        await agents.join(both.core, who)
        path = f"{WORD}{of_red}.py" if workspace == "red" else f"ours{of_red}.py"
        await file_lock.claim(both.core, who, wanted(path))


async def test_a_stream_of_events_carries_those_of_ones_own_workspace(both: Neighbours) -> None:
    await heard(both, 0)
    headers = {"authorization": f"Bearer {both.secrets['owner']}"}
    path = "/api/v1/events?session=heard"
    read = ""
    async with asyncio.timeout(SECONDS), both.team.client.stream("GET", path, headers=headers) as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        await heard(both, 1)
        while "ours1.py" not in read:
            read += await anext(lines)
    assert WORD not in read


async def test_a_web_socket_carries_the_events_of_ones_own_workspace(both: Neighbours) -> None:
    await heard(both, 2)
    headers = {"authorization": f"Bearer {both.secrets['owner']}"}
    url = both.team.url.replace("http", "ws", 1) + "/ws"
    read = ""
    async with asyncio.timeout(SECONDS), connect(url, additional_headers=headers) as socket:
        refusals: list[str] = []
        for ids in (both.reds, both.nobodys):
            session = {"session": f"of-{ids.word}", "after": 0}
            await agents.join(both.core, agent("x", workspace="red", session=f"of-{WORD}"))
            await socket.send(orjson.dumps({"subscribe": session}).decode())
            refusals.append(both.nobodys.hidden(both.reds.hidden(str(await socket.recv()))))
        assert refusals[0] == refusals[1]
        assert "error" in refusals[0]
        await socket.send(orjson.dumps({"subscribe": {"session": "heard", "after": 0}}).decode())
        await heard(both, 3)
        while "ours3.py" not in read:
            read += str(await socket.recv())
    assert WORD not in read


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-websocket-protocol": "bearer, coord_x"},
        {"cookie": "token=coord_x"},
        {"authorization": "Bearer coord_" + "a" * 43},
    ],
)
async def test_a_web_socket_without_a_good_credential_is_not_opened(
    both: Neighbours, headers: dict[str, str]
) -> None:
    secret = both.secrets["owner"]
    sent = {name: value.replace("coord_x", secret) for name, value in headers.items()}
    for path in ("/ws", f"/ws?token={secret}", "/ws/", "//ws"):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(both.team.url.replace("http", "ws", 1) + path, additional_headers=sent):
                pass
        assert refused.value.response.status_code == 401, path


async def test_a_listener_is_told_of_its_own_workspace_alone(both: Neighbours) -> None:
    await heard(both, 4)
    wanted_ = request({"notifications": {"resourceSubscriptions": ["coordination://locks"]}})
    sent = {**wanted_["headers"], "authorization": f"Bearer {both.secrets['owner']}"}
    path = "/mcp/v2/claude/alice__session__heard__impl_a"
    events: list[str] = []
    async with (
        asyncio.timeout(SECONDS),
        both.team.client.stream("POST", path, json=wanted_["json"], headers=sent) as stream,
    ):
        lines = stream.aiter_lines()
        while not (line := await anext(lines)).startswith("data:"):
            pass
        who = agent("teller", workspace="red", session="heard")
        await file_lock.claim(both.core, who, wanted(f"{WORD}5.py"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                while not events:
                    line = await anext(lines)
                    events += [line] if line.startswith("data:") else []
    assert events == []


@pytest.mark.parametrize(
    "credential", ["owner", "member", "viewer", "an agent's", "a session's", "a reader's"]
)
async def test_another_workspace_cannot_be_asked_for(both: Neighbours, credential: str) -> None:
    secret = both.secrets[credential]
    answers = [
        await both.team.ask(secret, "GET", "/sessions", **{"x-coordination-workspace": name})
        for name in ("red", "reb", "ws_0123456789abcdef")
    ]
    assert {one.status_code for one in answers} == {403}
    assert len({one.content for one in answers}) == 1
    own = await both.team.ask(both.red_secret, "GET", "/sessions", **{"x-coordination-workspace": "local"})
    assert (own.status_code, own.content) == (403, answers[0].content)
    mcp = await both.team.mcp(secret, DEMO, "tools/list", **{"x-coordination-workspace": "red"})
    assert mcp.status_code == 403
