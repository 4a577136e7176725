"""The tool `analyze_task_conflicts`: what tasks would touch, where they collide, and how to split them.

An answer has to be read by a model, so it holds the likeliest files and the worst conflicts only. Of a large plan the
split and the conflicts come first, and the files of the tasks fill the room that is left; the rest is in the resource.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import Any, ClassVar, Final

from pydantic import PrivateAttr

from coordination.domain.identity import Identity
from coordination.domain.plan.analysis import Analysis
from coordination.domain.plan.conflict import Conflict, key_of
from coordination.domain.plan.prediction import Prediction
from coordination.domain.text import call, counted
from coordination.services import plan
from coordination.services.core import Core
from coordination.services.plan import KeptAnalysis
from coordination.transport.exchange import Exchange
from coordination.transport.mcp.tool import Answer, CoordinationTool, ToolCard
from coordination.transport.mcp.tools.answer import fits, require_agent
from coordination.transport.plan import planned, project_paths
from coordination.wire.plan import (
    AnalyzeTaskConflictsAnswer,
    AnalyzeTaskConflictsArguments,
    ConflictAnswer,
    FirstTasksAnswer,
    PredictedFileAnswer,
    PredictedTaskAnswer,
)
from coordination.wire.resource import analysis_of

# (files of each task, conflicts, files of each conflict), the best first.
_PORTIONS: Final = (
    (8, 20, 3),
    (5, 20, 3),
    (3, 20, 2),
    (2, 10, 2),
    (1, 10, 1),
    (1, 5, 1),
)
_LEAST: Final = 2
_WORST: Final = 5
_MANY: Final = 10


class AnalyzeTaskConflicts(CoordinationTool[AnalyzeTaskConflictsArguments]):
    """Call before work is handed out."""

    card: ClassVar[ToolCard[Any]] = ToolCard(
        name="analyze_task_conflicts",
        title="Analyze task conflicts",
        description="Plan first: which tasks would touch the same files, and how to split them.",
        arguments=AnalyzeTaskConflictsArguments,
        answer=AnalyzeTaskConflictsAnswer,
        subject=("tasks",),
        details=frozenset({"complexity_level", "project_files"}),
        read_only=True,
        idempotent=True,
    )
    _core: Core = PrivateAttr()
    _coord: str = PrivateAttr()

    def __init__(self, core: Core, coord: str = "coord") -> None:
        super().__init__()
        self._core = core
        self._coord = coord

    async def call(
        self, identity: Identity, arguments: AnalyzeTaskConflictsArguments, exchange: Exchange
    ) -> Answer:
        """Analyse, keep the analysis, answer with the heart of it."""
        agent = require_agent(identity)
        kept = await plan.analyse(
            self._core,
            agent,
            planned(arguments.tasks, agent.checkout_root),
            complexity=arguments.complexity_level,
            project_files=project_paths(arguments.project_files, agent.checkout_root),
            caller=exchange.disconnected,
        )
        # The command that a warning names leads to this very service.
        warnings = tuple(one.replace("`coord ", f"`{self._coord} ") for one in kept.warnings)
        kept = replace(kept, warnings=warnings)
        answer = _fitting(kept)
        return Answer(answer, _text(kept, answer.advice or ""))


def _fitting(kept: KeptAnalysis) -> AnalyzeTaskConflictsAnswer:
    """Return the fullest answer that fits."""
    answers = (_answer(kept, *portion) for portion in _PORTIONS)
    return next((answer for answer in answers if _fits(kept, answer)), None) or _filled(kept)


def _fits(kept: KeptAnalysis, answer: AnalyzeTaskConflictsAnswer) -> bool:
    return fits(answer, _text(kept, answer.advice or ""))


def _filled(kept: KeptAnalysis) -> AnalyzeTaskConflictsAnswer:
    """Return as much as there is room for, what matters most first."""
    whole = _answer(kept, 1, _MANY, 1)
    nothing = dict.fromkeys(("tasks", "conflicts", "order", "assignments", "waits_for"))
    left = {"more_tasks": len(kept.analysis.tasks), "more_conflicts": len(kept.analysis.conflicts) or None}
    left["more_order"] = len(kept.analysis.order)
    answer = whole.model_copy(update={**nothing, **left, "advice": _advice(kept, left_out=True)})
    for part in _parts(kept, whole):
        larger = answer.model_copy(update=part)
        if _fits(kept, larger):
            answer = larger
    return answer


def _parts(kept: KeptAnalysis, whole: AnalyzeTaskConflictsAnswer) -> Iterable[dict[str, object]]:
    conflicts, tasks, order = whole.conflicts or [], whole.tasks or [], whole.order or []
    split = whole.assignments or []

    def worst(least: int, most: int) -> Iterable[dict[str, object]]:
        for many in range(least, min(most, len(conflicts)) + 1):
            left = len(kept.analysis.conflicts) - many
            yield {"conflicts": conflicts[:many], "more_conflicts": left or None}

    yield {"assignments": [_first_of(one, 0) for one in split]}
    yield from worst(1, _LEAST)
    for many in range(1, max(len(one.tasks) for one in split) + 1):
        yield {"assignments": [_first_of(one, many) for one in split]}
    yield from worst(_LEAST + 1, _WORST)
    for many in range(1, len(order) + 1):
        yield {"order": order[:many], "more_order": len(order) - many or None}
    yield {"waits_for": whole.waits_for}
    for many in range(1, len(tasks) + 1):
        yield {"tasks": tasks[:many], "more_tasks": len(tasks) - many or None}
    yield from worst(_WORST + 1, _MANY)


def _first_of(whole: FirstTasksAnswer, many: int) -> FirstTasksAnswer:
    return whole.model_copy(
        update={"tasks": whole.tasks[:many], "more": max(len(whole.tasks) - many, 0) or None}
    )


def _answer(
    kept: KeptAnalysis, most_files: int, most_conflicts: int, most_shared: int
) -> AnalyzeTaskConflictsAnswer:
    analysis = kept.analysis
    shown = analysis.conflicts[:most_conflicts]
    count = analysis.recommended_agent_count
    left_out = (
        len(analysis.conflicts) > most_conflicts
        or any(len(conflict.files) > most_shared for conflict in shown)
        or any(len(found) > most_files for found in analysis.predicted.values())
    )
    return AnalyzeTaskConflictsAnswer(
        analysis_id=kept.id,
        recommended_agent_count=count,
        tasks=[_predicted(task.id, analysis.predicted[task.id], most_files) for task in analysis.tasks],
        conflicts=[_conflict(analysis, conflict, most_shared) for conflict in shown] or None,
        more_conflicts=len(analysis.conflicts) - len(shown) or None,
        order=list(analysis.order),
        assignments=[
            FirstTasksAnswer(agent=one.agent, tasks=list(one.tasks), work=one.work)
            for one in analysis.schedule.assignments
        ],
        waits_for={id_: list(others) for id_, others in analysis.schedule.after.items()} or None,
        resource=analysis_of(kept.id),
        warnings=list(kept.warnings) or None,
        advice=_advice(kept, left_out=left_out),
        next_call=call("create_task_distribution", analysis_id=kept.id, preferred_agent_count=count)
        if count > 1
        else None,
    )


def _predicted(id_: str, found: Iterable[Prediction], most: int) -> PredictedTaskAnswer:
    files = tuple(found)
    shown = [
        PredictedFileAnswer(path=one.path, confidence=round(one.confidence, 2), reason=one.evidence[0].reason)
        for one in islice(files, most)
    ]
    return PredictedTaskAnswer(id=id_, files=shown, more=len(files) - len(shown) or None)


def _conflict(analysis: Analysis, conflict: Conflict, most: int) -> ConflictAnswer:
    path = conflict.files[0]
    return ConflictAnswer(
        tasks=[conflict.first, conflict.second],
        files=list(conflict.files[:most]),
        severity=conflict.severity,
        why="; ".join(_why(analysis.predicted[id_], path, id_) for id_ in (conflict.first, conflict.second)),
    )


def _why(found: Iterable[Prediction], path: str, id_: str) -> str:
    key = key_of(path)
    same = (one.evidence[0].reason for one in found if key_of(one.path) == key)
    reason = next(same, "writes a folder above it")
    return f"{id_}: {reason}"


def _text(kept: KeptAnalysis, advice: str) -> str:
    analysis = kept.analysis
    pairs = len(analysis.conflicts)
    worst = f"{counted(pairs, 'pair')} of them would write the same files" if pairs else "no conflict"
    return "\n".join([f"{counted(len(analysis.tasks), 'task')}, {worst}. {advice}", *kept.warnings])


def _advice(kept: KeptAnalysis, *, left_out: bool) -> str:
    """Say what to do; it stands in the structured answer too, because that is all that a model gets to read."""
    many = kept.analysis.recommended_agent_count
    said = (
        f"{many} agents pay. Show the person the split, and after a yes call create_task_distribution."
        if many > 1
        else "One agent is enough: the tasks share files or wait for each other."
    )
    return f"{said} Not all fits here: read {analysis_of(kept.id)} for the rest." if left_out else said
