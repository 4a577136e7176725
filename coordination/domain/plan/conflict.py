"""Which tasks would write the same files.

Two tasks collide when both are likely to write one file, or one writes a folder that the other's file is in, and
neither has to wait for the other anyway. How bad that is follows from how likely both are.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Final

from coordination.domain.path import ROOT_KEY, LockPath, fold
from coordination.domain.plan.prediction import Prediction
from coordination.domain.plan.task import PlannedTask

MOST_NAMED: Final = 5
"""Files of a conflict that are named: a hundred tasks have five thousand pairs, and are kept with all of them."""
_HIGH, _MEDIUM = 0.6, 0.3


class Severity(StrEnum):
    """How likely two tasks are to write one file at least."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two tasks that would write the same files.

    Attributes:
        first: the one that was handed in first.
        files: what both are predicted to write, likeliest first, at most `MOST_NAMED`.
        likelihood: 0 to 1, that both write the first of the files.
        more: how many more such files there are.
    """

    first: str
    second: str
    files: tuple[str, ...]
    likelihood: float
    more: int = 0

    @property
    def severity(self) -> Severity:
        """The likelihood in a word."""
        if self.likelihood >= _HIGH:
            return Severity.HIGH
        return Severity.MEDIUM if self.likelihood >= _MEDIUM else Severity.LOW


def conflicts(
    tasks: Sequence[PlannedTask], predicted: Mapping[str, Sequence[Prediction]]
) -> tuple[Conflict, ...]:
    """Return the conflicts, worst first, then in the order of the tasks."""
    waits = waiting(tasks)
    shared = _shared(tasks, predicted)
    found: list[Conflict] = []
    for first, second in combinations([task.id for task in tasks], 2):
        files = shared.get((first, second))
        if files is None or first in waits[second] or second in waits[first]:
            continue
        worst = sorted(files.items(), key=lambda one: (-one[1], one[0]))
        named = tuple(path for path, _ in worst[:MOST_NAMED])
        found.append(Conflict(first, second, named, round(worst[0][1], 3), len(worst) - len(named)))
    return tuple(sorted(found, key=lambda one: -one.likelihood))


def waiting(tasks: Sequence[PlannedTask]) -> dict[str, set[str]]:
    """Return for every task those that have to be completed before it, directly or through others."""
    direct = {task.id: task.depends_on for task in tasks}
    found: dict[str, set[str]] = {}
    for task in tasks:
        reached: set[str] = set()
        ahead = list(direct[task.id])
        while ahead:
            other = ahead.pop()
            if other not in reached:
                reached.add(other)
                ahead.extend(direct[other])
        found[task.id] = reached
    return found


def _shared(
    tasks: Sequence[PlannedTask], predicted: Mapping[str, Sequence[Prediction]]
) -> dict[tuple[str, str], dict[str, float]]:
    """Return for pairs of tasks the files that both write, with the likelihood; tasks in the order handed in."""
    writers: defaultdict[str, dict[str, float]] = defaultdict(dict)
    spelt: dict[str, str] = {}
    for task in tasks:
        for found in predicted[task.id]:
            key = key_of(found.path)
            # One file may be predicted in two spellings, the likelier first.
            writers[key].setdefault(task.id, found.confidence)
            spelt.setdefault(key, found.path)
    shared: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    place = {task.id: number for number, task in enumerate(tasks)}
    for key, by_task in writers.items():
        covering = {
            id_: one for above in above(key) if above in writers for id_, one in writers[above].items()
        }
        for id_, one in by_task.items():
            for other_id, other in {**covering, **by_task}.items():
                if place[id_] == place[other_id]:
                    continue
                pair = (id_, other_id) if place[id_] < place[other_id] else (other_id, id_)
                shared[pair][spelt[key]] = max(one * other, shared[pair].get(spelt[key], 0.0))
    return shared


def key_of(path: str) -> str:
    """Return what is compared of a path as it is shown: the whole tree is shown as `.`."""
    return ROOT_KEY if path == "." else fold(path)


def above(key: str) -> tuple[str, ...]:
    """Return the keys of the folders around a path, the whole tree first; that does not cover resources."""
    return LockPath(key, key).ancestors
