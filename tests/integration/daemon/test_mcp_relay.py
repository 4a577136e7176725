"""The relay of MCP in front of the real service: whose a request is, what comes back, and what ends it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.integration.app.conftest import Client
from tests.integration.daemon.interface import CLAUDE_CODE, Interface, call, interface, modern


async def status(behind: Client, session: str) -> dict[str, Any]:
    """What the service says of a session."""
    answer = await behind.get(f"/api/v1/sessions/{session}")
    found: dict[str, Any] = answer.json() if answer.status_code == 200 else {"agents": []}
    return found


def name(agent: dict[str, Any]) -> str:
    """The name of an agent, without its user."""
    return str(agent["agent_id"]).removeprefix("alice/")


async def waiting(behind: Client, session: str) -> list[str]:
    """The agents that have a place in the queue."""
    return [name(one) for one in (await status(behind, session))["agents"] if one["waiting"]]


async def until_waits(behind: Client, session: str, agents: list[str]) -> None:
    async with asyncio.timeout(10):
        while await waiting(behind, session) != agents:
            pass  # each look is a request


async def test_a_call_is_that_of_the_terminals_agent_at_its_checkout(
    daemon: Interface, behind: Client, session: str
) -> None:
    daemon.lead(str(behind.base_url).rstrip("/"), session, checkout="here:/home/alice/project")
    result = await daemon.call("claim_file_lock", {"file_paths": ["/home/alice/project/a.py"]})
    assert result["structuredContent"]["locks"][0]["path"] == "a.py"
    (agent,) = (await status(behind, session))["agents"]
    assert (name(agent), agent["checkout_root"]) == ("impl_a", "/home/alice/project")


async def test_a_call_that_a_hook_announced_for_a_subagent_is_the_subagents(
    daemon: Interface, behind: Client, session: str
) -> None:
    daemon.lead(str(behind.base_url).rstrip("/"), session, "impl_a.explore-1", use="toolu_7")
    await daemon.call("claim_file_lock", {"file_paths": ["a.py"]}, use="toolu_7")
    answer = await daemon.call("claim_file_lock", {"file_paths": ["a.py"]}, use="toolu_8")
    assert answer["structuredContent"]["conflicts"][0]["locked_by"] == "alice/impl_a.explore-1"
    assert [use for _, use in daemon.asked] == ["toolu_7", "toolu_8"]


async def test_in_the_older_era_a_session_id_does_not_bind_a_call_to_one_agent(
    daemon: Interface, behind: Client, session: str
) -> None:
    """The service hands none out and minds none, so one connection may speak for several agents."""
    daemon.lead(str(behind.base_url).rstrip("/"), session, "impl_a.explore-1", use="toolu_7")
    client = {"name": "claude-code", "version": "2.1.197"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    begun = await daemon.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
    assert begun.json()["result"]["protocolVersion"] == "2025-11-25"
    assert "mcp-session-id" not in begun.headers
    told = await daemon.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (told.status_code, told.content) == (202, b"")
    for use, agent in (("toolu_7", "impl_a.explore-1"), (None, "impl_a")):
        answer = await daemon.post(
            call("claim_file_lock", {"file_paths": [agent]}, use),
            mcp_protocol_version="2025-11-25",
            mcp_session_id="of-some-other-connection",
        )
        assert answer.json()["result"]["isError"] is False
    agents = (await status(behind, session))["agents"]
    assert sorted(map(name, agents)) == ["impl_a", "impl_a.explore-1"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_what_the_older_era_asks_beside_posts_the_service_answers(
    daemon: Interface, method: str
) -> None:
    answer = await daemon.client.request(method, f"{daemon.url}/mcp", headers=daemon.headers)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("modern_era", [True, False])
async def test_a_result_for_a_terminal_without_hooks_begins_with_that(
    daemon: Interface, behind: Client, session: str, modern_era: bool
) -> None:
    daemon.lead(str(behind.base_url).rstrip("/"), session)
    asks, headers = call("check_agent_status", {}), dict[str, str]()
    if modern_era:
        asks, headers = modern("tools/call", {"name": "check_agent_status", "arguments": {}})
    usual = (await daemon.post(asks, **headers)).json()["result"]
    daemon.protected = False
    result = (await daemon.post(asks, **headers)).json()["result"]
    first, *others = result["content"]
    assert first["text"].startswith("coordination: NOT PROTECTED: no hook of this terminal has come")
    assert len(others) == len(usual["content"])
    # Claude Code shows its model the structured content alone.
    assert result["structuredContent"].pop("warnings") == [first["text"]]
    assert result["structuredContent"].keys() == usual["structuredContent"].keys()
    assert result["isError"] is usual["isError"]
    listed = (await daemon.post({"jsonrpc": "2.0", "id": 7, "method": "tools/list"})).json()
    assert "NOT PROTECTED" not in str(listed)


async def test_the_service_still_decides_who_sees_tools(daemon: Interface) -> None:
    body, headers = modern("tools/list", {})
    seen = (await daemon.post(body, **headers)).json()["result"]["tools"]
    assert [tool["name"] for tool in seen] == ["claim_file_lock", "sync_progress", "check_agent_status"]
    hidden = await daemon.post(body, **headers, user_agent="cursor/1.0")
    assert hidden.json()["result"]["tools"] == []


async def test_an_answer_has_one_request_id_which_is_the_services(daemon: Interface) -> None:
    answer = await daemon.post(call("check_agent_status", {}))
    assert len(answer.headers.get_list("x-request-id")) == 1
    assert len(answer.headers.get_list("date")) == 1


async def test_a_stream_comes_through_as_it_comes(daemon: Interface, behind: Client, session: str) -> None:
    wanted = {"notifications": {"resourceSubscriptions": ["coordination://locks"]}}
    body, headers = modern("subscriptions/listen", wanted)
    sent = {**daemon.headers, **{key.replace("_", "-"): value for key, value in headers.items()}}
    async with daemon.client.stream("POST", f"{daemon.url}/mcp", json=body, headers=sent) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        lines = stream.aiter_lines()
        assert (await _told(lines))["method"] == "notifications/subscriptions/acknowledged"
        # It is told while the stream is open, and other calls go on beside it.
        await daemon.call("claim_file_lock", {"file_paths": ["a.py"]})
        assert (await _told(lines))["params"]["uri"] == "coordination://locks"


async def _told(lines: Any) -> dict[str, Any]:
    async with asyncio.timeout(10):
        async for line in lines:
            if line.startswith("data:"):
                told: dict[str, Any] = json.loads(line[5:])
                return told
    raise AssertionError("the stream ended")


async def test_a_claim_that_waits_is_answered_when_its_turn_comes(
    daemon: Interface, behind: Client, session: str
) -> None:
    daemon.lead(str(behind.base_url).rstrip("/"), session, "impl_b", use="toolu_b")
    await daemon.call("claim_file_lock", {"file_paths": ["a.py"]})
    claim = {"file_paths": ["a.py"], "wait_seconds": 45}
    turn = asyncio.create_task(daemon.call("claim_file_lock", claim, use="toolu_b"))
    await until_waits(behind, session, ["impl_b"])
    await daemon.call("claim_file_lock", {"file_paths": ["a.py"], "action": "release"})
    assert (await turn)["structuredContent"]["outcome"] == "granted"


async def test_a_client_that_leaves_leaves_the_queue_of_the_service_within_a_second(
    daemon: Interface, behind: Client, session: str
) -> None:
    daemon.lead(str(behind.base_url).rstrip("/"), session, "impl_b", use="toolu_b")
    await daemon.call("claim_file_lock", {"file_paths": ["a.py"]})
    claim = {"file_paths": ["a.py"], "wait_seconds": 45}
    turn = asyncio.create_task(daemon.call("claim_file_lock", claim, use="toolu_b"))
    await until_waits(behind, session, ["impl_b"])
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    # A relay that held on to the request would have it wait for its 45 seconds.
    await until_waits(behind, session, [])


async def test_many_terminals_are_served_at_once_each_with_a_stream(
    daemon: Interface, behind: Client, session: str
) -> None:
    url = str(behind.base_url).rstrip("/")
    body, headers = modern("subscriptions/listen", {"notifications": {}})
    names = {key.replace("_", "-"): value for key, value in headers.items()}

    async def one(number: int) -> str:
        terminal = f"{number}-1.25"
        daemon.lead(url, session, f"impl_{number}", terminal=terminal)
        sent = {**daemon.headers, "x-coordination-terminal": terminal}
        async with daemon.client.stream(
            "POST", f"{daemon.url}/mcp", json=body, headers={**sent, **names}
        ) as stream:
            await _told(stream.aiter_lines())
            answer = await daemon.client.post(
                f"{daemon.url}/mcp", json=call("check_agent_status", {}), headers=sent
            )
        return str(answer.json()["result"]["isError"])

    assert await asyncio.gather(*(one(number) for number in range(1, 31))) == ["False"] * 30


async def test_a_terminal_that_nobody_knows_is_told_what_to_do(daemon: Interface) -> None:
    daemon.routes.clear()
    answer = await daemon.post(call("check_agent_status", {}))
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_terminal")
    assert "coord mcp-stdio" in answer.json()["detail"]
    nobody = {key: value for key, value in daemon.headers.items() if key != "x-coordination-terminal"}
    answer = await daemon.client.post(
        f"{daemon.url}/mcp", json=call("check_agent_status", {}), headers=nobody
    )
    assert answer.json()["code"] == "unknown_terminal"


async def test_a_terminal_header_that_is_none_is_refused_without_asking_anybody(daemon: Interface) -> None:
    answer = await daemon.post(call("check_agent_status", {}), x_coordination_terminal="ttys001")
    assert answer.json()["result"]["structuredContent"]["code"] == "invalid_input"
    assert daemon.asked == []


async def test_a_body_that_is_too_large_or_no_json_is_refused_as_by_the_service(daemon: Interface) -> None:
    large = await daemon.post({"x": "y" * (1024 * 1024)})
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    sent = {**daemon.headers, "content-type": "application/json"}
    answer = await daemon.client.post(f"{daemon.url}/mcp", content=b"{", headers=sent)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32700)


async def test_without_the_token_nothing_is_asked_of_anybody(daemon: Interface) -> None:
    for given in ({}, {"authorization": "Bearer wrong"}, {"x-api-key": "wrong"}):
        answer = await daemon.client.post(
            f"{daemon.url}/mcp", json=call("check_agent_status", {}), headers={**CLAUDE_CODE, **given}
        )
        # Not 401 or 403, by which Claude Code would look for a login and remember that for 15 minutes.
        assert (answer.status_code, answer.json()["code"]) == (400, "unauthorized")
    assert daemon.asked == []


async def test_the_proxy_of_the_environment_is_not_used(
    behind: Client, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with interface() as daemon:
        daemon.lead(str(behind.base_url).rstrip("/"), session)
        assert (await daemon.call("check_agent_status", {}))["isError"] is False
