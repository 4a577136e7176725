"""Tasks as every transport takes them to be planned: cleaned, with paths as the service compares them, and named."""

import hashlib
from collections.abc import Sequence
from itertools import chain, count
from typing import Final

from coordination.domain.errors import InvalidInput
from coordination.domain.path import LockPath, normalise_all
from coordination.domain.plan.task import PlannedTask
from coordination.domain.text import clean
from coordination.wire.plan import MAX_PROJECT_FILES, TaskArgument

MAX_DESCRIPTION: Final = 2_000
_NAME_CHARACTERS: Final = 8


def planned(tasks: Sequence[str | TaskArgument], root: str) -> list[PlannedTask]:
    """Return the tasks of a plan, those that are sentences with names of their own.

    Args:
        tasks: as they were sent.
        root: the absolute top level of the planner's checkout, or ''.

    Raises:
        InvalidInput: a file of a task cannot be one, or nothing readable is left of what it is.
    """
    taken = {given.id for given in tasks if not isinstance(given, str)}
    return [_task(number, given, root, taken) for number, given in enumerate(tasks, 1)]


def _task(number: int, given: str | TaskArgument, root: str, taken: set[str]) -> PlannedTask:
    if isinstance(given, str):
        description = _description(given, f"tasks.{number - 1}")
        return PlannedTask(_name(description, taken), description)
    description = _description(given.description, f"tasks.{number - 1}.description")
    files = normalise_all(given.files or [], root=root, literal=True, field=f"tasks.{number - 1}.files")
    return PlannedTask(given.id, description, tuple(files), tuple(given.depends_on or ()))


def _description(given: str, field: str) -> str:
    description = clean(given, MAX_DESCRIPTION)
    if not description:
        raise InvalidInput(f"{field}: is empty. Send 1 to {MAX_DESCRIPTION:,} readable characters.")
    return description


def _name(description: str, taken: set[str]) -> str:
    """Name a sentence by its words, not its place: another sentence of a later plan is another task."""
    digest = hashlib.sha256(description.encode()).hexdigest()[:_NAME_CHARACTERS]
    names = (f"task-{digest}{suffix}" for suffix in chain([""], (f"-{again}" for again in count(2))))
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


def project_paths(files: Sequence[str] | None, root: str) -> tuple[LockPath, ...] | None:
    """Return the files of a project; None when they were not sent.

    Raises:
        InvalidInput: one of them cannot be a file, or there are too many.
    """
    if files is None:
        return None
    return normalise_all(files, root=root, literal=True, field="project_files", most=MAX_PROJECT_FILES)
