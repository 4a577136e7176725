"""How well predictions fit what is known: recall, precision and their harmonic mean, over all tasks together."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from coordination.domain.plan.corpus import Corpus
from coordination.domain.plan.evidence import Source
from coordination.domain.plan.prediction import EVERY_SOURCE, predict
from coordination.domain.plan.task import PlannedTask
from tests.unit.domain.plan.shop import Known


@dataclass(frozen=True, slots=True)
class Score:
    """Shares from 0 to 1: of what was to be found, of what was found, and both in one."""

    recall: float
    precision: float

    @property
    def f1(self) -> float:
        """The harmonic mean."""
        whole = self.recall + self.precision
        return 2 * self.recall * self.precision / whole if whole else 0.0


def score(corpus: Corpus, tasks: Iterable[Known], sources: Collection[Source] = EVERY_SOURCE) -> Score:
    """Predict every task with these sources and compare."""
    right = found = known = 0
    for task in tasks:
        paths = {one.path for one in predict(corpus, PlannedTask(task.id, task.description), sources)}
        right += len(paths & task.files)
        found += len(paths)
        known += len(task.files)
    return Score(recall=right / known, precision=right / found if found else 0.0)
