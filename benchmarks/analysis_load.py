"""How long an analysis takes: a hundred tasks on an index of many files, as the first question and as a later one.

What is measured is the whole call as the tool makes it. The first question is that of a service which has just begun:
it connects, reads the index from the database and prepares it; the next one finds it prepared, as the first one does
after a refresh.

The index is drawn from a fixed seed: names of two words, a dozen symbols and half a dozen imports a file, and five
partners. Every task names one symbol and one path, and speaks of twenty words more. A long one is nothing but words of
the index, as many as a description may have.
"""

import asyncio
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import index_load
from coordination.domain.agent import Agent
from coordination.domain.file_index import CoChange, FileIndex, IndexedFile
from coordination.domain.plan.task import PlannedTask
from coordination.domain.plan.words import stem
from coordination.embedded import EmbeddedPostgres
from coordination.services import plan
from coordination.services.core import Core
from coordination.store import migration

TASKS: Final = 100
LONGEST: Final = 2_000
"""Characters of a long description: more are refused."""
PLANNER: Final = Agent("local", "bench", "alice", "planner", "planner", "claude")
_WORDS: Final = 3_000
_SYMBOLS, _IMPORTS, _PARTNERS = 12, 6, 5
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of the first analysis of a service, of the next one, and of one of long descriptions."""

    first: list[float]
    next: list[float]
    long: list[float]


def measure(folder: Path, files: int, rounds: int) -> Figures:
    """Analyse with so many services, one after the other."""
    postgres = EmbeddedPostgres(folder)
    dsn = postgres.start()
    try:
        return asyncio.run(_measure(dsn, files, rounds))
    finally:
        postgres.stop()


async def _measure(dsn: str, files: int, rounds: int) -> Figures:
    await migration.migrate(dsn)
    index, tasks = make(files)
    long = make_long(index)
    core = Core(dsn)
    await core.database.fetch(
        "INSERT INTO claude_code_sessions (id, name, user_id) VALUES ('bench', 'x', 'x')"
    )
    await index_load.store(core, "bench", index)
    await core.database.close()
    del index
    figures = Figures([], [], [])
    asked = ((figures.first, tasks), (figures.next, tasks), (figures.long, long))
    for _ in range(rounds):
        stem.cache_clear()
        core = Core(dsn)
        async with core.running():
            for seconds, described in asked:
                begin = time.perf_counter()
                await plan.analyse(core, PLANNER, described)
                seconds.append(time.perf_counter() - begin)
    return figures


def make(files: int) -> tuple[FileIndex, list[PlannedTask]]:
    """Return an index of so many files, and a hundred tasks on it."""
    chance = random.Random(1)  # noqa: S311 - nothing is secret here
    words = ["".join(chance.choices(_LETTERS, k=chance.randint(4, 9))) for _ in range(_WORDS)]
    paths = [
        f"{chance.choice(words[:40])}/{chance.choice(words[:300])}/{'_'.join(chance.choices(words, k=2))}_{n}.py"
        for n in range(files)
    ]
    # Names come again, as they do in a repository.
    names = ["_".join(chance.choices(words, k=2)) for _ in range(files * 3)]
    indexed = tuple(
        IndexedFile(
            path,
            tuple(dict.fromkeys(chance.choices(names, k=_SYMBOLS))),
            tuple(chance.choices(paths, k=_IMPORTS)),
        )
        for path in paths
    )
    changes = tuple(
        CoChange(path, chance.choice(paths), chance.random()) for path in paths for _ in range(_PARTNERS)
    )
    tasks = [
        PlannedTask(
            f"t{number}",
            f"Change {chance.choice(indexed).symbols[0]} in {chance.choice(paths)}: "
            + " ".join(chance.choices(words, k=20)),
            depends_on=(f"t{number - 3}",) if number % 4 == 3 else (),
        )
        for number in range(TASKS)
    ]
    return FileIndex(indexed, changes), tasks


def make_long(index: FileIndex) -> list[PlannedTask]:
    """Return a hundred tasks whose descriptions are as long as they may be, of words that names in the index have."""
    chance = random.Random(2)  # noqa: S311 - nothing is secret here
    words = [word for file in index.files for name in file.symbols for word in name.split("_")]
    return [
        PlannedTask(f"t{number}", " ".join(chance.choices(words, k=LONGEST // 4))[:LONGEST])
        for number in range(TASKS)
    ]
