"""Processes that were stopped while the database worked for them: their sessions go on without them.

A process can be stopped (SIGSTOP, a laptop's lid, a network that is gone) between the halves of what it sends, or with
an answer that it does not read and that is larger than the connection takes. Its backend then waits for it with the
session's lock, and no timeout of Postgres counts while it does. So every process looks for such backends of its kind
and ends them: their transaction is undone, and whoever was stopped learns that its connection is gone.

What a backend does and which locks it holds are read one after the other. One that was idle when it was looked at may
have begun a call by then, so only what is in the middle of one counts.
"""

from typing import Final

from coordination.store.database import Database

END: Final = """
    SELECT a.pid, pg_terminate_backend(a.pid)
    FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.usename = current_user AND a.application_name = 'coordination'
      AND a.state <> 'idle' AND a.wait_event_type = 'Client'
      AND a.query_start < clock_timestamp() - interval '3 seconds'
      AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted)
"""


async def end(database: Database) -> int:
    """End the connections of stopped processes that hold a session's lock; returns how many there were.

    Raises:
        RetryLater: the database cannot answer now.
    """
    return len(await database.fetch(END))
