"""Use cases on plans: analyse tasks, hand out the analysed plan, say what each agent is told first.

The analysis itself is pure and takes a moment of a large repository, so it runs beside the event loop. It plans with
names alone: the service never looks at a disk.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import orjson

from coordination.domain.agent import Agent
from coordination.domain.errors import InvalidInput, UnknownItem
from coordination.domain.file_index import IndexLines, IndexSummary
from coordination.domain.path import LockPath
from coordination.domain.plan.analysis import Analysis, Complexity, distributed
from coordination.domain.plan.analysis import analyse as analyse_tasks
from coordination.domain.plan.assignment import Schedule
from coordination.domain.plan.begun import Begun, shared_with
from coordination.domain.plan.corpus import Corpus
from coordination.domain.plan.handed_out import HandedOut, Plan, PlanSummary
from coordination.domain.plan.prompt import first_prompt
from coordination.domain.plan.task import PlannedTask, ordered
from coordination.domain.text import shown
from coordination.services import file_index
from coordination.services.core import Core
from coordination.services.turns import Caller, Look
from coordination.store import plan as store
from coordination.store.plan import Distributed

_ID_CHARACTERS: Final = 16
_BLOCKED_NAMED: Final = 2
_MISSING: Final = "Nothing is known of the files: run `coord index {}` in the checkout, then analyse again."


@dataclass(frozen=True, slots=True)
class KeptAnalysis:
    """An analysis, its id in the session, who asked for it last, and what whoever reads it should know."""

    id: str
    analysis: Analysis
    agent_id: str
    warnings: tuple[str, ...] = ()


async def analyse(
    core: Core,
    agent: Agent,
    tasks: Sequence[PlannedTask],
    *,
    complexity: Complexity = Complexity.MODERATE,
    project_files: Sequence[LockPath] | None = None,
    caller: Caller | None = None,
) -> KeptAnalysis:
    """Analyse tasks with what is known of the session's files, and keep the analysis.

    Args:
        core: the shared parts.
        agent: who plans; its checkout says whose index is meant.
        tasks: 1 to 100.
        complexity: of the tasks in general.
        project_files: the files there are; None means those of the index.
        caller: who asks; once it has gone the analysis ends.

    Raises:
        InvalidInput: an id occurs twice, a dependency is no task of the plan, or dependencies form a cycle; or the
            index is too large to plan with.
        CheckoutTaken: the caller's checkout belongs to another session.
        RetryLater: the database cannot answer now, others plan all the time, or the service stops.
    """
    ordered(tasks)
    chosen = await file_index.chosen(core, agent.workspace, agent.session, agent.checkout)
    warnings = () if chosen else (_MISSING.format(agent.session),)
    prepared = None
    if chosen and project_files is None:
        prepared = await core.corpora.of(agent.workspace, agent.session, chosen)
    async with core.turns.turn(agent.workspace, agent.session, caller) as turn:
        known = prepared or await _lines(core, agent, chosen, project_files)
        work = partial(_analysed, known, project_files or (), tasks, complexity)
        analysis = await turn.run(work)
    id_ = hashlib.sha256(orjson.dumps(analysis)).hexdigest()[:_ID_CHARACTERS]
    await store.keep(core.database, agent, id_, analysis)
    return KeptAnalysis(id_, analysis, agent.id, warnings)


async def read(core: Core, workspace: str, session: str, analysis_id: str) -> KeptAnalysis:
    """Read an analysis of a session; what it lacked is not kept with it.

    Raises:
        UnknownItem: the session has none of that id, or not any more.
        RetryLater: the database cannot answer now.
    """
    found = await store.read(core.database, workspace, session, analysis_id)
    if found is None:
        raise UnknownItem(
            f"There is no analysis {analysis_id} in this session; the twenty latest are kept.",
            next_call='analyze_task_conflicts(tasks=["…"])',
        )
    analysis, agent_id = found
    return KeptAnalysis(analysis_id, analysis, agent_id)


async def distribute(
    core: Core, agent: Agent, analysis_id: str, preferred_agent_count: int | None = None
) -> Distributed:
    """Hand out an analysed plan; what had started of an earlier one is kept, and its holder gets what shares its files.

    Whoever hands it out keeps the tasks that it has, and gets no other.

    Raises:
        UnknownItem: the session has no analysis of that id.
        InvalidInput: so many agents would not all have work, or one agent is enough.
        CheckoutTaken: the caller's checkout belongs to another session.
        RetryLater: the database cannot answer now.
    """
    analysis = (await read(core, agent.workspace, agent.session, analysis_id)).analysis
    held = await store.begun(core.database, agent.workspace, agent.session, analysis.order)
    begun = [
        replace(one, agent="" if one.agent == agent.id else one.agent.removeprefix(f"{agent.user}/"))
        for one in held
    ]
    schedule = distributed(analysis, preferred_agent_count, begun, agent.name)
    holders = {one.id: one.agent or agent.name for one in begun}
    holders |= {id_: one.agent for one in schedule.assignments for id_ in one.tasks}
    handed_out = [
        _handed_out(agent, analysis, schedule, id_, holders[id_]) for id_ in _by_turn(analysis, schedule)
    ]
    result = await store.distribute(core.database, agent, analysis_id, len(schedule.assignments), handed_out)
    core.feed.announce(agent.workspace, agent.session, freed=False)
    return replace(result, warnings=_warnings(analysis, held))


async def latest(core: Core, workspace: str, session: str) -> Plan:
    """Read the latest plan of a session, with its tasks as they are now.

    Raises:
        UnknownItem: there is none, or no such session.
        RetryLater: the database cannot answer now.
    """
    found = await store.latest(core.database, workspace, session)
    if found is None:
        raise UnknownItem(
            f"Session {session} has no plan yet.",
            next_call="in a planner's terminal: analyze_task_conflicts, then create_task_distribution",
        )
    return found


async def list_plans(core: Core, workspace: str, session: str, after: int, limit: int) -> list[PlanSummary]:
    """Read at most `limit` plans of a session whose revision is greater than `after`, in order.

    Raises:
        RetryLater: the database cannot answer now. Of an unknown session there are no plans.
    """
    return await store.page(core.database, workspace, session, after, limit)


async def read_revision(core: Core, workspace: str, session: str, revision: int) -> Plan:
    """Read a plan of a session by its revision: the latest as `latest` does, an earlier one as it was handed out.

    Raises:
        UnknownItem: there is no such plan in this session, or no such session.
        RetryLater: the database cannot answer now.
    """
    found = await store.revision(core.database, workspace, session, revision)
    if found is None:
        raise UnknownItem("There is no such plan in this session.", next_call="coord plan")
    return found


async def prompt(core: Core, workspace: str, session: str, agent: str, *, reader: Agent | None = None) -> str:
    """Return what an agent of the latest plan is told first: of its tasks those that are not completed.

    Args:
        core: the shared parts.
        workspace: the tenant.
        session: the session.
        agent: its id, `user/name`, or its name; of several agents of that name the reader is meant, else the one of the
            planner's user.
        reader: the agent that asks, if one does.

    Raises:
        UnknownItem: there is no plan, or it has nothing left to do for such an agent.
        InvalidInput: several agents of that name have tasks, and none of them is meant more than the others.
        RetryLater: the database cannot answer now.
    """
    found = await latest(core, workspace, session)
    left = [task for task in found.tasks if task.is_left]
    ids = tuple(dict.fromkeys(task.whose for task in left if task.whose))
    meant = sorted(id_ for id_ in ids if agent in (id_, _name(id_)))
    if not meant:
        # Who asks by id is told ids: another user's agent of that name may have tasks.
        known = ", ".join(ids if "/" in agent else dict.fromkeys(map(_name, ids))) or "nobody any more"
        raise UnknownItem(
            f'The plan of session {session} has no task for "{shown(agent)}". It has tasks for: {known}.'
        )
    nearest = ([reader.id] if reader else []) + [f"{found.agent_id.partition('/')[0]}/{agent}"]
    one = next((id_ for id_ in nearest if id_ in meant), meant[0] if len(meant) == 1 else None)
    if one is None:
        raise InvalidInput(
            f'agent: "{shown(agent)}" may be {" or ".join(meant)}: say which.',
            next_call=f"coord prompt {meant[0]} {session}",
        )
    return first_prompt(one, session, found.agent_id, [task for task in left if task.whose == one])


def _name(agent_id: str) -> str:
    return agent_id.rpartition("/")[2]


async def _lines(
    core: Core, agent: Agent, chosen: IndexSummary | None, project_files: Sequence[LockPath] | None
) -> IndexLines:
    """Return what is known of the session's files, read anew only when it is not at hand."""
    if chosen is None or not project_files:
        return IndexLines()
    if found := core.corpora.get(agent.workspace, agent.session, chosen):
        return found.lines
    return await file_index.read(core, agent.workspace, agent.session, chosen.checkout) or IndexLines()


def _analysed(
    known: Corpus | IndexLines,
    project_files: Sequence[LockPath],
    tasks: Sequence[PlannedTask],
    complexity: Complexity,
    look: Look,
) -> Analysis:
    corpus = known if isinstance(known, Corpus) else Corpus(known.of(project_files), look)
    for _ in corpus.prepare():
        look()
    return analyse_tasks(corpus, tasks, complexity, look)


def _by_turn(analysis: Analysis, schedule: Schedule) -> list[str]:
    """Return all tasks, agent by agent, each agent's in the order of its work; then what is none of these agents'."""
    turns = [id_ for one in schedule.assignments for id_ in one.tasks]
    return [*turns, *(id_ for id_ in analysis.order if id_ not in frozenset(turns))]


def _warnings(analysis: Analysis, begun: Sequence[Begun]) -> tuple[str, ...]:
    """Say which blocked tasks have files of tasks that are to begin, and do not hold them up."""
    names = {one.id for one in begun}
    shared = shared_with([one for one in begun if one.is_blocked], analysis.predicted)
    pairs = {
        pair for one in analysis.conflicts for pair in ((one.first, one.second), (one.second, one.first))
    }
    told: list[str] = []
    for one in begun:
        # Of tasks of one plan, those that depend on each other do not collide.
        others = [
            id_
            for id_ in shared.get(one.id, ())
            if id_ not in names and (one.id not in analysis.predicted or (one.id, id_) in pairs)
        ]
        if others:
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            told.append(
                f'"{shown(one.id)}" ({one.agent}) is blocked and has files of "{shown(others[0])}"{more}'
            )
    if not told:
        return ()
    more = f"; and {len(told) - _BLOCKED_NAMED} more" if len(told) > _BLOCKED_NAMED else ""
    said = "; ".join(told[:_BLOCKED_NAMED])
    return (f"{said}{more}. Nothing waits for a blocked task because of a file. Tell the person.",)


def _handed_out(agent: Agent, analysis: Analysis, schedule: Schedule, id_: str, holder: str) -> HandedOut:
    task = next(one for one in analysis.tasks if one.id == id_)
    return HandedOut(
        task_id=id_,
        description=task.description,
        assigned_to=holder if "/" in holder else f"{agent.user}/{holder}",
        depends_on=(*task.depends_on, *schedule.after.get(id_, ())),
        files=tuple(one.path for one in analysis.predicted[id_]),
        work=analysis.work[id_],
    )
