"""People at a hosted service: in with what their Supabase project gave them, else told where to log in."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator

import pytest

from coordination.transport.mcp.protected_resource import METADATA_PATH, WELL_KNOWN
from tests.integration.app.conftest import Client, Serve
from tests.supabase.fixtures import supabase, supabase_server
from tests.supabase.keys import Key, claims
from tests.supabase.project import API_KEY, SupabaseProject

__all__ = ["supabase", "supabase_server"]

PUBLIC = "https://coordination.example.com"
MCP = "/mcp/v2/claude/ann__session__demo__planner"
MODERN = "2026-07-28"
LIST = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/list",
    "params": {
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "claude-code", "version": "2.1.330"},
        }
    },
}
CLAUDE_CODE = {
    "mcp-protocol-version": MODERN,
    "mcp-method": "tools/list",
    "accept": "application/json, text/event-stream",
}


@pytest.fixture
async def hosted(serve: Serve, clean_dsn: str, supabase: SupabaseProject) -> AsyncGenerator[Client]:
    told = {
        "COORDINATION_MODE": "hosted",
        "COORDINATION_PUBLIC_URL": PUBLIC,
        "ROOT_PATH": "/team",
        "SUPABASE_URL": supabase.url,
        "SUPABASE_PUBLISHABLE_KEY": API_KEY,
    }
    async with serve(clean_dsn, **told) as client:
        yield client


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_person_is_let_in_and_is_owner_of_a_workspace_of_their_own(
    hosted: Client, supabase: SupabaseProject
) -> None:
    subject = str(uuid.uuid4())
    answer = await hosted.get("/api/v1/me", headers=_bearer(supabase.token(subject)))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["user"], answer.json()["role"]) == ("ann", "owner")
    again = await hosted.get("/api/v1/me", headers=_bearer(supabase.token(subject)))
    assert again.json()["workspace"] == answer.json()["workspace"]
    other = await hosted.get("/api/v1/me", headers=_bearer(supabase.token()))
    assert other.json()["workspace"] != answer.json()["workspace"], "the address decides nothing"


async def test_a_person_in_claude_code_sees_the_tools(hosted: Client, supabase: SupabaseProject) -> None:
    answer = await hosted.post(MCP, json=LIST, headers={**CLAUDE_CODE, **_bearer(supabase.token())})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["result"]["tools"]) == 5


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/sessions", MCP])
async def test_whoever_has_no_credential_is_told_where_people_log_in(path: str, hosted: Client) -> None:
    answer = await hosted.post(path, content=b"no JSON at all")
    assert answer.status_code == 401
    named = f"{PUBLIC}/team{METADATA_PATH}"
    assert answer.headers["www-authenticate"] == f'Bearer resource_metadata="{named}"'


@pytest.mark.parametrize(
    "path",
    [
        METADATA_PATH,
        f"/team{METADATA_PATH}",
        f"{WELL_KNOWN}/team/mcp/v2",
        # What `claude mcp login` asks for.
        f"{WELL_KNOWN}/team{MCP}",
        f"{WELL_KNOWN}/team/mcp/v2/claude/ann__session__demo__$%7BCOORD_AGENT:-planner%7D",
    ],
)
async def test_the_page_names_the_endpoint_and_the_project(
    path: str, hosted: Client, supabase: SupabaseProject
) -> None:
    answer = await hosted.get(path)
    assert answer.status_code == 200
    assert answer.json() == {
        "resource": f"{PUBLIC}/team/mcp/v2",
        "authorization_servers": [f"{supabase.url}/auth/v1"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Coordination service",
    }
    assert "access-control-allow-origin" not in answer.headers


async def test_a_token_that_is_not_genuine_is_refused_like_none(
    hosted: Client, supabase: SupabaseProject
) -> None:
    known = claims(supabase.issuer)
    forged = [
        Key().sign(known),
        supabase.token(exp=int(time.time()) - 60),
        supabase.token(role="service_role"),
        supabase.token(aud="other"),
        "x",
    ]
    answers = [await hosted.get("/api/v1/me", headers=_bearer(token)) for token in forged]
    answers.append(await hosted.get("/api/v1/me"))
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["www-authenticate"] for answer in answers}) == 1


async def test_a_person_whose_clock_is_a_little_behind_ours_is_let_in(
    hosted: Client, supabase: SupabaseProject
) -> None:
    token = supabase.token(exp=int(time.time()) - 1)
    answer = await hosted.get("/api/v1/me", headers=_bearer(token))
    assert answer.status_code == 200, answer.text


async def test_a_person_with_an_api_key_header_is_refused(hosted: Client, supabase: SupabaseProject) -> None:
    answer = await hosted.get("/api/v1/me", headers={"x-api-key": supabase.token()})
    assert answer.status_code == 401


async def test_an_outage_of_the_project_is_no_refusal(hosted: Client, supabase: SupabaseProject) -> None:
    token = supabase.token()
    supabase.away = 503
    answer = await hosted.get("/api/v1/me", headers=_bearer(token))
    assert answer.status_code == 503
    assert answer.json()["code"] == "retry_later"
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("left_out", ["SUPABASE_URL", "COORDINATION_PUBLIC_URL"])
async def test_a_service_that_cannot_say_where_people_log_in_says_nothing(
    left_out: str, serve: Serve, clean_dsn: str, supabase: SupabaseProject
) -> None:
    told = {"COORDINATION_MODE": "hosted", "COORDINATION_PUBLIC_URL": PUBLIC, "SUPABASE_URL": supabase.url}
    del told[left_out]
    async with serve(clean_dsn, **told) as client:
        answer = await client.post(MCP, json=LIST)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert (await client.get(METADATA_PATH)).status_code == 404


async def test_local_mode_knows_no_people(serve: Serve, clean_dsn: str) -> None:
    async with serve(clean_dsn, **{"COORDINATION_LOCAL_TOKEN": "required"}) as client:
        answer = await client.post(MCP, json=LIST)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(("method", "body"), [("DELETE", None), ("PATCH", {"role": "viewer"})])
async def test_nobody_is_put_out_of_a_workspace_of_their_own(
    method: str, body: object, hosted: Client, supabase: SupabaseProject
) -> None:
    ann, guest = _bearer(supabase.token(str(uuid.uuid4()))), _bearer(supabase.token(str(uuid.uuid4())))
    home = (await hosted.get("/api/v1/me", headers=ann)).json()["workspace"]
    wanted = {"user": "guest", "role": "owner"}
    code = (await hosted.post("/api/v1/invitations", json=wanted, headers=ann)).json()["code"]
    assert (await hosted.post("/api/v1/memberships", json={"code": code}, headers=guest)).is_success
    for one in (ann, {**guest, "x-coordination-workspace": home}):
        answer = await hosted.request(method, "/api/v1/members/ann", json=body, headers=one)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    assert (await hosted.get("/api/v1/me", headers=ann)).json()["role"] == "owner"
