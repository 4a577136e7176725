"""The resources `coordination://prompt/{agent}` and `coordination://analysis/{analysis_id}`.

The prompt is what `coord prompt` prints. An analysis is whole here: every file of every task with every sign of it, and
every collision; what a tool answers is its heart. A page has as many tasks as fit, and one at least.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic_core import to_json

from coordination.domain.agent import Agent
from coordination.domain.errors import InvalidInput
from coordination.domain.plan.analysis import Analysis
from coordination.domain.plan.conflict import Conflict
from coordination.domain.plan.prediction import Prediction
from coordination.domain.plan.task import PlannedTask
from coordination.domain.text import shown
from coordination.services import plan
from coordination.services.core import Core
from coordination.services.plan import KeptAnalysis
from coordination.transport.mcp.resource import AFTER, TEXT, ResourceCard, as_json
from coordination.transport.mcp.tools.answer import size
from coordination.wire.plan import ANALYSIS_ID, AssignmentAnswer
from coordination.wire.resource import (
    ANALYSIS,
    PROMPT,
    AnalysedTaskContent,
    AnalysisContent,
    CollisionContent,
    ForeseenContent,
    SignContent,
    analysis_of,
    following,
)
from coordination.wire.text import quoted

PAGE_BYTES: Final = 40_000
"""Room for the tasks of a page, with what they wait for."""
SHOWN_FILES: Final = 5


async def read_prompt(core: Core, agent: Agent, said: Mapping[str, str]) -> str:
    """Read what an agent of the latest plan is told first; who asks by its own name means itself."""
    return await plan.prompt(core, agent.workspace, agent.session, said["agent"], reader=agent)


async def read_analysis(core: Core, agent: Agent, said: Mapping[str, str]) -> str:
    """Read a page of an analysis."""
    analysis_id = said["analysis_id"]
    if re.fullmatch(ANALYSIS_ID, analysis_id) is None:
        raise InvalidInput(
            f'analysis_id: must be the 16 characters of 0-9 a-f that an analysis has (got "{shown(analysis_id)}").'
        )
    kept = await plan.read(core, agent.workspace, agent.session, analysis_id)
    tasks = kept.analysis.tasks
    begin = _begin(tasks, said.get(AFTER))
    waits = {id_: list(others) for id_, others in kept.analysis.schedule.after.items()}
    page = _page(kept, begin, waits)
    left = len(tasks) - begin - len(page)
    content = AnalysisContent(
        session=agent.session,
        analysis_id=analysis_id,
        agent=kept.agent_id,
        recommended_agent_count=kept.analysis.recommended_agent_count,
        task_count=len(tasks),
        conflict_count=len(kept.analysis.conflicts),
        waits_for={task.id: waits[task.id] for task in page if task.id in waits} or None,
        tasks=page,
        more_tasks=left or None,
        next=following(analysis_of(analysis_id), page[-1].id) if left else None,
    )
    return as_json(content if begin else content.model_copy(update=_of_all(kept.analysis)))


def _of_all(analysis: Analysis) -> dict[str, object]:
    return {
        "order": list(analysis.order),
        "assignments": [
            AssignmentAnswer(agent=one.agent, tasks=list(one.tasks), work=one.work)
            for one in analysis.schedule.assignments
        ],
    }


def _begin(tasks: Sequence[PlannedTask], after: str | None) -> int:
    if after is None:
        return 0
    place = next((number for number, task in enumerate(tasks, 1) if task.id == after), None)
    if place is None:
        raise InvalidInput(f'{AFTER}: the analysis has no task "{shown(after)}".')
    return place


def _page(kept: KeptAnalysis, begin: int, waits: Mapping[str, list[str]]) -> list[AnalysedTaskContent]:
    page: list[AnalysedTaskContent] = []
    room = PAGE_BYTES
    for task in kept.analysis.tasks[begin:]:
        content = _task(kept, task)
        room -= size(content) + len(to_json(waits.get(task.id, [])))
        if page and room < 0:
            break
        page.append(content)
    return page


def _task(kept: KeptAnalysis, task: PlannedTask) -> AnalysedTaskContent:
    analysis = kept.analysis
    collisions = [_collision(one) for one in analysis.conflicts if one.first == task.id]
    return AnalysedTaskContent(
        id=task.id,
        description=quoted(kept.agent_id, task.description),
        given=[path.path for path in task.files] or None,
        depends_on=list(task.depends_on) or None,
        work=analysis.work[task.id],
        files=[_foreseen(one) for one in analysis.predicted[task.id]],
        collisions=collisions or None,
    )


def _foreseen(found: Prediction) -> ForeseenContent:
    signs = [
        SignContent(source=sign.source, confidence=round(sign.confidence, 3), reason=sign.reason)
        for sign in found.evidence
    ]
    return ForeseenContent(path=found.path, confidence=found.confidence, signs=signs)


def _collision(conflict: Conflict) -> CollisionContent:
    return CollisionContent(
        task=conflict.second,
        severity=conflict.severity,
        likelihood=conflict.likelihood,
        files=list(conflict.files[:SHOWN_FILES]),
        more=len(conflict.files[SHOWN_FILES:]) + conflict.more or None,
    )


PROMPT_CARD: Final = ResourceCard(
    uri=f"{PROMPT}/{{agent}}",
    name="prompt",
    title="First prompt",
    description="What an agent of the plan is told first; its name, such as impl_a.",
    read=read_prompt,
    mime_type=TEXT,
)
ANALYSIS_CARD: Final = ResourceCard(
    uri=f"{ANALYSIS}/{{analysis_id}}{{?{AFTER}}}",
    name="analysis",
    title="Analysis",
    description="A whole analysis of tasks: every file that each is likely to write, why, and every collision.",
    read=read_analysis,
)
