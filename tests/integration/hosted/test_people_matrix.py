"""People who logged in, as the credential of the client matrix, and what they are told of workspaces of others."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from coordination.domain.visibility import PLANNER_TOOLS
from coordination.transport.mcp.visibility import Refusals
from tests.conftest import administer, in_database
from tests.integration.hosted.team import Hosted, hosted
from tests.integration.hosted.test_matrix import CLIENTS, ERAS, UNKNOWN
from tests.integration.transport.endpoint import Endpoint, Era
from tests.integration.transport.test_mcp_visibility import headers_of, info_of, path_of
from tests.supabase.fixtures import supabase_server
from tests.supabase.project import API_KEY, SupabaseProject

__all__ = ["supabase_server"]

WORKSPACE = "x-coordination-workspace"
FOREIGN = "red"
MEMBERS = {"pia": "member", "vic": "viewer", "ola": "owner"}


@dataclass(frozen=True)
class People:
    """A hosted service whose people log in, and the access tokens of the members of its first workspace."""

    team: Hosted
    supabase: SupabaseProject
    tokens: dict[str, str]

    def headers(self, who: str, workspace: str | None = "local") -> dict[str, str]:
        named = {} if workspace is None else {WORKSPACE: workspace}
        return {"authorization": f"Bearer {self.tokens[who]}", **named}

    async def ask(self, headers: dict[str, str], method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.team.client.request(method, path, json=body, headers=headers)


@pytest.fixture(scope="module")
async def people(
    server_dsn: str,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
    supabase_server: SupabaseProject,
) -> AsyncGenerator[People]:
    await administer(server_dsn, f"CREATE DATABASE people TEMPLATE {template} STRATEGY FILE_COPY")
    told = {"SUPABASE_URL": supabase_server.url, "SUPABASE_PUBLISHABLE_KEY": API_KEY}
    dsn = in_database(server_dsn, "people")
    async with hosted(dsn, tmp_path_factory.mktemp("people"), **told) as team:
        await team.core.database.fetch(
            f"INSERT INTO workspaces (id, name, created_at) VALUES ('{FOREIGN}', 'Red', now())"  # noqa: S608 - a constant above
        )
        one = People(team, supabase_server, {})
        for name, role in MEMBERS.items():
            one.tokens[name] = supabase_server.token(str(uuid.uuid4()))
            wanted = {"user": name, "role": role}
            code = (await team.got(team.owner, "POST", "/invitations", wanted))["code"]
            accept = "/api/v1/memberships"
            answer = await one.ask(one.headers(name, None), "POST", accept, {"code": code})
            assert (answer.status_code, answer.json()["secret"]) == (200, None), answer.text
        yield one


@ERAS
@pytest.mark.parametrize("who", MEMBERS)
async def test_tools_follow_client_and_person(people: People, who: str, era: Era) -> None:
    endpoint = Endpoint(people.team.url, Refusals())
    for case in CLIENTS[::9]:
        path = path_of(case, f"{who}__session__matrix__planner")
        headers, info = [*headers_of(case), *people.headers(who).items()], info_of(case)
        visible = case.visible and MEMBERS[who] != "viewer"
        tools = await endpoint.tools(path, headers, era=era, info=info)
        assert tools == list(PLANNER_TOOLS if visible else ()), case.name
        if not visible:
            hidden = await endpoint.call(path, "claim_file_lock", {}, headers, era=era, info=info)
            unknown = await endpoint.call(path, UNKNOWN, {}, headers, era=era, info=info)
            assert hidden.content == unknown.content.replace(UNKNOWN.encode(), b"claim_file_lock"), case.name
    await endpoint.client.aclose()


async def test_a_person_is_nobody_else(people: People) -> None:
    for other in ("alice", "vic", "ann"):
        answer = await people.team.mcp(
            None, f"{other}__session__matrix__planner", "tools/list", **people.headers("pia")
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), other
        claim = {"agent": f"{other}/impl_a", "paths": ["a.py"]}
        url = "/api/v1/sessions/matrix/locks/claim"
        assert (await people.ask(people.headers("pia"), "POST", url, claim)).status_code == 403, other


async def test_a_person_is_told_of_a_foreign_workspace_what_is_told_of_none(people: People) -> None:
    personal = (await people.ask(people.headers("ola", None), "GET", "/api/v1/me")).json()["workspace"]
    mcp = "/mcp/v2/claude/pia__session__demo__planner"
    for method, path in (
        ("GET", "/api/v1/me"),
        ("GET", "/api/v1/sessions"),
        ("GET", "/api/v1/events?session=demo"),
        ("POST", "/api/v1/tokens"),
        ("DELETE", "/api/v1/members/pia"),
        ("POST", mcp),
    ):
        answers = [
            await people.ask(people.headers("pia", workspace), method, path, {})
            for workspace in (FOREIGN, "nowhere", personal, "' OR true --")
        ]
        assert {answer.status_code for answer in answers} == {403}, path
        assert len({answer.content for answer in answers}) == 1, path


async def test_a_person_who_is_removed_is_told_at_once_what_strangers_are_told(people: People) -> None:
    people.tokens["rob"] = people.supabase.token(str(uuid.uuid4()))
    code = (await people.team.got(people.team.owner, "POST", "/invitations", {"user": "rob"}))["code"]
    await people.ask(people.headers("rob", None), "POST", "/api/v1/memberships", {"code": code})
    assert (await people.ask(people.headers("rob"), "GET", "/api/v1/sessions")).status_code == 200
    await people.team.got(people.team.owner, "DELETE", "/members/rob")
    removed = await people.ask(people.headers("rob"), "GET", "/api/v1/sessions")
    stranger = await people.ask(people.headers("rob", "nowhere"), "GET", "/api/v1/sessions")
    assert (removed.status_code, removed.content) == (403, stranger.content)
