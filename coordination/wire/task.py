"""What `sync_progress` takes and answers, as JSON."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from coordination.domain.task import TaskStatus
from coordination.wire.file_lock import PathText
from coordination.wire.text import AnswerPart, PlainText, UntrustedText


class SyncProgressArguments(BaseModel):
    """Input of sync_progress."""

    model_config = ConfigDict(extra="forbid", strict=True)

    task_id: Annotated[PlainText, Field(max_length=128, description="Together with status.")] = ""
    status: TaskStatus | None = None
    progress_percentage: Annotated[int, Field(ge=0, le=100)] | None = None
    message: Annotated[str, Field(max_length=1000)] | None = None
    affected_files: Annotated[list[PathText], Field(max_length=500, fail_fast=True)] | None = None
    to: (
        Annotated[
            list[Annotated[str, Field(pattern=r"^[A-Za-z0-9._@+/-]{1,130}$")]],
            Field(min_length=1, max_length=20, description="Agent ids.", fail_fast=True),
        ]
        | None
    ) = None


class ProgressAnswer(AnswerPart):
    """A task after the report. `status` is one of `TaskStatus`."""

    task_id: str
    status: str
    progress_percentage: int | None = None


class NewsAnswer(AnswerPart):
    """One thing that happened; `id` is its event number and may repeat."""

    id: int
    kind: str
    at: str
    agent: str | None = None
    paths: list[str] | None = None
    task_id: str | None = None
    message: UntrustedText | None = None


class OwnLockAnswer(AnswerPart):
    """One lease of the caller, in short."""

    path: str
    operation: str
    expires_in_seconds: int


class NextTaskAnswer(AnswerPart):
    """A task to start next."""

    task_id: str
    description: UntrustedText | None = None


class SyncProgressAnswer(AnswerPart):
    """Output of sync_progress."""

    task: ProgressAnswer | None = None
    sent_to: list[str] | None = None
    released: list[str] | None = None
    released_count: int | None = None
    news: list[NewsAnswer] | None = None
    more_news: bool | None = None
    locks: list[OwnLockAnswer] | None = None
    lock_count: int | None = None
    next_task: NextTaskAnswer | None = None
    warnings: list[str] | None = None
    next_call: str | None = None
