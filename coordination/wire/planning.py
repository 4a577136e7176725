"""What a planner's program sends over HTTP, and what is answered: a whole analysis, and the plan that was handed out.

The tools of MCP answer models and leave out what does not fit; these answer programs, and leave out nothing.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from coordination.domain.plan.analysis import Analysis
from coordination.domain.plan.assignment import MOST_AGENTS, Assignment
from coordination.domain.plan.handed_out import HandedOut
from coordination.domain.plan.prediction import Prediction
from coordination.domain.plan.task import MAX_TASKS
from coordination.wire.acting import Acting
from coordination.wire.plan import ANALYSIS_ID, MAX_PROJECT_FILES, Description, TaskArgument
from coordination.wire.rest import LockedPath


class AnalysisRequest(Acting):
    """Which tasks to analyse.

    Attributes:
        tasks: each a sentence, or with an id, files and what it depends on.
        project_files: the files there are; null means those of the session's index.
        complexity_level: of the tasks in general.
    """

    tasks: Annotated[
        list[Description | TaskArgument], Field(min_length=1, max_length=MAX_TASKS, fail_fast=True)
    ]
    project_files: Annotated[list[LockedPath], Field(max_length=MAX_PROJECT_FILES, fail_fast=True)] | None = (
        None
    )
    complexity_level: Literal["simple", "moderate", "complex"] = "moderate"


class PlanRequest(Acting):
    """Which analysis to hand out, to how many agents; null means as many as pay."""

    analysis_id: Annotated[str, Field(pattern=ANALYSIS_ID)]
    preferred_agent_count: Annotated[int, Field(ge=2, le=MOST_AGENTS)] | None = None


class AnalysedTask(BaseModel):
    """A task with all that is predicted of it.

    Attributes:
        files: those that were given with it.
        work: an estimate that only compares.
        predicted: what it is likely to write, the likeliest first.
    """

    id: str
    description: str
    files: tuple[str, ...]
    depends_on: tuple[str, ...]
    work: float
    predicted: tuple[Prediction, ...]


class PlannedConflict(BaseModel):
    """Two tasks that would write the same files.

    Attributes:
        first, second: the tasks, as they were handed in.
        severity: `likelihood` in a word.
        likelihood: 0 to 1, that both write the first of the files.
        files: the likeliest of them; there are `more`.
    """

    first: str
    second: str
    severity: Literal["high", "medium", "low"]
    likelihood: float
    files: tuple[str, ...]
    more: int


class AnalysisResult(BaseModel):
    """A whole analysis.

    Attributes:
        agent_id: who asked for it last.
        tasks: as they were handed in.
        conflicts: all of them, the worst first.
        order: the tasks, each after what it depends on.
        assignments: for as many agents as pay.
        waits_for: by task, others that come before it because of a file.
        warnings: what whoever reads it should know; of an analysis that is read again there is none.
    """

    analysis_id: str
    agent_id: str
    recommended_agent_count: int
    tasks: tuple[AnalysedTask, ...]
    conflicts: tuple[PlannedConflict, ...]
    order: tuple[str, ...]
    assignments: tuple[Assignment, ...]
    waits_for: dict[str, tuple[str, ...]]
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, id_: str, agent_id: str, analysis: Analysis, warnings: tuple[str, ...]) -> "AnalysisResult":
        """Return how an analysis goes over the wire."""
        return cls(
            analysis_id=id_,
            agent_id=agent_id,
            recommended_agent_count=analysis.recommended_agent_count,
            tasks=tuple(
                AnalysedTask(
                    id=task.id,
                    description=task.description,
                    files=tuple(path.path for path in task.files),
                    depends_on=task.depends_on,
                    work=analysis.work[task.id],
                    predicted=analysis.predicted[task.id],
                )
                for task in analysis.tasks
            ),
            conflicts=tuple(
                PlannedConflict(
                    first=found.first,
                    second=found.second,
                    severity=found.severity.value,
                    likelihood=found.likelihood,
                    files=found.files,
                    more=found.more,
                )
                for found in analysis.conflicts
            ),
            order=analysis.order,
            assignments=analysis.schedule.assignments,
            waits_for=dict(analysis.schedule.after),
            warnings=warnings,
        )


class PlanHandedOut(BaseModel):
    """A plan as it was handed out: its tasks, and those of earlier plans that had started and were kept."""

    revision: int
    tasks: tuple[HandedOut, ...]
    kept: tuple[str, ...]
