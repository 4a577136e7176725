"""Reports as every transport takes them: cleaned, and with paths as the service compares them."""

from collections.abc import Sequence

from coordination.domain.agent import Agent
from coordination.domain.path import normalise_all
from coordination.domain.task import Report, TaskStatus
from coordination.domain.text import MAX_MESSAGE, clean


def report(
    agent: Agent,
    *,
    task_id: str | None,
    status: TaskStatus | None,
    progress_percentage: int | None,
    message: str | None,
    affected_files: Sequence[str] | None,
    to: Sequence[str] | None,
) -> Report:
    """Return what an agent reports; an empty text is none.

    Raises:
        InvalidInput: an affected file cannot be one.
    """
    paths = (
        None
        if affected_files is None
        else normalise_all(affected_files, root=agent.checkout_root, literal=True, field="affected_files")
    )
    return Report(
        task_id=task_id or None,
        status=status,
        progress_percentage=progress_percentage,
        message=None if message is None else clean(message, MAX_MESSAGE) or None,
        paths=None if paths is None else tuple(path.path for path in paths),
        path_keys=None if paths is None else tuple(path.key for path in paths),
        to=None if to is None else tuple(to),
    )
