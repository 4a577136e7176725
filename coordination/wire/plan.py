"""What `analyze_task_conflicts` and `create_task_distribution` take and answer, as JSON.

A task is a sentence, or an object that says more. Answers name files, tasks and agents; why a file was predicted is
the service's own short text.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from coordination.domain.plan.analysis import Complexity
from coordination.domain.plan.assignment import MOST_AGENTS
from coordination.domain.plan.task import MAX_TASKS
from coordination.wire.file_lock import PathText
from coordination.wire.text import AnswerPart, PlainText

MAX_PROJECT_FILES = 20_000
ANALYSIS_ID = r"^[0-9a-f]{16}$"

TaskId = Annotated[PlainText, Field(min_length=1, max_length=128)]
Description = Annotated[str, Field(min_length=1, max_length=2_000)]


class TaskArgument(BaseModel):
    """A task of which more is known than a sentence."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: TaskId
    description: Description
    files: Annotated[list[PathText], Field(max_length=100, fail_fast=True)] | None = None
    depends_on: Annotated[list[TaskId], Field(max_length=MAX_TASKS, fail_fast=True)] | None = None


class AnalyzeTaskConflictsArguments(BaseModel):
    """Input of analyze_task_conflicts."""

    model_config = ConfigDict(extra="forbid", strict=True)

    tasks: Annotated[
        list[Description | TaskArgument], Field(min_length=1, max_length=MAX_TASKS, fail_fast=True)
    ]
    project_files: (
        Annotated[
            list[PathText],
            Field(
                max_length=MAX_PROJECT_FILES, description="Default: what `coord index` sent.", fail_fast=True
            ),
        ]
        | None
    ) = None
    complexity_level: Complexity = Complexity.MODERATE


class PredictedFileAnswer(AnswerPart):
    """A file that a task is likely to write."""

    path: str
    confidence: float
    reason: str


class PredictedTaskAnswer(AnswerPart):
    """The likeliest files of a task, and how many more there are."""

    id: str
    files: list[PredictedFileAnswer]
    more: int | None = None


class ConflictAnswer(AnswerPart):
    """Two tasks that would write the same files."""

    tasks: list[str]
    files: list[str]
    severity: str
    why: str


class AssignmentAnswer(AnswerPart):
    """What one agent does, in this order."""

    agent: str
    tasks: list[str]
    work: float


class FirstTasksAnswer(AssignmentAnswer):
    """What one agent does first, and how many tasks follow."""

    more: int | None = None


class AnalyzeTaskConflictsAnswer(AnswerPart):
    """Output of analyze_task_conflicts."""

    analysis_id: str
    recommended_agent_count: int
    tasks: list[PredictedTaskAnswer] | None = None
    more_tasks: int | None = None
    conflicts: list[ConflictAnswer] | None = None
    more_conflicts: int | None = None
    order: list[str] | None = None
    more_order: int | None = None
    assignments: list[FirstTasksAnswer] | None = None
    waits_for: dict[str, list[str]] | None = None
    resource: str | None = None
    warnings: list[str] | None = None
    advice: str | None = None
    next_call: str | None = None


class CreateTaskDistributionArguments(BaseModel):
    """Input of create_task_distribution: the id of an analysis, or what its answer was."""

    model_config = ConfigDict(extra="forbid", strict=True)

    analysis_id: Annotated[str, Field(pattern=ANALYSIS_ID)] | None = None
    analysis_result: (
        Annotated[dict[str, Any], Field(description="That whole answer, instead of its id.")] | None
    ) = None
    preferred_agent_count: Annotated[int, Field(ge=2, le=MOST_AGENTS)] | None = None


class DistributedTaskAnswer(AnswerPart):
    """A task of the plan as it is stored."""

    id: str
    agent: str
    status: str
    waits_for: list[str] | None = None


class TerminalAnswer(AnswerPart):
    """How an agent is started: the line to paste, and where its first prompt is, left out of a large answer."""

    agent: str
    command: str
    prompt: str | None = None
    resource: str | None = None


class CreateTaskDistributionAnswer(AnswerPart):
    """Output of create_task_distribution."""

    session: str
    revision: int
    tasks: list[DistributedTaskAnswer] | None = None
    kept: list[str] | None = None
    more_kept: int | None = None
    terminals: list[TerminalAnswer] | None = None
    warnings: list[str] | None = None
    advice: str | None = None
    next_call: str | None = None


class FirstPrompt(BaseModel):
    """What an agent of a plan is told first, to be pasted as it is."""

    prompt: str
