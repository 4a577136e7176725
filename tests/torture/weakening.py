"""Ways to weaken the service's functions on purpose, so that it is seen that a run catches it.

Each takes away one condition of a function in the database of a run; the product's own files are only read.
"""

from collections.abc import Iterable
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
    "tasks-begin-early": ("take_task", "d.status <> 'completed'", "false"),
    "plans-replace-everything": (
        "distribute_plan",
        " AND t.status = 'pending'\n        RETURNING",
        "\n        RETURNING",
    ),
    "trees-do-not-cover": ("overlapping_locks", "f.path_key <> ALL (p_probe)", "false"),
}
"""By name: the function, a condition in it, and what stands there instead."""


async def weaken(dsn: str, names: Iterable[str]) -> None:
    """Replace functions in the database by their weakened selves.

    Raises:
        ValueError: a function no longer has its condition, so that nothing would be weakened.
    """
    connection = await asyncpg.connect(dsn)
    try:
        for body in weakened(names).values():
            await connection.execute(body)
    finally:
        await connection.close()


def weakened(names: Iterable[str]) -> dict[str, str]:
    """Return the weakened texts by function: one that is weakened in two ways is so in both.

    Raises:
        ValueError: a function no longer has its condition, so that nothing would be weakened.
    """
    bodies: dict[str, str] = {}
    for function, condition, instead in map(WEAKENINGS.__getitem__, names):
        source = files("coordination.store") / "functions" / f"{function}.sql"
        body = bodies.get(function) or source.read_text(encoding="utf-8")
        if condition not in body:
            raise ValueError(f"{function}.sql no longer has the condition {condition!r}")
        bodies[function] = body.replace(condition, instead)
    return bodies
