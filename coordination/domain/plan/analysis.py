"""The analysis of a set of tasks: what each touches, where they collide, in which order and by whom they are done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coordination.domain.errors import InvalidInput
from coordination.domain.plan.assignment import Problem, Schedule, recommended, schedule
from coordination.domain.plan.begun import Begun, shared_with
from coordination.domain.plan.conflict import Conflict, conflicts
from coordination.domain.plan.corpus import Corpus
from coordination.domain.plan.prediction import Prediction, predict
from coordination.domain.plan.task import PlannedTask, ordered


class Complexity(StrEnum):
    """How much work a task is by the judgement of whoever plans."""

    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"


_BASE: Final = {Complexity.SIMPLE: 1.0, Complexity.MODERATE: 3.0, Complexity.COMPLEX: 8.0}
_PER_FILE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is predicted of a set of tasks.

    Attributes:
        tasks: as they were handed in.
        predicted: for every task the files it is likely to write.
        work: for every task the estimate, in units that only compare.
        conflicts: all of them, worst first.
        order: ids, each after what it depends on.
        schedule: for as many agents as are recommended.
    """

    tasks: tuple[PlannedTask, ...]
    predicted: Mapping[str, tuple[Prediction, ...]]
    work: Mapping[str, float]
    conflicts: tuple[Conflict, ...]
    order: tuple[str, ...]
    schedule: Schedule

    @property
    def recommended_agent_count(self) -> int:
        """How many agents pay."""
        return len(self.schedule.assignments)


def analyse(
    corpus: Corpus,
    tasks: Sequence[PlannedTask],
    complexity: Complexity,
    look: Callable[[], object] = lambda: None,
) -> Analysis:
    """Analyse tasks.

    Args:
        corpus: the prepared index of the files.
        tasks: 1 to 100.
        complexity: of the tasks in general.
        look: called between parts of the work; what it raises ends the analysis.

    Raises:
        InvalidInput: an id occurs twice, a dependency is no task of the plan, or dependencies form a cycle.
    """
    order = ordered(tasks)
    predicted: dict[str, tuple[Prediction, ...]] = {}
    for task in tasks:
        look()
        predicted[task.id] = predict(corpus, task)
    look()
    work = {id_: _work(found, complexity) for id_, found in predicted.items()}
    found = conflicts(tasks, predicted)
    return Analysis(
        tasks=tuple(tasks),
        predicted=predicted,
        work=work,
        conflicts=found,
        order=order,
        schedule=recommended(Problem(tasks, work, found), look),
    )


def distributed(analysis: Analysis, agents: int | None = None, begun: Sequence[Begun] = ()) -> Schedule:
    """Return the schedule for a number of agents.

    Args:
        analysis: of the tasks.
        agents: how many; None means as many as are recommended, or fewer if some would have nothing to do.
        begun: the tasks that somebody has, and those of the plan that are completed.

    Raises:
        InvalidInput: some of so many agents would have nothing to do; its details say how many would, `most_agents`.
    """
    if agents is None and not begun:
        return analysis.schedule
    shared = shared_with(begun, analysis.predicted)
    problem = Problem(
        analysis.tasks, analysis.work, analysis.conflicts, {one: shared[one.id] for one in begun}
    )
    wanted = agents or analysis.recommended_agent_count
    found = schedule(problem, wanted)
    holders = frozenset(problem.holder.values())
    busy = sum(bool(one.tasks) or one.agent in holders for one in found.assignments)
    if agents is None:
        return found if busy == wanted else schedule(problem, max(busy, 1))
    if busy == 0:
        raise InvalidInput(
            "preferred_agent_count: every task of this plan is completed, so nobody would get one. Plan what is left.",
            details={"most_agents": 0},
        )
    if busy < agents:
        raise InvalidInput(
            f"preferred_agent_count: of {agents} agents only {busy} would get a task: the others' tasks share"
            f" files with theirs or wait for them. Take at most {busy}, or split the tasks differently.",
            details={"most_agents": busy},
        )
    return found


def _work(predicted: Sequence[Prediction], complexity: Complexity) -> float:
    return round(_BASE[complexity] + _PER_FILE * sum(one.confidence for one in predicted), 1)
