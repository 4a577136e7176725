"""`coord mcp-stdio`: MCP over standard input and output in both eras: what the bridge makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import orjson
import pytest

from coordination.cli import mcp_stdio
from coordination.cli.mcp_bridge import NotNow
from tests.integration.daemon.bridged import INITIALIZE, bridged, modern
from tests.integration.daemon.interface import MODERN, Interface, Upstream
from tests.integration.transport.endpoint import served


@pytest.fixture
async def scripted() -> AsyncGenerator[tuple[Upstream, str]]:
    upstream = Upstream(headers=(("content-type", "application/json"),))
    async with served(upstream, lifespan="off") as url:
        yield upstream, f"{url}/mcp"


async def test_the_older_era(daemon: Interface) -> None:
    async with bridged(f"{daemon.url}/mcp") as (client, _):
        begun = await client.ask("initialize", INITIALIZE, 0)
        assert begun["result"]["protocolVersion"] == "2025-11-25"
        client.send("notifications/initialized")
        listed = (await client.ask("tools/list", {}, "a"))["result"]["tools"]
        assert [tool["name"] for tool in listed] == ["claim_file_lock", "sync_progress", "check_agent_status"]
        assert (await client.call("claim_file_lock", file_paths=["a.py"]))["isError"] is False
    assert client.said == []


async def test_the_newer_era_with_a_stream_beside_calls(daemon: Interface) -> None:
    async with bridged(f"{daemon.url}/mcp") as (client, _):
        found = await client.ask("server/discover", modern({}), 0)
        assert MODERN in found["result"]["supportedVersions"]
        wanted = {"notifications": {"resourceSubscriptions": ["coordination://locks"]}}
        client.send("subscriptions/listen", modern(wanted), 7)
        assert (await client.get())["method"] == "notifications/subscriptions/acknowledged"
        claim = modern({"name": "claim_file_lock", "arguments": {"file_paths": ["a.py"]}})
        client.send("tools/call", claim, 8)
        got = [await client.get(), await client.get()]
        assert {one.get("id") for one in got} == {8, None}
        (told,) = [one for one in got if "method" in one]
        assert told["params"]["uri"] == "coordination://locks"


async def test_a_call_that_is_cancelled_leaves_the_queue_and_is_not_answered(
    daemon: Interface, behind: Any, session: str
) -> None:
    daemon.lead(str(behind.base_url).rstrip("/"), session, "impl_b", use="toolu_b")
    async with bridged(f"{daemon.url}/mcp") as (client, _):
        await client.ask("initialize", INITIALIZE, 0)
        await client.call("claim_file_lock", file_paths=["a.py"])
        claim = {"name": "claim_file_lock", "arguments": {"file_paths": ["a.py"], "wait_seconds": 45}}
        client.send("tools/call", {**claim, "_meta": {"claudecode/toolUseId": "toolu_b"}}, 2)
        await _until_waiting(behind, session, 1)
        client.send("notifications/cancelled", {"requestId": 2})
        await _until_waiting(behind, session, 0)
        assert (await client.ask("ping", {}, 3))["result"] == {}


async def test_the_end_of_the_input_ends_what_waits(daemon: Interface, behind: Any, session: str) -> None:
    daemon.lead(str(behind.base_url).rstrip("/"), session, "impl_b", use="toolu_b")
    async with bridged(f"{daemon.url}/mcp") as (client, running):
        await client.ask("initialize", INITIALIZE, 0)
        await client.call("claim_file_lock", file_paths=["a.py"])
        claim = {"name": "claim_file_lock", "arguments": {"file_paths": ["a.py"], "wait_seconds": 45}}
        client.send("tools/call", {**claim, "_meta": {"claudecode/toolUseId": "toolu_b"}}, 2)
        await _until_waiting(behind, session, 1)
        client.lines.put_nowait(None)
        async with asyncio.timeout(5):
            await running
        await _until_waiting(behind, session, 0)


async def _until_waiting(behind: Any, session: str, number: int) -> None:
    async with asyncio.timeout(10):
        while True:
            agents = (await behind.get(f"/api/v1/sessions/{session}")).json()["agents"]
            if sum(1 for one in agents if one["waiting"]) == number:
                return


async def test_calls_run_at_once_and_what_was_asked_before_the_end_is_answered(
    scripted: tuple[Upstream, str],
) -> None:
    _, url = scripted
    async with bridged(url) as (client, running):
        for number in range(10):
            client.send("ping", {}, number)
        client.lines.put_nowait(None)
        await running
    answered = [client.messages.get_nowait() for _ in range(client.messages.qsize())]
    assert len(answered) == 10


async def test_what_each_era_says_in_headers_is_taken_from_the_message(
    scripted: tuple[Upstream, str],
) -> None:
    upstream, url = scripted
    upstream.body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-06-18"}})
    upstream.headers = (*upstream.headers, ("mcp-session-id", "abc"))
    async with bridged(url) as (client, _):
        await client.ask("resources/read", modern({"uri": "coordination://prompt/é"}))
        assert upstream.sent("mcp-protocol-version") == [MODERN]
        assert upstream.sent("mcp-method") == ["resources/read"]
        assert upstream.sent("mcp-name") == ["=?base64?Y29vcmRpbmF0aW9uOi8vcHJvbXB0L8Op?="]
        assert upstream.sent("x-client-name") == ["claude-code"]
        await client.ask("initialize", INITIALIZE)
        assert upstream.sent("mcp-protocol-version") == []
        await client.ask("tools/call", {"name": "x"})
        assert upstream.sent("mcp-protocol-version") == ["2025-06-18"]
        assert upstream.sent("mcp-session-id") == ["abc"]
        assert upstream.sent("x-client-name") == ["claude-code"]
        assert (upstream.sent("mcp-method"), upstream.sent("mcp-name")) == ([], [])


async def test_what_is_no_message_is_an_error_and_the_rest_goes_on(scripted: tuple[Upstream, str]) -> None:
    upstream, url = scripted
    async with bridged(url) as (client, _):
        for line, code in ((b"{", -32700), (b"[]", -32600), (b'{"method": "x", "id": 1.5}', -32600)):
            client.lines.put_nowait(line)
            answer = await client.get()
            assert (answer["id"], answer["error"]["code"]) == (None, code)
        client.lines.put_nowait(b"  ")
        upstream.body = b'{"jsonrpc": "2.0", "id": 5, "result": {}}'
        assert await client.ask("ping", {}, 5) == {"jsonrpc": "2.0", "id": 5, "result": {}}


async def test_a_problem_becomes_an_error_of_json_rpc(scripted: tuple[Upstream, str]) -> None:
    upstream, url = scripted
    upstream.status = 403
    upstream.body = b'{"code": "unknown_terminal", "status": 403, "detail": "Nobody knows it."}'
    async with bridged(url) as (client, _):
        answer = await client.ask("tools/list", {})
        told = {"code": "unknown_terminal", "status": 403}
        assert answer["error"] == {"code": -32000, "message": "Nobody knows it.", "data": told}
        upstream.body = b"<html>"
        assert (await client.ask("tools/list", {}))["error"]["message"] == "The answer was HTTP 403."
        client.send("notifications/x")
        await client.ask("tools/list", {})
    assert client.said == ["notifications/x was not taken: The answer was HTTP 403."]


async def test_while_nobody_listens_a_call_is_told_to_come_again() -> None:
    async with bridged("http://127.0.0.1:9/mcp") as (client, _):
        result = await client.call("check_agent_status")
        assert (result["isError"], result["structuredContent"]["code"]) == (True, "retry_later")
        assert "coord daemon start" in result["structuredContent"]["message"]
        answer = await client.ask("tools/list", {})
        assert answer["error"]["data"] == {"code": "retry_later"}


async def test_while_there_is_no_token_it_is_said_why() -> None:
    def headers() -> dict[str, str]:
        raise NotNow("The daemon of this machine never ran.")

    async with bridged("http://127.0.0.1:9/mcp", headers) as (client, _):
        assert (await client.ask("tools/list", {}))["error"][
            "message"
        ] == "The daemon of this machine never ran."


async def test_a_stream_that_ends_without_the_answer_is_told(scripted: tuple[Upstream, str]) -> None:
    upstream, url = scripted
    upstream.headers = (("content-type", "text/event-stream"),)
    upstream.body = b'data: {"jsonrpc": "2.0", "method": "notifications/x"}\n\n: ping\n\n'
    async with bridged(url) as (client, _):
        client.send("subscriptions/listen", {}, 1)
        assert (await client.get())["method"] == "notifications/x"
        assert "ended the answer" in (await client.get())["error"]["message"]
        upstream.body = b'data: {"jsonrpc": "2.0", "id": 2, "result": {}}\n\n'
        assert "result" in await client.ask("tools/call", {"name": "x"}, 2)
    assert client.messages.empty()


async def test_lines_come_whole_however_they_arrive_and_one_that_is_too_long_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mcp_stdio, "LINE_MAX", 8)

    async def chunks() -> AsyncGenerator[bytes]:
        for chunk in (b"a\nb", b"c\n", b"0123456789", b"0123\nd\n", b"e"):
            yield chunk

    assert [line async for line in mcp_stdio.lines(chunks())] == [b"a", b"bc", b"d", b"e"]
    assert capsys.readouterr().err == "mcp-stdio: a message has more than 8 bytes and was left out\n"
