"""The claim function beside a bare upsert, by pgbench, on filled and analysed tables.

Both statements write one row that says who holds a path. The upsert is the least that any lock table must do; the
function also takes the session's lock, looks for overlaps above and below, and writes an event.
"""

import asyncio
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg

from coordination.embedded import EmbeddedPostgres
from coordination.store import migration

FILLED = 100_000
SESSIONS = 10
_TPS = re.compile(r"tps = ([0-9.]+)")

PREPARE = (
    "CREATE TABLE bare (session_id text, path text, agent_id text, expires_at timestamptz,"
    " PRIMARY KEY (session_id, path))",
    f"""
    INSERT INTO bare SELECT 's' || n % {SESSIONS}, 'src/module_' || n || '.py', 'alice/old', now()
    FROM generate_series(1, {FILLED}) n
    """,
    f"""
    INSERT INTO file_locks (session_id, agent_id, file_path, path_key, operation, fencing_token, granted_at, expires_at)
    SELECT 's' || n % {SESSIONS}, 'alice/old', 'src/module_' || n || '.py', 'src/module_' || n || '.py', 'write',
           nextval('coordination_fencing_token'), now(), now() - interval '1 minute'
    FROM generate_series(1, {FILLED}) n
    """,
    "ANALYZE bare",
    "ANALYZE file_locks",
)
UPSERT = r"""\set n random(1, 100000)
\set s random(0, 9)
INSERT INTO bare VALUES ('s' || :s, 'src/module_' || :n || '.py', 'alice/a' || :client_id, now() + interval '15 min')
ON CONFLICT (session_id, path) DO UPDATE SET agent_id = excluded.agent_id, expires_at = excluded.expires_at;
"""
CLAIM = r"""\set n random(1, 100000000)
\set s {session}
SELECT coordination_claim_file_lock('local', 's' || :s, 'alice/a' || :client_id, '',
    '{{"user": "alice", "name": "a", "role": "implementer", "client": "claude"}}', 'write',
    ARRAY['new/f' || :n || '.py'], ARRAY['new/f' || :n || '.py'], ARRAY['', 'new', 'new/f' || :n || '.py'],
    ARRAY['new/f' || :n || '.py/'], ARRAY['new/f' || :n || '.py0'], 900, NULL, NULL, 'no', '');
"""


def measure(folder: Path, pgbench: str, rounds: int, seconds: int) -> dict[str, list[float]]:
    """Return transactions a second by name ("upsert 10", "claim 10", "claim 10 one session"), one for each round."""
    postgres = EmbeddedPostgres(folder)
    dsn = postgres.start()
    try:
        asyncio.run(_prepare(dsn))
        scripts = {
            "upsert": UPSERT,
            "claim": CLAIM.format(session="random(0, 9)"),
            "claim, one session": CLAIM.format(session="0"),
        }
        figures: dict[str, list[float]] = {}
        for _ in range(rounds):
            for clients in (1, 10, 50):
                for name, script in scripts.items():
                    figures.setdefault(f"{name}, {clients} connections", []).append(
                        _run(dsn, folder, pgbench, script, clients, seconds)
                    )
        return figures
    finally:
        postgres.stop()


async def _prepare(dsn: str) -> None:
    await migration.migrate(dsn)
    connection = await asyncpg.connect(dsn)
    for statement in PREPARE:
        await connection.execute(statement)
    await connection.close()


def _run(dsn: str, folder: Path, pgbench: str, script: str, clients: int, seconds: int) -> float:
    file = folder / "bench.sql"
    file.write_text(script, encoding="utf-8")
    url = urlsplit(dsn)
    query = parse_qs(url.query)
    environment = {
        **os.environ,
        "PGHOST": query["host"][0],
        "PGPORT": query["port"][0],
        "PGUSER": url.username or "",
    }
    command = [
        pgbench,
        "-n",
        "-M",
        "prepared",
        "-T",
        str(seconds),
        "-c",
        str(clients),
        "-j",
        "1",
        "-f",
        str(file),
    ]
    done = subprocess.run(
        [*command, url.path.lstrip("/")], env=environment, capture_output=True, text=True, check=True
    )
    found = _TPS.search(done.stdout)
    if found is None or "number of failed transactions: 0" not in done.stdout:
        raise SystemExit(f"pgbench: {done.stdout}{done.stderr}")
    return float(found.group(1))
