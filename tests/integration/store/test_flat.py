"""What a call reads does not grow with the leases of its session, whatever the planner believes of the tables."""

import pytest

from coordination.domain.file_lock import Wait
from coordination.store import file_lock
from coordination.store.database import Database
from tests.integration.store.steps import agent, queued, wanted, worker

LEASES = 2_000
A, B = agent("impl_a"), agent("impl_b")
FILL = """
    INSERT INTO file_locks (session_id, agent_id, file_path, path_key, operation, granted_at, expires_at)
    SELECT 'demo', $1, 'src/f' || n || '.py', 'src/f' || n || '.py', 'write', now(),
           now() + CASE WHEN n % 10 = 0 THEN interval '-1 minute' ELSE interval '15 minutes' END
    FROM generate_series(1, $2::int) n
"""
READ = """
    SELECT (seq_tup_read + idx_tup_fetch)::int AS rows FROM pg_stat_xact_user_tables WHERE relname = 'file_locks'
"""


@pytest.mark.parametrize("known", [None, "empty", "full"])
@pytest.mark.parametrize(
    "call",
    ["claim", "claim again", "take over", "be refused", "wait", "wait behind others", "renew", "release"],
)
async def test_a_call_reads_the_rows_it_is_about(
    own_database: Database, call: str, known: str | None
) -> None:
    if known == "empty":
        await own_database.fetch(FILL, B.id, LEASES)
        await own_database.fetch("DELETE FROM file_locks")
        await own_database.fetch("ANALYZE file_locks")
    await own_database.fetch(FILL, A.id, LEASES)
    if known == "full":
        await own_database.fetch("ANALYZE file_locks")
    calls = {
        "claim": lambda: file_lock.claim(one, B, wanted("new.py"), Wait.NO),
        "claim again": lambda: file_lock.claim(one, A, wanted("src/f1.py"), Wait.NO),
        "take over": lambda: file_lock.claim(one, B, wanted("src/f10.py"), Wait.NO),
        "be refused": lambda: file_lock.claim(one, B, wanted("src/f1.py"), Wait.NO),
        "wait": lambda: file_lock.claim(one, B, wanted("src/f1.py"), Wait.QUEUE),
        "wait behind others": lambda: file_lock.claim(one, B, wanted("src/f1.py"), Wait.QUEUE),
        "renew": lambda: file_lock.renew(one, A, ["src/f1.py"], None, 900),
        "release": lambda: file_lock.release(one, A, ["src/f1.py"], None),
    }
    if call == "wait behind others":
        await queued(own_database, agent("impl_c"), "src/f1.py", "src/f2.py")
    async with worker(own_database.dsn) as one:
        await one.raw.execute("BEGIN")
        await calls[call]()
        rows = await one.fetch(READ)
        await one.raw.execute("COMMIT")
    assert rows[0]["rows"] < 20


@pytest.mark.parametrize("call", ["claim", "renew", "release"])
async def test_a_plan_that_was_made_while_the_table_was_small_reads_no_more_later(
    own_database: Database, call: str
) -> None:
    await own_database.fetch("ANALYZE file_locks")
    calls = {
        "claim": lambda: file_lock.claim(one, A, wanted("new.py"), Wait.NO),
        "renew": lambda: file_lock.renew(one, A, ["new.py"], None, 900),
        "release": lambda: file_lock.release(one, A, ["new.py"], None),
    }
    async with worker(own_database.dsn) as one:
        for _ in range(7):  # after five calls Postgres keeps the plan
            await file_lock.claim(own_database, A, wanted("new.py"), Wait.NO)
            await calls[call]()
        await file_lock.claim(own_database, A, wanted("new.py"), Wait.NO)
        await own_database.fetch(FILL, A.id, LEASES)
        await one.raw.execute("BEGIN")
        await calls[call]()
        rows = await one.fetch(READ)
        await one.raw.execute("COMMIT")
    assert rows[0]["rows"] < 100  # the versions of the one row, which were changed since, are read too
