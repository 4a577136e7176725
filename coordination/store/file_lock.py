"""Statements on file locks and their queue. Each is one call of a function in `store/functions`; SQL decides."""

from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from coordination.domain.agent import Agent
from coordination.domain.file_lock import Claim, Granted, Held, Lease, Lost, Released, Renewed, Wait
from coordination.store.agent import caller
from coordination.store.database import Database

_CLAIMED: Final[TypeAdapter[Granted | Held]] = TypeAdapter(
    Annotated[Granted | Held, Field(discriminator="outcome")]
)
_RENEWED: Final[TypeAdapter[Renewed | Lost]] = TypeAdapter(
    Annotated[Renewed | Lost, Field(discriminator="outcome")]
)
_RELEASED: Final[TypeAdapter[Released | Lost]] = TypeAdapter(
    Annotated[Released | Lost, Field(discriminator="outcome")]
)
_LEASE: Final = TypeAdapter(Lease)
_LEASES: Final = TypeAdapter(tuple[Lease, ...])

CLAIM: Final = """
    SELECT coordination_claim_file_lock($1, $2, $3, $4, $5::jsonb, $6, $7::text[], $8::text[], $9::text[],
                                        $10::text[], $11::text[], $12::int, $13, $14, $15)
"""
RENEW: Final = (
    "SELECT coordination_renew_file_lock($1, $2, $3, $4, $5::jsonb, $6::text[], $7::bigint[], $8::int)"
)
RELEASE: Final = "SELECT coordination_release_file_lock($1, $2, $3, $4, $5::jsonb, $6::text[], $7::bigint[])"
# Tokens grow over a restore too: whatever a lost database gave out is smaller than the clock in milliseconds, as long
# as fewer than a thousand leases a second were granted for all its life. Servers that start at once do no harm to
# each other: between reading and setting, no thousand tokens are given out.
RAISE_TOKENS: Final = """
    SELECT setval('coordination_fencing_token',
                  greatest(s.last_value + 1000, (extract(epoch FROM clock_timestamp()) * 1000)::bigint))
    FROM coordination_fencing_token s
"""
CANCEL_WAIT: Final = "SELECT coordination_cancel_wait($1, $2, $3, $4::bigint, $5::bigint[])"
REVOKE: Final = "SELECT coordination_revoke_file_lock($1, $2, $3, $4::text[], $5)"
EXPIRE: Final = "SELECT to_jsonb(coordination_expire_file_locks($1, $2))"
SESSIONS_WITH_ENDED: Final = """
    SELECT workspace_id, session_id FROM file_locks WHERE expires_at <= clock_timestamp()
    UNION
    SELECT workspace_id, session_id FROM file_lock_waiters
    WHERE CASE WHEN parked_until IS NULL THEN refreshed_at < clock_timestamp() - interval '3 seconds'
               ELSE parked_until < clock_timestamp() END
"""


PAGE: Final = """
    SELECT coordination_describe_lock(l, clock_timestamp())::text AS lock
    FROM file_locks l
    WHERE l.workspace_id = $1 AND l.session_id = $2 AND l.expires_at > clock_timestamp()
      AND ($3::text IS NULL OR l.path_key > $3 COLLATE "C")
    ORDER BY l.path_key, l.fencing_token LIMIT $4
"""


async def claim(database: Database, agent: Agent, wanted: Claim, wait: Wait) -> Granted | Held:
    """Claim all paths or none.

    Raises:
        CheckoutTaken: the caller's checkout belongs to another session.
        WaitCycle: waiting would close a circle of agents.
        RetryLater: the database cannot answer now.
    """
    low, high = wanted.ranges
    answer = await database.decide(
        CLAIM,
        *caller(agent),
        wanted.operation,
        [path.path for path in wanted.paths],
        wanted.keys,
        wanted.probe,
        low,
        high,
        wanted.ttl_seconds,
        wanted.reason,
        wanted.task_id,
        wait,
    )
    return _CLAIMED.validate_json(answer)


async def renew(
    database: Database, agent: Agent, keys: list[str] | None, tokens: list[int] | None, ttl_seconds: int
) -> Renewed | Lost:
    """Extend the caller's live leases on `keys` (None: all of them), pinned to `tokens` when given."""
    answer = await database.decide(RENEW, *caller(agent), keys, tokens, ttl_seconds)
    return _RENEWED.validate_json(answer)


async def release(
    database: Database, agent: Agent, keys: list[str] | None, tokens: list[int] | None
) -> Released | Lost:
    """Give back the caller's live leases on `keys` (None: all of them), pinned to `tokens` when given."""
    answer = await database.decide(RELEASE, *caller(agent), keys, tokens)
    return _RELEASED.validate_json(answer)


async def cancel_wait(
    database: Database, agent: Agent, ticket: int | None, tokens: tuple[int, ...]
) -> tuple[Lease, ...]:
    """Leave the queue and give back exactly the grants named by `tokens`; returns what was given back."""
    answer = await database.fetch_json(
        CANCEL_WAIT, agent.workspace, agent.session, agent.id, ticket, list(tokens)
    )
    return _LEASES.validate_json(answer)


async def revoke(
    database: Database, workspace: str, session: str, by: str, keys: list[str] | None, agent_id: str | None
) -> tuple[Lease, ...]:
    """Take leases away from their holders, by a person; returns what was taken."""
    return _LEASES.validate_json(await database.fetch_json(REVOKE, workspace, session, by, keys, agent_id))


async def raise_tokens(database: Database) -> None:
    """Move fencing tokens beyond all that were given out before the database was restored; at every start."""
    await database.fetch(RAISE_TOKENS)


async def expire(database: Database) -> list[tuple[str, str]]:
    """Remove ended leases and dead waiters everywhere; returns the (workspace, session) pairs that changed."""
    ended = await database.fetch(SESSIONS_WITH_ENDED)
    changed: list[tuple[str, str]] = []
    for row in ended:
        if await database.fetch_json(EXPIRE, row["workspace_id"], row["session_id"]) != b"0":
            changed.append((row["workspace_id"], row["session_id"]))
    return changed


async def page(
    database: Database, workspace: str, session: str, after: str | None, limit: int
) -> list[Lease]:
    """Read live leases of a session by path key and token, at most `limit`, following the key `after`."""
    rows = await database.fetch(PAGE, workspace, session, after, limit)
    return [_LEASE.validate_json(row["lock"]) for row in rows]
