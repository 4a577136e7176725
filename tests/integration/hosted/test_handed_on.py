"""What somebody leaves behind who may no more: nothing that he made, or makes just then, lets him in again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coordination.domain.agent_token import digest
from coordination.domain.errors import Forbidden
from coordination.domain.principal import Principal
from coordination.services import agent_token, invitation, workspace
from coordination.services.authentication import TokenCredential
from tests.integration.hosted.team import Hosted

EVERYTHING = ["read", "write", "manage"]


async def remembered(team: Hosted, secret: str) -> Principal:
    """What another process may still believe of a token for a second."""
    principal = await team.core.authentication.principal_of(TokenCredential(digest(secret)))
    assert principal is not None
    return principal


@pytest.mark.parametrize(
    ("user", "method", "body"), [("ann", "DELETE", None), ("ben", "PATCH", {"role": "member"})]
)
async def test_who_owns_no_more_has_invited_nobody(
    team: Hosted, user: str, method: str, body: object
) -> None:
    secret = await team.member(user, role="owner")
    code = (await team.got(secret, "POST", "/invitations", {"user": f"{user}2", "role": "owner"}))["code"]
    await team.got(team.owner, method, f"/members/{user}", body)
    assert (await team.ask(None, "POST", "/memberships", {"code": code})).status_code == 404


async def test_a_token_makes_none_that_outlives_it(team: Hosted) -> None:
    made = await team.new_token(scopes=EVERYTHING, days=1)
    for days in (None, 90):
        longer = await team.got(made["secret"], "POST", "/tokens", {"days": days})
        assert longer["token"]["expires_at"] == made["token"]["expires_at"]
    shorter = await team.new_token(scopes=EVERYTHING, days=3)
    ends = (await team.got(shorter["secret"], "POST", "/tokens", {"days": 1}))["token"]["expires_at"]
    assert datetime.fromisoformat(ends) < datetime.now(UTC) + timedelta(days=2)
    assert (await team.new_token(days=None))["token"]["expires_at"] is None


async def test_a_token_with_a_role_makes_none_with_another(team: Hosted) -> None:
    secret = await team.token(scopes=EVERYTHING, role="implementer")
    other = await team.ask(secret, "POST", "/tokens", {"role": "planner"})
    assert (other.status_code, other.json()["code"]) == (403, "forbidden")
    for wanted in ({}, {"role": "implementer"}):
        assert (await team.got(secret, "POST", "/tokens", wanted))["token"]["role"] == "implementer"


async def test_what_is_remembered_of_an_owner_changes_nothing(team: Hosted) -> None:
    stale = await remembered(team, await team.member("cem", role="owner"))
    await team.got(team.owner, "DELETE", "/members/cem")
    members = (await team.got(team.owner, "GET", "/members"))["members"]
    core = team.core
    with pytest.raises(Forbidden):
        await agent_token.create(core, stale, user="alice", scopes=("read",), days=None)
    with pytest.raises(Forbidden):
        await invitation.invite(core, stale, "cem2", "owner", 7)
    with pytest.raises(Forbidden):
        await workspace.add_member(core, stale, "cem3", "owner")
    with pytest.raises(Forbidden):
        await workspace.change_member(core, stale, "alice", "viewer")
    with pytest.raises(Forbidden):
        await workspace.remove_member(core, stale, "alice")
    assert (await team.got(team.owner, "GET", "/members"))["members"] == members


async def test_what_is_remembered_of_a_token_makes_no_other(team: Hosted) -> None:
    made = await team.new_token(scopes=EVERYTHING)
    stale = await remembered(team, made["secret"])
    await team.got(team.owner, "DELETE", f"/tokens/{made['token']['id']}")
    with pytest.raises(Forbidden):
        await agent_token.create(team.core, stale, scopes=("read",), days=None)
    with pytest.raises(Forbidden):
        await invitation.invite(team.core, stale, "dan", "owner", 7)
