"""Who does which task, and in which order: list scheduling in which files are resources.

A task takes an agent for its work, and the files that it is predicted to write for the same time. Whenever an agent is
free, it gets the first task of the list that waits for nothing and whose files nobody else has; the list is ordered by
the longest way of work that a task stands at the beginning of, itself included. List scheduling is Graham, "Bounds on
multiprocessing timing anomalies", 1969; with resources beside the processors, Garey and Graham, 1975; that order of
the list, Adam, Chandy and Dickson, "A comparison of list schedules for parallel processing systems", 1974.

Agents do not keep to estimates. So what the schedule puts one after the other because of a file is not left to the
clock: the later task waits for the earlier one, as if it depended on it, also when both are for one agent: another may
begin either.

What has begun is not scheduled: its holder is free when it ends, its files are free then, and that holder is the first
choice for what is to be written there next.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from coordination.domain.plan.begun import Begun
from coordination.domain.plan.conflict import Conflict
from coordination.domain.plan.task import PlannedTask, sequence

MOST_AGENTS: Final = 20
AGENT_COST: Final = 1.0
"""What another agent costs in units of work: somebody starts it, and it reads the code anew."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one agent does.

    Attributes:
        agent: its name.
        tasks: ids, in the order of the work.
        work: the sum of their estimates.
    """

    agent: str
    tasks: tuple[str, ...]
    work: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """A way to do all tasks.

    Attributes:
        assignments: one for each agent, also for one without work.
        after: for every task those of other tasks that it waits for because of a file, beside what it depends on.
        length: from the first start to the last end, in units of work.
    """

    assignments: tuple[Assignment, ...]
    after: Mapping[str, tuple[str, ...]]
    length: float

    @property
    def busy(self) -> int:
        """How many agents have anything to do."""
        return sum(bool(one.tasks) for one in self.assignments)


@dataclass(slots=True)
class _Agent:
    name: str
    free_at: float = 0.0
    tasks: list[str] = field(default_factory=list[str])


def agent_names(count: int) -> tuple[str, ...]:
    """Return the names of so many agents: impl_a, impl_b and so on."""
    return tuple(f"impl_{chr(ord('a') + number)}" for number in range(count))


class Problem:
    """What there is to schedule.

    Args:
        tasks: of the plan.
        work: how much each of them is.
        conflicts: of them.
        begun: each task that somebody has, of the plan or not, with the tasks of the plan that share its files.
    """

    def __init__(
        self,
        tasks: Sequence[PlannedTask],
        work: Mapping[str, float],
        conflicts: Sequence[Conflict],
        begun: Mapping[Begun, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        place = {task.id: number for number, task in enumerate(tasks)}
        # One that stands may do so for want of another task of the plan: it waits for its turn, and for its holder.
        self.at_work: Final = [one for one in begun if not (one.is_blocked and one.id in place)]
        self.holder: Final = {one.id: one.agent for one in begun if one.left != 0}
        running = {one.id for one in self.at_work}
        self.work: Final = {**work, **{one.id: _left(one, work) for one in self.at_work}}
        # What has begun waits for nothing.
        self.depends_on: Final = {task.id: () if task.id in running else task.depends_on for task in tasks}
        self.collides: Final[defaultdict[str, set[str]]] = defaultdict(set)
        pairs = [(conflict.first, conflict.second) for conflict in conflicts]
        pairs += [(one.id, other) for one, others in begun.items() for other in others]
        for first, second in pairs:
            self.collides[first].add(second)
            self.collides[second].add(first)
        ahead = _ways(self.depends_on, self.work)
        self.list: Final = tuple(sorted(place, key=lambda id_: (-ahead[id_], place[id_])))

    def team(self, agents: int) -> list[str]:
        """Return the names of so many agents: of those who are at something, then of those who are to begin."""
        known = sorted({*self.holder.values()} - {""})[:agents]
        return sorted([*known, *(one for one in agent_names(MOST_AGENTS) if one not in known)][:agents])


def schedule(problem: Problem, agents: int) -> Schedule:
    """Schedule all tasks for so many agents; what has begun is its holder's, or in no list if that is none of them."""
    team = [_Agent(name) for name in problem.team(agents)]
    ends = _begin(problem, team)
    starts = dict.fromkeys(ends, 0.0)
    order = [id_ for id_ in problem.list if id_ in ends]
    waiting = [id_ for id_ in problem.list if id_ not in ends]
    scheduled, now = frozenset(waiting), 0.0
    while waiting:
        started = _start_one(problem, team, waiting, ends, now)
        if started is None:
            now = min(end for end in ends.values() if end > now)
        else:
            starts[started] = now
            order.append(started)
    order.sort(key=lambda id_: (starts[id_], id_ in scheduled, problem.list.index(id_)))
    planned = [[id_ for id_ in one.tasks if id_ in problem.depends_on] for one in team]
    return Schedule(
        assignments=tuple(
            Assignment(one.name, tuple(mine), round(sum(problem.work[id_] for id_ in mine), 1))
            for one, mine in zip(team, planned, strict=True)
        ),
        after=_after(problem, order),
        length=round(max(ends.values(), default=0.0), 1),
    )


def _begin(problem: Problem, team: Sequence[_Agent]) -> dict[str, float]:
    """Let agents be at what they are at, and return when each task ends; nobody knows which of several ends first."""
    whole: defaultdict[str, float] = defaultdict(float)
    for one in problem.at_work:
        whole[one.agent] += problem.work[one.id]
    for agent in team:
        agent.tasks += [one.id for one in problem.at_work if one.agent == agent.name and one.left != 0]
        agent.free_at = whole[agent.name]
    return {one.id: 0.0 if one.left == 0 else whole[one.agent] for one in problem.at_work}


def recommended(problem: Problem, look: Callable[[], object] = lambda: None) -> Schedule:
    """Return the schedule for as many agents as pay: the least of length and cost of the agents together.

    Args:
        problem: what there is to schedule.
        look: called between schedules; what it raises ends them.
    """
    schedules: list[Schedule] = []
    for agents in range(1, min(MOST_AGENTS, max(len(problem.list), 1)) + 1):
        look()
        schedules.append(schedule(problem, agents))
    return min(
        schedules, key=lambda one: (one.length + AGENT_COST * len(one.assignments), len(one.assignments))
    )


def _start_one(
    problem: Problem,
    team: Sequence[_Agent],
    waiting: list[str],
    ends: dict[str, float],
    now: float,
) -> str | None:
    all_free = [one for one in team if one.free_at <= now]
    for id_ in waiting if all_free else ():
        ready = all(ends.get(other, now + 1) <= now for other in problem.depends_on[id_])
        free = _candidates(problem, team, all_free, id_)
        if ready and free and all(ends.get(other, now) <= now for other in problem.collides[id_]):
            # Who had the same files before knows them; else who has done least.
            agent = min(
                free, key=lambda one: (-len(problem.collides[id_].intersection(one.tasks)), one.free_at)
            )
            agent.tasks.append(id_)
            agent.free_at = ends[id_] = now + problem.work[id_]
            waiting.remove(id_)
            return id_
    return None


def _candidates(
    problem: Problem, team: Sequence[_Agent], free: Sequence[_Agent], id_: str
) -> Sequence[_Agent]:
    """Return those of the free agents who may have a task: the one that has it already, if it is an agent of these."""
    holder = problem.holder.get(id_)
    return [one for one in free if one.name == holder] if any(one.name == holder for one in team) else free


def _left(one: Begun, work: Mapping[str, float]) -> float:
    """Return what is left of a task; of one that nobody estimated, as much as the others are on average."""
    return one.left if one.left is not None else round(sum(work.values()) / len(work), 1)


def _after(problem: Problem, order: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return for each task the earlier ones that it collides with, without those implied."""
    found: dict[str, tuple[str, ...]] = {}
    known: dict[str, set[str]] = {}
    for number, id_ in enumerate(order):
        reached = {
            other for dependency in problem.depends_on[id_] for other in known[dependency] | {dependency}
        }
        mine: list[str] = []
        # The latest first: what it waits for need not be waited for again.
        for other in reversed(order[:number]):
            if other in problem.collides[id_] and other not in reached:
                mine.append(other)
                reached |= known[other] | {other}
        known[id_] = reached
        if mine:
            found[id_] = tuple(reversed(mine))
    return found


def _ways(depends_on: Mapping[str, Sequence[str]], work: Mapping[str, float]) -> dict[str, float]:
    """Return for each task the longest sum of work from its beginning to the end of whatever waits for it."""
    longest: dict[str, float] = {}
    followers: dict[str, list[str]] = {id_: [] for id_ in depends_on}
    for id_, others in depends_on.items():
        for other in others:
            followers[other].append(id_)
    for id_ in reversed(sequence(depends_on)):
        longest[id_] = work[id_] + max((longest[other] for other in followers[id_]), default=0.0)
    return longest
