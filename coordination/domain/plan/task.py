"""The tasks of a plan as they are handed in, and the order that they allow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Final

from coordination.domain.errors import InvalidInput
from coordination.domain.path import LockPath

MAX_TASKS: Final = 100


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """One task.

    Attributes:
        id: unique in the plan.
        description: what is to be done, in the words of whoever plans.
        files: files that it is known to write.
        depends_on: ids of tasks that must be completed before.
    """

    id: str
    description: str
    files: tuple[LockPath, ...] = ()
    depends_on: tuple[str, ...] = ()


def ordered(tasks: Sequence[PlannedTask]) -> tuple[str, ...]:
    """Return the ids in an order in which every task comes after those it depends on; else as they were handed in.

    Raises:
        InvalidInput: an id occurs twice, a dependency is no task of the plan, or dependencies form a cycle.
    """
    _refuse_odd_ids(tasks)
    return sequence({task.id: task.depends_on for task in tasks})


def sequence(predecessors: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the ids so that each comes after its predecessors, and else in the order of the mapping.

    Raises:
        InvalidInput: there is a cycle; it is named.
    """
    place = {id_: number for number, id_ in enumerate(predecessors)}
    sorter = TopologicalSorter(predecessors)
    try:
        sorter.prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        # The sorter names each one before what depends on it; people read "waits for".
        told = " waits for ".join(f'"{id_}"' for id_ in reversed(cycle))
        raise InvalidInput(
            f"tasks: depends_on goes in a circle: {told}. Remove one of these dependencies."
        ) from None
    result: list[str] = []
    ready = sorted(sorter.get_ready(), key=place.__getitem__)
    while ready:
        first = ready.pop(0)
        result.append(first)
        sorter.done(first)
        ready = sorted([*ready, *sorter.get_ready()], key=place.__getitem__)
    return tuple(result)


def _refuse_odd_ids(tasks: Sequence[PlannedTask]) -> None:
    known: set[str] = set()
    for task in tasks:
        if task.id in known:
            raise InvalidInput(f'tasks: the id "{task.id}" occurs twice. Give every task an id of its own.')
        known.add(task.id)
    for task in tasks:
        for other in task.depends_on:
            if other not in known:
                raise InvalidInput(
                    f'tasks: "{task.id}" depends on "{other}", which is no task of this plan. '
                    "Add it, or leave it out of depends_on."
                )
