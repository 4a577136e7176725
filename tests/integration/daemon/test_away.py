"""The relay while the service is away, is being started, breaks off or answers what would mislead a client."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.types import Receive, Scope, Send

from coordination.daemon.service_state import ServiceState
from tests.integration.daemon.interface import TERMINAL, Upstream, call, free, interface, modern
from tests.integration.transport.endpoint import served

CLAIM = call("claim_file_lock", {"file_paths": ["a.py"]})
AGAIN = 'claim_file_lock(file_paths=["a.py"])'


def nobody_listens() -> str:
    with free() as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_a_call_is_answered_as_the_service_answers_retry_later_and_the_rest_by_503() -> None:
    async with interface() as daemon:
        daemon.lead(nobody_listens(), "demo")
        result = await daemon.call("claim_file_lock", {"file_paths": ["a.py"]})
        assert result["isError"] is True
        said = result["structuredContent"]
        assert (said["code"], said["next_call"]) == ("retry_later", AGAIN)
        assert "Nothing was done" in said["message"]
        assert result["content"] == [
            {"type": "text", "text": f"retry_later: {said['message']}\nNext: {AGAIN}"}
        ]
        body, headers = modern("tools/list", {})
        answer = await daemon.post(body, **headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "retry_later")
        assert daemon.state.state == "away"


async def test_in_the_newer_era_the_answer_says_that_it_is_complete() -> None:
    async with interface() as daemon:
        daemon.lead(nobody_listens(), "demo")
        body, headers = modern("tools/call", {"name": "check_agent_status", "arguments": {}})
        answer = (await daemon.post(body, **headers)).json()
        assert (answer["id"], answer["result"]["resultType"]) == (7, "complete")


async def test_while_the_service_is_being_started_a_request_waits_for_it() -> None:
    upstream = Upstream()
    async with served(upstream, lifespan="off") as url, interface() as daemon:
        daemon.lead(url, "demo")
        daemon.state.now("starting")
        waits = asyncio.create_task(daemon.post(CLAIM))
        assert (await daemon.client.get(f"{daemon.url}/health")).json()["service"] == "starting"
        assert (upstream.requests, waits.done()) == ([], False)
        daemon.state.now("reachable")
        assert (await waits).status_code == 200


async def test_a_start_that_takes_too_long_is_told() -> None:
    async with interface(starting_seconds=0.05) as daemon:
        daemon.state.now("starting")
        result = await daemon.call("claim_file_lock", {"file_paths": ["a.py"]})
        assert "is being started" in result["structuredContent"]["message"]
        assert daemon.asked == []


async def test_a_request_that_finds_nobody_because_the_service_just_begins_waits_too() -> None:
    with free() as listener:
        port: int = listener.getsockname()[1]
    async with interface() as daemon:
        daemon.lead(f"http://127.0.0.1:{port}", "demo")

        # Whoever starts the service says so while the request is on its way to it.
        daemon.on_asked = lambda: daemon.state.now("starting")
        begun = asyncio.create_task(daemon.state.changed())
        waits = asyncio.create_task(daemon.post(CLAIM))
        assert await begun == "starting"
        async with served(Upstream(), lifespan="off", at=port):
            daemon.state.now("reachable")
            assert (await waits).status_code == 200


async def test_a_service_that_breaks_off_leaves_it_open_whether_it_was_done() -> None:
    async def breaks(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"100")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"jsonrpc"', "more_body": True})
        raise ConnectionResetError("as if it was killed")

    async with served(breaks, lifespan="off", log_config=None) as url, interface() as daemon:
        daemon.lead(url, "demo")
        said = (await daemon.call("claim_file_lock", {"file_paths": ["a.py"]}))["structuredContent"]
        assert said["code"] == "retry_later"
        assert "Whether it was done is not known" in said["message"]


async def test_a_stream_that_breaks_off_ends() -> None:
    async def breaks(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: {}\n\n", "more_body": True})
        raise ConnectionResetError("as if it was killed")

    async with served(breaks, lifespan="off", log_config=None) as url, interface() as daemon:
        daemon.lead(url, "demo")
        answer = await daemon.post(CLAIM)
        assert (answer.status_code, answer.text) == (200, "data: {}\n\n")


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_what_a_proxy_says_for_a_service_that_is_away_is_told_the_model_of_a_call(status: int) -> None:
    async with served(Upstream(status, b"<html>"), lifespan="off") as url, interface() as daemon:
        daemon.lead(url, "demo")
        result = await daemon.call("claim_file_lock", {"file_paths": ["a.py"]})
        assert result["structuredContent"]["code"] == "retry_later"
        body, headers = modern("tools/list", {})
        assert (await daemon.post(body, **headers)).status_code == status


async def test_a_login_that_works_no_more_is_told_and_never_as_a_401() -> None:
    async with served(Upstream(401), lifespan="off") as url, interface() as daemon:
        daemon.lead(url, "demo")
        said = (await daemon.call("claim_file_lock", {"file_paths": ["a.py"]}))["structuredContent"]
        assert (said["code"], said["next_call"]) == ("unauthorized", "coord login")
        body, headers = modern("tools/list", {})
        answer = await daemon.post(body, **headers)
        assert (answer.status_code, answer.json()["code"]) == (502, "service_refused")


async def test_what_the_service_does_not_allow_is_told_in_its_words_and_never_as_a_403() -> None:
    upstream = Upstream(403, b'{"code": "forbidden", "detail": "It is for another session."}')
    async with served(upstream, lifespan="off") as url, interface() as daemon:
        daemon.lead(url, "demo")
        said = (await daemon.call("claim_file_lock", {"file_paths": ["a.py"]}))["structuredContent"]
        assert (said["code"], said["message"]) == ("forbidden", "It is for another session.")
        body, headers = modern("tools/list", {})
        answer = await daemon.post(body, **headers)
        assert (answer.status_code, answer.json()["detail"]) == (502, "It is for another session.")


async def test_no_redirect_is_followed_or_passed_on() -> None:
    elsewhere = Upstream()
    async with served(elsewhere, lifespan="off") as other, interface() as daemon:
        upstream = Upstream(307, headers=(("location", f"{other}/mcp"),))
        async with served(upstream, lifespan="off") as url:
            daemon.lead(url, "demo")
            body, headers = modern("tools/list", {})
            assert (await daemon.post(body, **headers)).status_code == 503
        assert elsewhere.requests == []


async def test_what_is_the_clients_is_passed_on_and_what_is_the_daemons_stays() -> None:
    upstream = Upstream(headers=(("set-cookie", "a=b"), ("retry-after", "3"), ("content-type", "x/y")))
    async with served(upstream, lifespan="off") as url, interface() as daemon:
        secret = {"authorization": "Bearer of-the-service", "x-coordination-workspace": "team"}
        daemon.lead(url, "demo", checkout="here:/src", headers=secret)
        kept = {"user-agent": "claude-code/9", "x-client-name": "claude code", "mcp-name": "=?base64?w6k=?="}
        dropped = {
            "cookie": "a=b",
            "x-coordination-checkout": "x:/y",
            "x-coordination-workspace": "o",
            "te": "t",
        }
        body = json.dumps(CLAIM, indent=3).encode()
        answer = await daemon.client.post(
            f"{daemon.url}/mcp",
            content=body,
            headers={**daemon.headers, "content-type": "application/json; charset=utf-8", **kept, **dropped},
        )
        assert upstream.bodies == [body]
        assert upstream.requests[0]["path"] == "/mcp/v2/claude/alice__session__demo__impl_a"
        assert upstream.sent("authorization") == ["Bearer of-the-service"]
        assert upstream.sent("x-coordination-workspace") == ["team"]
        assert upstream.sent("x-coordination-checkout") == ["here:/src"]
        assert upstream.sent("x-coordination-terminal") == [TERMINAL]
        assert upstream.sent("user-agent") == ["claude-code/9"]
        assert upstream.sent("x-client-name") == ["claude code"]
        assert upstream.sent("mcp-name") == ["=?base64?w6k=?="]
        assert upstream.sent("content-type") == ["application/json; charset=utf-8"]
        assert upstream.sent("host") == [url.removeprefix("http://")]
        assert (upstream.sent("cookie"), upstream.sent("te")) == ([], [])
        assert "set-cookie" not in answer.headers
        assert (answer.headers["retry-after"], answer.headers["content-type"]) == ("3", "x/y")


async def test_a_client_that_sends_no_names_of_itself_gets_none_added() -> None:
    upstream = Upstream()
    async with served(upstream, lifespan="off") as url, interface() as daemon:
        daemon.lead(url, "demo")
        request = daemon.client.build_request("POST", f"{daemon.url}/mcp", json=CLAIM, headers=daemon.headers)
        del request.headers["user-agent"]
        await daemon.client.send(request)
        assert upstream.sent("user-agent") == []


async def test_how_the_service_stands_is_told_who_waits_for_a_change() -> None:
    state = ServiceState("reachable")
    waits = asyncio.create_task(state.changed())
    await asyncio.sleep(0)
    state.met(answered=True)
    await asyncio.sleep(0)
    assert not waits.done()
    state.now("starting")
    assert await waits == "starting"
    state.met(answered=False)
    assert state.state == "starting"
    state.met(answered=True)
    assert state.state == "reachable"
