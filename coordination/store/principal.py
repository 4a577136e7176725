"""Statements that find out whose a credential is. They are the few that are confined to no workspace: they name it.

What they answer is true when they answer it; who remembers it, and for how long, is `services.authentication`.
"""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from coordination.domain.principal import Principal, Scope
from coordination.store.database import Database, Row

BY_DIGEST: Final = """
    SELECT t.digest, t.workspace_id, t.user_id, t.session_id, t.agent_name, t.role, t.scopes, t.id, m.role AS member
    FROM agent_tokens t
    JOIN workspace_members m ON m.workspace_id = t.workspace_id AND m.user_id = t.user_id
    WHERE t.digest = ANY ($1) AND t.revoked_at IS NULL
      AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
"""
OF_PERSON: Final = """
    SELECT m.workspace_id, m.user_id, m.role AS member
    FROM workspace_members m
    WHERE m.subject = $1 AND m.workspace_id = $2
"""
OF_PERSON_AT_HOME: Final = """
    SELECT m.workspace_id, m.user_id, m.role AS member
    FROM workspaces w
    JOIN workspace_members m ON m.workspace_id = w.id AND m.subject = w.personal_of
    WHERE w.personal_of = $1
"""


async def of_tokens(database: Database, digests: Collection[bytes]) -> dict[bytes, Principal]:
    """Read whose tokens are, by their SHA-256; those are left out that do not work, or whose user is no member."""
    rows = await database.fetch(BY_DIGEST, list(digests)) if digests else []
    return {row["digest"]: _of_token(row) for row in rows}


def _of_token(row: Row) -> Principal:
    scopes: frozenset[Scope] = frozenset(row["scopes"])
    return Principal(
        workspace=row["workspace_id"],
        user=row["user_id"],
        session=row["session_id"],
        agent=row["agent_name"],
        role=row["role"],
        member=row["member"],
        scopes=scopes,
        token_id=row["id"],
    )


async def of_person(database: Database, subject: UUID, workspace: str | None) -> Principal | None:
    """Read what a person is in a workspace, None for the personal one; None when the person is no member of it."""
    if workspace is None:
        rows = await database.fetch(OF_PERSON_AT_HOME, subject)
    else:
        rows = await database.fetch(OF_PERSON, subject, workspace)
    return _person(rows[0], subject) if rows else None


def _person(row: Row, subject: UUID) -> Principal:
    return Principal(
        workspace=row["workspace_id"],
        user=row["user_id"],
        member=row["member"],
        credential="person",
        subject=str(subject),
    )
