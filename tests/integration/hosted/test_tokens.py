"""Tokens of a hosted service: what each is bound to holds, on MCP and on REST; a revoked one is refused everywhere."""

from __future__ import annotations

import asyncio
import hashlib

import asyncpg
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict
from websockets.asyncio.client import connect

from coordination.domain.visibility import IMPLEMENTER_TOOLS, PLANNER_TOOLS
from tests.integration.hosted.team import API, BOOTSTRAP, Hosted

PLANNER = "alice__session__demo__planner"
AT_MOST_SECONDS = 20
"""Far above what any of it takes: what reaches it hangs."""


def forbidden(logs: list[EventDict]) -> list[str]:
    """Whose credentials the log says were used for what they are not for."""
    return [one["user"] for one in logs if one["event"] == "credential_forbidden"]


async def test_without_a_credential_nothing_but_the_open_paths_answers(team: Hosted) -> None:
    for method, path in (("GET", "/sessions"), ("POST", "/tokens"), ("GET", "/me"), ("GET", "/nothing")):
        answer = await team.ask(None, method, path, {})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await team.mcp(None, PLANNER, "tools/list")).status_code == 401
    assert (await team.client.get("/openapi.json")).status_code == 401
    for path in ("/health", "/ready", "/health/detailed", f"{API}/login"):
        assert (await team.client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "secret", ["coord_", "coord_" + "a" * 43, "a.b.c", BOOTSTRAP, "coord_invite_" + "a" * 43, "x" * 5000]
)
async def test_what_is_no_token_is_refused_alike(team: Hosted, secret: str) -> None:
    bearer = await team.ask(secret, "GET", "/sessions")
    key = await team.ask(None, "GET", "/sessions", **{"x-api-key": secret})
    assert bearer.status_code == key.status_code == 401
    assert bearer.json() == key.json()
    assert secret not in bearer.text


async def test_authentication_comes_before_parsing(team: Hosted) -> None:
    path = f"{API}/sessions/demo/locks/claim"
    answer = await team.client.post(path, content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 401
    answer = await team.client.post("/mcp/v2/claude/not__valid", content=b"{")
    assert answer.status_code == 401


async def test_a_token_is_shown_once_and_kept_as_its_sha_256(team: Hosted) -> None:
    made = await team.new_token(label="ci", days=7)
    assert len(made["secret"]) == len("coord_") + 43
    listed = await team.ask(team.owner, "GET", "/tokens")
    assert made["token"]["id"] in {token["id"] for token in listed.json()["tokens"]}
    assert made["secret"] not in listed.text
    connection = await asyncpg.connect(team.core.database.dsn)
    try:
        row = await connection.fetchrow("SELECT * FROM agent_tokens WHERE id = $1", made["token"]["id"])
    finally:
        await connection.close()
    assert row is not None
    assert row["digest"] == hashlib.sha256(made["secret"].encode()).digest()
    assert made["secret"] not in str(dict(row))


async def test_the_ids_of_a_url_must_be_the_tokens(team: Hosted) -> None:
    bound = await team.token(session="demo", agent="impl_a")
    assert await team.tools(bound, "alice__session__demo__impl_a") == list(IMPLEMENTER_TOOLS)
    for other in (
        "bob__session__demo__impl_a",
        "alice__session__other__impl_a",
        "alice__session__demo__impl_b",
        "alice__session__demo__planner",
        "alice",
    ):
        with capture_logs() as logs:
            answer = await team.mcp(bound, other, "tools/list")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), other
        assert forbidden(logs) == ["alice"], other


async def test_what_a_credential_is_not_for_is_an_event_of_security_on_every_way(team: Hosted) -> None:
    bound = await team.token(session="demo", agent="impl_a")
    join = {"agent": "alice/impl_b"}
    for method, path, body in (
        ("GET", "/sessions/other", None),
        ("POST", "/sessions/demo/agents", join),
        ("DELETE", "/sessions/demo/agents", {**join, "why": "ended"}),
        ("POST", "/tokens", {}),
        ("GET", "/events?session=other", None),
    ):
        with capture_logs() as logs:
            answer = await team.ask(bound, method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
        assert forbidden(logs) == ["alice"], path
        assert bound not in str(logs)


async def test_a_web_socket_that_asks_for_another_session_is_one_too(team: Hosted) -> None:
    bound = await team.token(session="demo", agent="impl_a")
    url = f"{team.url.replace('http', 'ws', 1)}/ws"
    headers = {"authorization": f"Bearer {bound}"}
    with capture_logs() as logs:
        async with asyncio.timeout(AT_MOST_SECONDS), connect(url, additional_headers=headers) as socket:
            await socket.send('{"subscribe": {"session": "other", "after": 0}}')
            assert "forbidden" in str(await socket.recv())
    assert forbidden(logs) == ["alice"]


async def test_whoever_tries_bootstrap_tokens_is_seen_in_the_log(team: Hosted) -> None:
    with capture_logs() as logs:
        await team.ask("c" * 43, "POST", "/bootstrap", {"user": "mallory"})
    assert [one["event"] for one in logs if one["log_level"] == "warning"] == ["credential_refused"]
    assert "c" * 43 not in str(logs)


async def test_a_token_gives_its_agent_the_role(team: Hosted) -> None:
    planner = await team.token(session="roles", agent="lead", role="planner")
    assert await team.tools(planner, "alice__session__roles__lead") == list(PLANNER_TOOLS)
    kept = await team.token(session="roles", agent="planner", role="implementer")
    assert await team.tools(kept, "alice__session__roles__planner") == list(IMPLEMENTER_TOOLS)


async def test_a_role_that_the_token_gives_cannot_be_taken_beside_it(team: Hosted) -> None:
    who = "alice__session__fixed__impl_a"
    fixed = await team.token(session="fixed", agent="impl_a", role="implementer")
    free = await team.token(session="fixed", agent="impl_a")
    await team.call(fixed, who, "check_agent_status")
    await team.core.presence.flush()
    await team.got(team.owner, "POST", "/sessions/fixed/planner", {"agent": "alice/impl_a"})
    assert await team.tools(fixed, who) == list(IMPLEMENTER_TOOLS)
    assert await team.tools(free, who) == list(PLANNER_TOOLS)


async def test_an_api_key_works_on_rest_and_sees_no_tool(team: Hosted) -> None:
    secret = await team.token()
    assert (await team.ask(None, "GET", "/sessions", **{"x-api-key": secret})).status_code == 200
    assert await team.tools(None, PLANNER, **{"x-api-key": secret}) == []
    call: dict[str, object] = {"name": "check_agent_status", "arguments": {}}
    hidden = await team.mcp(None, PLANNER, "tools/call", call, **{"x-api-key": secret})
    unknown = await team.mcp(
        None, PLANNER, "tools/call", {**call, "name": "nothing"}, **{"x-api-key": secret}
    )
    assert hidden.text.replace("check_agent_status", "nothing") == unknown.text
    both = await team.ask(secret, "GET", "/sessions", **{"x-api-key": secret})
    assert (both.status_code, both.json()["code"]) == (400, "invalid_input")


async def test_scopes_hold(team: Hosted) -> None:
    reader = await team.token(scopes=["read"])
    claim = {"agent": "alice/impl_a", "paths": ["a.py"]}
    assert (await team.ask(reader, "GET", "/sessions")).status_code == 200
    refused = await team.ask(reader, "POST", "/sessions/scopes/locks/claim", claim)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await team.ask(reader, "GET", "/tokens")).status_code == 403
    assert await team.tools(reader, "alice__session__scopes__planner") == []
    writer = await team.token(scopes=["write"])
    assert (await team.ask(writer, "POST", "/sessions/scopes/locks/claim", claim)).status_code == 200
    assert (await team.ask(writer, "GET", "/sessions")).status_code == 403


async def test_nobody_acts_for_another_user_or_under_another_name(team: Hosted) -> None:
    bob = await team.member("bob")
    claim = {"agent": "alice/impl_a", "paths": ["a.py"]}
    assert (await team.ask(bob, "POST", "/sessions/names/locks/claim", claim)).status_code == 403
    claim["agent"] = "bob/impl_a"
    assert (await team.ask(bob, "POST", "/sessions/names/locks/claim", claim)).status_code == 200
    said = {"text": "hello", "sender": "alice"}
    assert (await team.ask(bob, "POST", "/sessions/names/messages", said)).status_code == 403
    revoked = await team.got(bob, "POST", "/sessions/names/locks/revoke", {"everything": True})
    assert len(revoked["revoked"]) == 1
    events = (await team.got(bob, "GET", "/sessions/names/events"))["events"]
    assert [event["agent_id"] for event in events if event["kind"] == "lock.revoked"] == ["bob"]


async def test_an_agents_token_does_nothing_that_is_for_people(team: Hosted) -> None:
    bound = await team.token(session="people", agent="impl_a", scopes=["read", "write", "manage"])
    await team.got(bound, "POST", "/sessions/people/agents", {"agent": "alice/impl_a"})
    for method, path, body in (
        ("POST", "/sessions/people/locks/revoke", {"everything": True}),
        ("PATCH", "/sessions/people", {"status": "closed"}),
        ("POST", "/sessions/people/messages", {"text": "hello", "sender": "alice"}),
        ("POST", "/sessions/people/planner", {"agent": "alice/impl_a"}),
        ("POST", "/tokens", {}),
        ("GET", "/tokens", None),
        ("DELETE", "/members/alice", None),
        ("POST", "/invitations", {"user": "eve"}),
    ):
        answer = await team.ask(bound, method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
    assert [one["id"] for one in (await team.got(bound, "GET", "/sessions"))["sessions"]] == ["people"]


async def test_a_revoked_token_is_refused_at_once_and_what_runs_with_it_is_cut_off(team: Hosted) -> None:
    made = await team.new_token()
    secret = made["secret"]
    await team.got(team.owner, "POST", "/sessions/cut/locks/claim", {"agent": "alice/one", "paths": ["a.py"]})
    waiting = {"agent": "alice/two", "paths": ["a.py"], "wait_seconds": 45}
    headers = {"authorization": f"Bearer {secret}"}
    async with (
        asyncio.timeout(AT_MOST_SECONDS),
        team.client.stream("GET", f"{API}/events?session=cut", headers=headers) as stream,
    ):
        lines = stream.aiter_lines()
        await anext(lines)
        claim = asyncio.create_task(team.ask(secret, "POST", "/sessions/cut/locks/claim", waiting))
        await team.got(team.owner, "DELETE", f"/tokens/{made['token']['id']}")
        assert (await team.ask(secret, "GET", "/sessions")).status_code == 401
        async for _ in lines:
            pass
        assert (await claim).status_code == 401
    status = await team.got(team.owner, "GET", "/sessions/cut")
    assert status["waits"] == []


async def test_a_token_that_expired_works_no_more(team: Hosted) -> None:
    made = await team.new_token(days=1)
    connection = await asyncpg.connect(team.core.database.dsn)
    try:
        await connection.execute(
            "UPDATE agent_tokens SET expires_at = clock_timestamp() WHERE id = $1", made["token"]["id"]
        )
    finally:
        await connection.close()
    assert (await team.ask(made["secret"], "GET", "/sessions")).status_code == 401


async def test_when_a_token_was_last_used_is_known(team: Hosted) -> None:
    made = await team.new_token()
    await team.got(made["secret"], "GET", "/sessions")
    await team.core.authentication.write_use()
    tokens = (await team.got(team.owner, "GET", "/tokens"))["tokens"]
    used = {token["id"]: token["last_used_at"] for token in tokens}
    assert used[made["token"]["id"]] is not None
