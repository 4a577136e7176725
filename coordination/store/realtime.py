"""Broadcasting events through Supabase's Realtime: what of it this database has, and the statement that sends.

`realtime.send` is a function of the platform: it writes a message that Realtime delivers, and turns what goes wrong
into a warning. So what is sent is a hint for whoever looks at a page; the record is the log. A topic is one session's,
on a private channel, which the policies open to the members of its workspace alone. Without those nothing is sent.
"""

from typing import Final, Literal

from coordination.store.database import Database

PAGE: Final = 100
"""Most events in one statement."""
State = Literal["sending", "absent", "no policies"]

LOOK: Final = """
    SELECT EXISTS (
               SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
               WHERE n.nspname = 'realtime' AND p.proname = 'send' AND p.pronargs = 4
                 AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')
           ) AS sends,
           EXISTS (
               SELECT FROM pg_policy o
               JOIN pg_class c ON c.oid = o.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'realtime' AND c.relname = 'messages' AND o.polname = 'coordination_confine'
           ) AS confined
"""
# From the number on, or without one from what was written in the last seconds. A payload that is too large for a
# message is left out: whoever wants it reads the log.
SEND: Final = """
    SELECT e.seq,
           realtime.send(
               jsonb_build_object(
                   'workspace', $1::text, 'session', $2::text, 'seq', e.seq, 'agent', e.agent_id, 'kind', e.kind,
                   'created_at', e.created_at,
                   'payload', CASE WHEN octet_length(e.payload::text) <= 16384 THEN e.payload END),
               e.kind, 'coordination:' || $1::text || ':' || $2::text, true)
    FROM coordination_events e
    WHERE e.workspace_id = $1 AND e.session_id = $2 AND e.seq > coalesce($3::bigint, (
        SELECT o.seq FROM coordination_events o
        WHERE o.workspace_id = $1 AND o.session_id = $2 AND o.created_at < clock_timestamp() - interval '5 seconds'
        ORDER BY o.seq DESC LIMIT 1), 0)
    ORDER BY e.seq LIMIT $4
"""


async def look(database: Database) -> State:
    """Return whether this database can broadcast, and to members alone.

    Raises:
        RetryLater: the database cannot answer now.
    """
    row = (await database.fetch(LOOK))[0]
    if not row["sends"]:
        return "absent"
    return "sending" if row["confined"] else "no policies"


async def send(database: Database, workspace: str, session: str, after: int | None) -> int | None:
    """Broadcast a session's events whose number is greater than `after`, at most `PAGE`.

    Args:
        database: where `look` said "sending".
        workspace: the session's workspace.
        session: whose events.
        after: the number of the last one that was sent, None for those of the last five seconds.

    Returns:
        The number of the last one that was sent now, None when there was none; more may follow.

    Raises:
        RetryLater: the database cannot answer now; nothing was sent.
    """
    rows = await database.fetch(SEND, workspace, session, after, PAGE)
    return rows[-1]["seq"] if rows else None
