"""Ways to weaken the service's functions on purpose, so that it is seen that a run catches it.

Each takes away one condition of a function in the database of a run; the product's own files are only read.
"""

from importlib.resources import files
from typing import Final

import asyncpg

WEAKENINGS: Final = {
    "expired-leases-live-on": ("own_locks", "l.expires_at > p_now", "true"),
    "the-queue-is-passed": ("claim_file_lock", " AND cardinality(v_ahead) = 0", ""),
    "tasks-are-taken-away": (
        "take_task",
        "AND coordination_agent_is_live",
        "AND NOT coordination_agent_is_live",
    ),
    "tasks-do-not-wait": ("sync_progress", "d.status <> 'completed'", "false"),
    "plans-replace-everything": ("distribute_plan", " AND t.status = 'pending';", ";"),
    "trees-do-not-cover": ("overlapping_locks", "f.path_key <> ALL (p_probe)", "false"),
}
"""By name: the function, a condition in it, and what stands there instead."""


async def weaken(dsn: str, name: str) -> None:
    """Replace a function in the database by its weakened self.

    Raises:
        ValueError: the function no longer has the condition, so that nothing would be weakened.
    """
    body = weakened(name)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(body)
    finally:
        await connection.close()


def weakened(name: str) -> str:
    """Return the weakened text of a function.

    Raises:
        ValueError: the function no longer has the condition, so that nothing would be weakened.
    """
    function, condition, instead = WEAKENINGS[name]
    body = (files("coordination.store") / "functions" / f"{function}.sql").read_text(encoding="utf-8")
    if condition not in body:
        raise ValueError(f"{function}.sql no longer has the condition {condition!r}")
    return body.replace(condition, instead)
