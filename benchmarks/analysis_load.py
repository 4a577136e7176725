"""How long an analysis takes: a hundred tasks on an index of many files, prepared anew and prepared already.

The index is drawn from a fixed seed: names of two words, a dozen symbols and half a dozen imports a file, and five
partners. Every task names one symbol and one path, and speaks of twenty words more.
"""

import random
import time
from dataclasses import dataclass
from typing import Final

from coordination.domain.file_index import CoChange, FileIndex, IndexedFile
from coordination.domain.plan.analysis import Complexity, analyse
from coordination.domain.plan.corpus import Corpus
from coordination.domain.plan.task import PlannedTask

TASKS: Final = 100
_WORDS: Final = 3_000
_SYMBOLS, _IMPORTS, _PARTNERS = 12, 6, 5
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds: to prepare the index, and to analyse with the prepared one."""

    prepare: list[float]
    analyse: list[float]


def measure(files: int, rounds: int) -> Figures:
    """Analyse so many times."""
    index, tasks = make(files)
    figures = Figures([], [])
    for _ in range(rounds):
        begin = time.perf_counter()
        corpus = Corpus.prepared(index)
        prepared = time.perf_counter()
        analyse(corpus, tasks, Complexity.MODERATE)
        figures.prepare.append(prepared - begin)
        figures.analyse.append(time.perf_counter() - prepared)
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
            path, tuple(set(chance.choices(names, k=_SYMBOLS))), tuple(chance.choices(paths, k=_IMPORTS))
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
