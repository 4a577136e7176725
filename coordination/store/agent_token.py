"""Statements on tokens: make, list, revoke, and note that they were used. No secret comes here, only its SHA-256."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson
from pydantic import TypeAdapter

from coordination.domain.agent_token import AgentToken
from coordination.domain.identity import Role
from coordination.domain.principal import Principal, Scope
from coordination.store.database import Database

CREATE: Final = "SELECT coordination_create_token($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
REVOKE: Final = "SELECT to_jsonb(coordination_revoke_token($1, $2, $3))"
NOTE_USE: Final = "SELECT coordination_note_token_use($1)"
LIST: Final = """
    SELECT coalesce(jsonb_agg(coordination_describe_token(t) ORDER BY t.user_id, t.created_at, t.id), '[]')
    FROM agent_tokens t
    WHERE t.workspace_id = $1 AND ($2::text IS NULL OR t.user_id = $2)
      AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
"""

_TOKEN: Final = TypeAdapter(AgentToken | None)
_TOKENS: Final = TypeAdapter(list[AgentToken])


@dataclass(frozen=True, slots=True)
class NewAgentToken:
    """A token to keep.

    Attributes:
        id: what will name it.
        digest: the SHA-256 of its secret.
        user: whose it is.
        session: the one session that it is for; None for any.
        agent: the one agent that it is for; None for any.
        role: the role that it gives its agent; None when the agent's name decides.
        scopes: what it is for.
        label: what people call it.
        seconds: how long it works; None for ever.
    """

    id: str
    digest: bytes
    user: str
    session: str | None
    agent: str | None
    role: Role | None
    scopes: tuple[Scope, ...]
    label: str
    seconds: float | None


async def create(database: Database, by: Principal, new: NewAgentToken) -> AgentToken | None:
    """Keep a token, which ends with the one that `by` has at the latest.

    Returns:
        What is known of it; None when its user is no member, or one who may not have such scopes.

    Raises:
        Forbidden: `by` may not make it any more.
    """
    answer = await database.fetch_json(
        CREATE,
        by.workspace,
        by.user,
        by.token_id,
        new.id,
        new.digest,
        new.user,
        new.session,
        new.agent,
        new.role,
        new.scopes,
        new.label,
        new.seconds,
    )
    return _TOKEN.validate_json(answer)


async def revoke(database: Database, workspace: str, token_id: str, user: str | None) -> bool:
    """Let a token work no more, one of `user` or of anybody; returns whether there was one that still worked."""
    return orjson.loads(await database.fetch_json(REVOKE, workspace, token_id, user))


async def tokens(database: Database, workspace: str, user: str | None) -> list[AgentToken]:
    """Read the tokens that work, those of `user` or of all members."""
    return _TOKENS.validate_json(await database.fetch_json(LIST, workspace, user))


async def note_use(database: Database, seconds_ago: Mapping[tuple[str, str], float]) -> None:
    """Write how many seconds ago tokens were last used, by workspace and id."""
    used = [
        {"workspace": workspace, "id": token_id, "seconds_ago": seconds}
        for (workspace, token_id), seconds in seconds_ago.items()
    ]
    await database.fetch(NOTE_USE, orjson.dumps(used).decode())
