"""What anybody can make as often as he likes is bounded: lists are answered whole, by the service of all."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from coordination.domain.errors import InvalidInput
from coordination.domain.principal import Principal
from coordination.services import workspace
from tests.integration.hosted.team import Hosted, hosted

TOKENS = """
    INSERT INTO agent_tokens (workspace_id, id, digest, user_id, scopes, label, created_by, created_at, revoked_at)
    SELECT 'local', 'filled' || n, sha256(n::text::bytea), 'alice', ARRAY['read'], '', 'alice', now(), now()
    FROM generate_series(1, 5000) n
"""
MEMBERS = """
    INSERT INTO workspace_members (workspace_id, user_id, role, joined_at)
    SELECT 'local', 'filled' || n, 'viewer', now() FROM generate_series(1, 999) n
"""


async def test_a_workspace_has_room_for_so_many(dsn: str, tmp_path: Path) -> None:
    async with hosted(dsn, tmp_path) as one:
        await one.core.database.fetch(MEMBERS)
        for path in ("/members", "/invitations"):
            answer = await one.ask(one.owner, "POST", path, {"user": "bob"})
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
            assert "1000 members" in answer.json()["detail"]
        await one.got(one.owner, "DELETE", "/members/filled1")
        await one.got(one.owner, "POST", "/invitations", {"user": "bob"})
        await one.core.database.fetch(TOKENS)
        answer = await one.ask(one.owner, "POST", "/tokens", {})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
        assert "5000 tokens" in answer.json()["detail"]


async def test_a_person_owns_so_many_workspaces(team: Hosted) -> None:
    person = Principal("any", "ann", subject=str(uuid.uuid4()))
    for _ in range(100):
        await workspace.create(team.core, person, "one", None)
    with pytest.raises(InvalidInput, match="100 workspaces"):
        await workspace.create(team.core, person, "one", None)
