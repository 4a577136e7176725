"""Which files a task will touch, as far as can be told from its words and the index."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import Final

from coordination.domain.plan.corpus import Corpus
from coordination.domain.plan.evidence import (
    SEED,
    Evidence,
    Source,
    from_co_change,
    from_imports,
    from_symbols,
    from_text,
    strongest,
)
from coordination.domain.plan.task import PlannedTask

LIKELY: Final = 0.3
"""A file that is as likely as this is predicted to be written."""
MOST_FILES: Final = 50
"""Predicted files of one task, the likeliest first; more only of those that come with it."""
EVERY_SOURCE: Final = frozenset(Source)


@dataclass(frozen=True, slots=True)
class Prediction:
    """That a task touches a file.

    Attributes:
        confidence: 0 to 1.
        evidence: the strongest sign of each source, strongest first.
    """

    path: str
    confidence: float
    evidence: tuple[Evidence, ...]


def predict(
    corpus: Corpus, task: PlannedTask, sources: Collection[Source] = EVERY_SOURCE
) -> tuple[Prediction, ...]:
    """Return the files that a task is likely to touch, likeliest first, then by path.

    Args:
        corpus: the prepared index.
        task: the task.
        sources: which sources are asked; all, but in measurements.
    """
    said = [
        Evidence(corpus.spelt(path.path), Source.GIVEN, 1.0, "given with the task") for path in task.files
    ]
    if Source.TEXT in sources:
        said += from_text(corpus, task.description)
    if Source.SYMBOLS in sources:
        said += from_symbols(corpus, task.description)
    direct = _combined(said)
    seeds = {
        number: found.confidence
        for found in direct
        if found.confidence >= SEED and (number := corpus.number(found.path)) is not None
    }
    followed: list[Evidence] = []
    if Source.IMPORTS in sources:
        followed += from_imports(corpus, seeds, task.description)
    if Source.CO_CHANGE in sources:
        followed += from_co_change(corpus, seeds)
    likely = [found for found in _combined(chain(said, followed)) if found.confidence >= LIKELY]
    return tuple(likely[: max(MOST_FILES, len(task.files))])


def _combined(signs: Iterable[Evidence]) -> list[Prediction]:
    by_path: defaultdict[str, list[Evidence]] = defaultdict(list)
    for sign in strongest(signs).values():
        by_path[sign.path].append(sign)
    found = [
        Prediction(
            path=path,
            confidence=round(1.0 - prod(1.0 - sign.confidence for sign in evidence), 3),
            evidence=tuple(sorted(evidence, key=lambda sign: (-sign.confidence, sign.source))),
        )
        for path, evidence in by_path.items()
    ]
    return sorted(found, key=lambda one: (-one.confidence, one.path))
