"""Members of a workspace: who may invite, add, change and remove whom, and what each role allows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.integration.hosted.team import BOOTSTRAP, Hosted, hosted


async def test_the_first_owner_is_made_once(team: Hosted) -> None:
    assert not (await team.ask(None, "GET", "/login")).json()["bootstrap"]
    again = await team.ask(BOOTSTRAP, "POST", "/bootstrap", {"user": "mallory"})
    assert (again.status_code, again.json()["code"]) == (403, "forbidden")
    wrong = await team.ask("c" * 43, "POST", "/bootstrap", {"user": "mallory"})
    assert wrong.status_code == 401
    members = (await team.got(team.owner, "GET", "/members"))["members"]
    assert [member["role"] for member in members if member["user"] == "alice"] == ["owner"]
    assert "mallory" not in {member["user"] for member in members}


async def test_of_many_who_bootstrap_at_once_one_does(dsn: str, tmp_path: Path) -> None:
    async with hosted(dsn, tmp_path) as one:
        await one.core.database.fetch("DELETE FROM workspaces")
        await one.core.database.fetch("DELETE FROM workspace_members")
        tries = [one.ask(BOOTSTRAP, "POST", "/bootstrap", {"user": f"user{n}"}) for n in range(8)]
        answers = await asyncio.gather(*tries)
    assert sorted(answer.status_code for answer in answers) == [200, *[403] * 7]


async def test_the_owner_sees_what_was_there_before_anybody_was_asked_who_he_is(team: Hosted) -> None:
    await team.core.database.fetch(
        "INSERT INTO claude_code_sessions (id, name, user_id) VALUES ('from_the_guide', 'Test', 'test_user')"
    )
    sessions = (await team.got(team.owner, "GET", "/sessions"))["sessions"]
    assert "from_the_guide" in {session["id"] for session in sessions}


async def test_an_invitation_is_used_once_whoever_races(team: Hosted) -> None:
    code = (await team.got(team.owner, "POST", "/invitations", {"user": "carol"}))["code"]
    tries = [team.ask(None, "POST", "/memberships", {"code": code}) for _ in range(6)]
    answers = await asyncio.gather(*tries)
    assert sorted(answer.status_code for answer in answers) == [200, *[404] * 5]
    (secret,) = [answer.json()["secret"] for answer in answers if answer.status_code == 200]
    me = await team.got(secret, "GET", "/me")
    assert (me["user"], me["role"], me["workspace"]) == ("carol", "member", "local")


async def test_a_withdrawn_invitation_leads_nowhere(team: Hosted) -> None:
    made = await team.got(team.owner, "POST", "/invitations", {"user": "dora"})
    listed = await team.ask(team.owner, "GET", "/invitations")
    assert made["invitation"]["id"] in listed.text
    assert made["code"] not in listed.text
    await team.got(team.owner, "DELETE", f"/invitations/{made['invitation']['id']}")
    answer = await team.ask(None, "POST", "/memberships", {"code": made["code"]})
    unknown = await team.ask(None, "POST", "/memberships", {"code": "coord_invite_" + "a" * 43})
    assert answer.status_code == unknown.status_code == 404
    assert answer.json() == unknown.json()


@pytest.mark.parametrize(("method", "body"), [("DELETE", None), ("PATCH", {"role": "member"})])
async def test_who_owns_no_more_comes_back_by_no_invitation(team: Hosted, method: str, body: object) -> None:
    name = f"former-{method.lower()}"
    former = await team.member(name, role="owner")
    way_back = await team.got(former, "POST", "/invitations", {"user": f"{name}-again", "role": "owner"})
    other = await team.got(team.owner, "POST", "/invitations", {"user": f"{name}-other"})
    await team.got(team.owner, method, f"/members/{name}", body)
    answer = await team.ask(None, "POST", "/memberships", {"code": way_back["code"]})
    assert answer.status_code == 404
    assert (await team.ask(None, "POST", "/memberships", {"code": other["code"]})).status_code == 200


async def test_nobody_gets_more_by_an_invitation_than_the_own_credential_is_for(team: Hosted) -> None:
    keeper = await team.token(scopes=["read", "manage"])
    for role in ("owner", "viewer"):
        answer = await team.ask(keeper, "POST", "/invitations", {"user": "ivan", "role": role})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), role


async def test_a_name_belongs_to_one_member_or_invitation(team: Hosted) -> None:
    await team.got(team.owner, "POST", "/members", {"user": "erin"})
    for path in ("/members", "/invitations"):
        answer = await team.ask(team.owner, "POST", path, {"user": "erin"})
        assert (answer.status_code, answer.json()["code"]) == (409, "member_exists")
    await team.got(team.owner, "POST", "/invitations", {"user": "fay"})
    for path in ("/members", "/invitations"):
        assert (await team.ask(team.owner, "POST", path, {"user": "fay"})).status_code == 409


async def test_members_see_to_themselves_alone(team: Hosted) -> None:
    gus = await team.member("gus")
    own = await team.got(gus, "POST", "/tokens", {"session": "demo"})
    assert {token["user"] for token in (await team.got(gus, "GET", "/tokens"))["tokens"]} == {"gus"}
    alices = await team.new_token()
    for method, path, body in (
        ("POST", "/tokens", {"user": "alice"}),
        ("POST", "/members", {"user": "eve"}),
        ("POST", "/invitations", {"user": "eve"}),
        ("GET", "/invitations", None),
        ("PATCH", "/members/gus", {"role": "owner"}),
        ("DELETE", "/members/alice", None),
    ):
        answer = await team.ask(gus, method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
    assert (await team.ask(gus, "DELETE", f"/tokens/{alices['token']['id']}")).status_code == 404
    unknown = await team.ask(gus, "DELETE", "/tokens/000000000000")
    assert unknown.json() == (await team.ask(gus, "DELETE", f"/tokens/{alices['token']['id']}")).json()
    await team.got(gus, "DELETE", f"/tokens/{own['token']['id']}")


async def test_a_viewer_looks_and_does_nothing_else(team: Hosted) -> None:
    viewer = await team.member("hal", role="viewer")
    assert (await team.ask(viewer, "GET", "/sessions")).status_code == 200
    claim = {"agent": "hal/impl_a", "paths": ["a.py"]}
    refused = await team.ask(viewer, "POST", "/sessions/demo/locks/claim", claim)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert await team.tools(viewer, "hal__session__demo__planner") == []
    assert (await team.ask(viewer, "POST", "/tokens", {"scopes": ["write"]})).status_code == 403
    for_viewer = await team.ask(team.owner, "POST", "/tokens", {"user": "hal", "scopes": ["write"]})
    assert (for_viewer.status_code, for_viewer.json()["code"]) == (400, "invalid_input")


async def test_who_becomes_a_viewer_keeps_no_token_that_writes(team: Hosted) -> None:
    secret = await team.member("ida")
    await team.got(team.owner, "PATCH", "/members/ida", {"role": "viewer"})
    assert (await team.ask(secret, "GET", "/sessions")).status_code == 401


async def test_a_member_who_is_removed_is_refused_at_once(team: Hosted) -> None:
    secret = await team.member("jon")
    agents = (await team.got(secret, "POST", "/tokens", {"session": "demo", "agent": "impl_a"}))["secret"]
    assert await team.tools(agents, "jon__session__demo__impl_a") != []
    left = await team.got(team.owner, "DELETE", "/members/jon")
    assert left == {"user": "jon", "tokens_revoked": 2}
    assert (await team.ask(secret, "GET", "/me")).status_code == 401
    assert (await team.mcp(agents, "jon__session__demo__impl_a", "tools/list")).status_code == 401


async def test_a_member_may_leave(team: Hosted) -> None:
    secret = await team.member("kim")
    await team.got(secret, "DELETE", "/members/kim")
    assert (await team.ask(secret, "GET", "/me")).status_code == 401


@pytest.mark.parametrize(("method", "body"), [("DELETE", None), ("PATCH", {"role": "member"})])
async def test_the_last_owner_stays(team: Hosted, method: str, body: object) -> None:
    answer = await team.ask(team.owner, method, "/members/alice", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")


async def test_of_two_owners_who_leave_at_once_one_stays(dsn: str, tmp_path: Path) -> None:
    async with hosted(dsn, tmp_path) as one:
        other = await one.member("bob", role="owner")
        answers = await asyncio.gather(
            one.ask(one.owner, "DELETE", "/members/alice"), one.ask(other, "DELETE", "/members/bob")
        )
        rows = await one.core.database.fetch("SELECT user_id FROM workspace_members WHERE role = 'owner'")
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(rows) == 1
