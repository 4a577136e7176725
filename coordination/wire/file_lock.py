"""What `claim_file_lock` takes and answers, as JSON."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from coordination.domain.file_lock import Operation
from coordination.wire.text import AnswerPart, PlainText, UntrustedText

PathText = Annotated[str, Field(max_length=4096)]


class ClaimFileLockArguments(BaseModel):
    """Input of claim_file_lock."""

    model_config = ConfigDict(extra="forbid", strict=True)

    file_paths: Annotated[
        list[PathText],
        Field(
            description='Repo-relative files or folders, or names like "resource:port/5432".',
            max_length=500,
            fail_fast=True,
        ),
    ] = Field(default_factory=list)
    operation: Operation = Operation.WRITE
    duration_minutes: Annotated[int, Field(ge=1, le=60)] = 15
    action: Annotated[
        str,
        Field(pattern="^(claim|renew|release)$", description="renew or release with no paths: all of yours"),
    ] = "claim"
    wait_seconds: Annotated[int, Field(ge=0, le=45, description="Wait your turn this long.")] = 0
    reason: Annotated[str, Field(max_length=200, description="Shown to those refused.")] = ""
    task_id: Annotated[PlainText, Field(max_length=128, description="Default: your started task.")] = ""


class LockAnswer(AnswerPart):
    """One lease of the caller. `operation` is one of `Operation`."""

    path: str
    operation: str
    fencing_token: int
    expires_at: str
    expires_in_seconds: int
    previous_holder: str | None = None


class ConflictAnswer(AnswerPart):
    """One obstacle: a lease, or (`queued`) an earlier waiter."""

    path: str
    locked_by: str
    operation: str
    held_path: str | None = None
    reason: UntrustedText | None = None
    task_id: str | None = None
    granted_at: str | None = None
    expires_at: str | None = None
    time_remaining_seconds: int | None = None
    queued: bool | None = None


class ClaimFileLockAnswer(AnswerPart):
    """Output of claim_file_lock. `outcome` is granted, held, renewed or released."""

    outcome: str
    locks: list[LockAnswer] | None = None
    conflicts: list[ConflictAnswer] | None = None
    conflict_count: int | None = None
    queue_position: int | None = None
    queued: bool | None = None
    warnings: list[str] | None = None
    next_call: str | None = None
