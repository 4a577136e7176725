"""Statements on file locks and their queue. Each is one call of a function in `store/functions`; SQL decides."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

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

MOST_TOGETHER: Final = 20

CLAIM: Final = """
    SELECT coordination_claim_file_lock($1, $2, $3, $4, $5::jsonb, $6, $7::text[], $8::text[], $9::text[],
                                        $10::text[], $11::text[], $12::int, $13, $14, $15, $16)
"""
RENEW: Final = (
    "SELECT coordination_renew_file_lock($1, $2, $3, $4, $5::jsonb, $6::text[], $7::bigint[], $8::int)"
)
RELEASE: Final = "SELECT coordination_release_file_lock($1, $2, $3, $4, $5::jsonb, $6::text[], $7::bigint[])"
CANCEL_WAIT: Final = "SELECT coordination_cancel_wait($1, $2, $3, $4)"
REVOKE: Final = "SELECT coordination_revoke_file_lock($1, $2, $3, $4::text[], $5)"
EXPIRE: Final = "SELECT to_jsonb(coordination_expire_file_locks($1, $2))"
SESSIONS_WITH_ENDED: Final = """
    SELECT workspace_id, session_id FROM file_locks WHERE expires_at <= clock_timestamp()
    UNION
    SELECT workspace_id, session_id FROM file_lock_waiters
    WHERE CASE WHEN parked_until IS NULL THEN refreshed_at < clock_timestamp() - interval '3 seconds'
               ELSE parked_until < clock_timestamp() END
"""
QUEUE_DEPTH: Final = """
    SELECT count(*) AS depth FROM file_lock_waiters
    WHERE CASE WHEN parked_until IS NULL THEN refreshed_at >= clock_timestamp() - interval '3 seconds'
               ELSE parked_until >= clock_timestamp() END
"""
PAGE: Final = """
    SELECT coordination_describe_lock(l, clock_timestamp())::text AS lock
    FROM file_locks l
    WHERE l.workspace_id = $1 AND l.session_id = $2 AND l.expires_at > clock_timestamp()
      AND ($3::text IS NULL OR l.path_key > $3 COLLATE "C")
    ORDER BY l.path_key, l.fencing_token LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """A session where something ended by the clock: how many leases and places in the queue together."""

    workspace: str
    session: str
    number: int


async def claim(
    database: Database, agent: Agent, wanted: Claim, wait: Wait, *, goes_on: bool = False
) -> Granted | Held:
    """Claim all paths or none.

    Raises:
        CheckoutTaken: the caller's checkout belongs to another session.
        WaitCycle: waiting would close a circle of agents.
        RetryLater: the database cannot answer now.
    """
    low, high = wanted.ranges
    answer = await database.decide(
        CLAIM,
        *caller(agent, goes_on=goes_on),
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
        wanted.request_id,
    )
    return _CLAIMED.validate_json(answer)


async def renew(
    database: Database, agent: Agent, keys: list[str] | None, tokens: list[int] | None, ttl_seconds: int
) -> Renewed | Lost:
    """Extend the caller's live leases on `keys` (None: all of them), pinned to `tokens` when given."""
    answer = await _ask(database, keys, RENEW, *caller(agent), keys, tokens, ttl_seconds)
    return _RENEWED.validate_json(answer)


async def release(
    database: Database, agent: Agent, keys: list[str] | None, tokens: list[int] | None
) -> Released | Lost:
    """Give back the caller's live leases on `keys` (None: all of them), pinned to `tokens` when given."""
    answer = await _ask(database, keys, RELEASE, *caller(agent), keys, tokens)
    return _RELEASED.validate_json(answer)


async def _ask(database: Database, keys: list[str] | None, statement: str, *arguments: Any) -> bytes:
    """Let few leases be renewed or released together with those of others; many have long answers."""
    if keys is None or len(keys) > MOST_TOGETHER:
        return await database.fetch_json(statement, *arguments)
    return await database.decide(statement, *arguments)


async def cancel_wait(database: Database, agent: Agent, request_id: str) -> tuple[Lease, ...]:
    """Take back what a request left behind: its place in the queue, and its grants unless claimed again since.

    Returns:
        The leases that were given back.
    """
    answer = await database.fetch_json(CANCEL_WAIT, agent.workspace, agent.session, agent.id, request_id)
    return _LEASES.validate_json(answer)


async def revoke(
    database: Database, workspace: str, session: str, by: str, keys: list[str] | None, agent_id: str | None
) -> tuple[Lease, ...]:
    """Take leases away from their holders, by a person; returns what was taken."""
    return _LEASES.validate_json(await database.fetch_json(REVOKE, workspace, session, by, keys, agent_id))


async def expire(database: Database) -> list[Ended]:
    """Remove ended leases and dead waiters everywhere; returns the sessions that changed."""
    found = await database.fetch(SESSIONS_WITH_ENDED)
    changed: list[Ended] = []
    for row in found:
        number = int(await database.fetch_json(EXPIRE, row["workspace_id"], row["session_id"]))
        if number:
            changed.append(Ended(row["workspace_id"], row["session_id"], number))
    return changed


async def queue_depth(database: Database) -> int:
    """Count the places in the queues of all sessions whose waiters live."""
    return (await database.fetch(QUEUE_DEPTH))[0]["depth"]


async def page(
    database: Database, workspace: str, session: str, after: str | None, limit: int
) -> list[Lease]:
    """Read live leases of a session by path key and token, at most `limit`, following the key `after`."""
    rows = await database.fetch(PAGE, workspace, session, after, limit)
    return [_LEASE.validate_json(row["lock"]) for row in rows]
