"""What agents are at already when a plan is handed out: each such task has its holder and, until it ends, its files.

An estimate of what is left of it says when its holder is free again. Whether the holder is alive is not asked: until
somebody gives the task up, its files are taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coordination.domain.plan.conflict import above, key_of
from coordination.domain.plan.prediction import Prediction


@dataclass(frozen=True, slots=True)
class Begun:
    """A task that has begun.

    Attributes:
        id: its id in the session.
        agent: who has it; '' when that is nobody whom a plan is for, as its planner.
        files: what it was predicted to write.
        left: how much of it is left, in units of work; 0 when it is completed, None when nobody estimated it.
        is_blocked: it stands.
    """

    id: str
    agent: str
    files: tuple[str, ...] = ()
    left: float | None = None
    is_blocked: bool = False


def shared_with(
    begun: Sequence[Begun], predicted: Mapping[str, Sequence[Prediction]]
) -> dict[str, tuple[str, ...]]:
    """Return for each task that has begun the planned ones that write its files, or a folder around or below them."""
    planned = {id_: {key_of(one.path) for one in files} for id_, files in predicted.items()}
    found: dict[str, tuple[str, ...]] = {}
    for one in begun:
        taken = set(map(key_of, one.files))
        meet = (id_ for id_, keys in planned.items() if id_ != one.id and _overlap(keys, taken))
        found[one.id] = tuple(meet)
    return found


def _overlap(keys: set[str], others: set[str]) -> bool:
    return not others.isdisjoint(_with_folders(keys)) or not keys.isdisjoint(_with_folders(others))


def _with_folders(keys: set[str]) -> set[str]:
    return keys.union(*map(above, keys))
