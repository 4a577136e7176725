"""The tool `create_task_distribution`: an analysed plan becomes the session's tasks, one list for each agent.

An answer has to be read by a model, so of a large plan it holds what a person needs to begin: the commands. The rest
is counted, and `coord plan` shows it.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any, ClassVar, Final

from pydantic import PrivateAttr

from coordination.domain.agent import Agent
from coordination.domain.errors import InvalidInput
from coordination.domain.identity import Identity
from coordination.domain.plan.handed_out import HandedOut
from coordination.domain.task import TaskStatus
from coordination.domain.text import call, counted
from coordination.services import plan
from coordination.services.core import Core
from coordination.store.plan import Distributed
from coordination.transport.exchange import Exchange
from coordination.transport.mcp.tool import Answer, CoordinationTool, ToolCard
from coordination.transport.mcp.tools.answer import fits, require_agent, within
from coordination.wire.plan import (
    CreateTaskDistributionAnswer,
    CreateTaskDistributionArguments,
    DistributedTaskAnswer,
    TerminalAnswer,
)
from coordination.wire.resource import prompt_of

KEPT_BYTES: Final = 300
_NAMED_AGENTS: Final = 5
_ADVICE: Final = (
    "Show the person the commands, one terminal each: they start the agents with their first prompts."
)
_ANALYSE: Final = 'analyze_task_conflicts(tasks=["…"])'


class CreateTaskDistribution(CoordinationTool[CreateTaskDistributionArguments]):
    """Call when the person has agreed to a plan."""

    card: ClassVar[ToolCard[Any]] = ToolCard(
        name="create_task_distribution",
        title="Create task distribution",
        description="Save the analysed plan and hand out the work; call after the person agrees.",
        arguments=CreateTaskDistributionArguments,
        answer=CreateTaskDistributionAnswer,
        details=frozenset({"preferred_agent_count"}),
        destructive=True,
    )
    _core: Core = PrivateAttr()
    _coord: str = PrivateAttr()

    def __init__(self, core: Core, coord: str = "coord") -> None:
        super().__init__()
        self._core = core
        self._coord = coord

    async def call(
        self, identity: Identity, arguments: CreateTaskDistributionArguments, exchange: Exchange
    ) -> Answer:
        """Store the tasks, answer with them and with how each terminal is started."""
        agent = require_agent(identity)
        analysis_id, preferred = _analysis_id(arguments), arguments.preferred_agent_count
        warnings = [] if preferred is None else await self._warnings(agent, analysis_id, preferred)
        try:
            distributed = await plan.distribute(self._core, agent, analysis_id, preferred)
        except InvalidInput as error:
            raise _with_call(error, analysis_id) from None
        more = _more_at_work(distributed, preferred)
        return _answer(agent, distributed, [*warnings, *distributed.warnings, *more], self._coord)

    async def _warnings(self, agent: Agent, analysis_id: str, preferred: int) -> list[str]:
        kept = await plan.read(self._core, agent.workspace, agent.session, analysis_id)
        pay = kept.analysis.recommended_agent_count
        if preferred <= pay:
            return []
        said = f"{preferred} agents are more than pay; recommended: {pay}. Tell the person."
        without = " The same call without preferred_agent_count takes as many as pay."
        return [said + without if pay > 1 else said]


def _more_at_work(distributed: Distributed, preferred: int | None) -> list[str]:
    """Warn when tasks that were begun before keep more agents at work than were asked for."""
    at_work = {task.assigned_to for task in distributed.tasks if task.status != TaskStatus.COMPLETED} - {None}
    if preferred is None or len(at_work) <= preferred:
        return []
    said = f"{len(at_work)} agents have work, and not {preferred}"
    return [f"{said}: what was begun before stays with its agent. Tell the person."]


def _analysis_id(arguments: CreateTaskDistributionArguments) -> str:
    given = arguments.analysis_id or (arguments.analysis_result or {}).get("analysis_id")
    if arguments.analysis_id is not None and arguments.analysis_result is not None:
        raise InvalidInput("analysis_id: send it or analysis_result, not both.", next_call=_ANALYSE)
    if not isinstance(given, str):
        raise InvalidInput(
            "analysis_id: is required: the one that analyze_task_conflicts answered.", next_call=_ANALYSE
        )
    return given


def _with_call(error: InvalidInput, analysis_id: str) -> InvalidInput:
    """Return a refusal with the call that hands the plan out to as many agents as would have a task."""
    most = error.details.get("most_agents")
    if not isinstance(most, int):
        return error
    more = {"preferred_agent_count": most} if most > 1 else {}
    return InvalidInput(
        error.message,
        next_call=call("create_task_distribution", analysis_id=analysis_id, **more),
        details=error.details,
    )


def _answer(agent: Agent, distributed: Distributed, warnings: Sequence[str], coord: str) -> Answer:
    terminals = [
        TerminalAnswer(
            agent=name,
            command=_command(name, agent.session, coord),
            prompt=_prompt(name, agent.session, coord),
            resource=prompt_of(name),
        )
        for name in dict.fromkeys(
            _name(agent, task) for task in distributed.tasks if task.assigned_to and task.is_left
        )
        # Another person's agent is at work in a terminal of that person, and the planner in the one that asks.
        if "/" not in name and name != agent.name
    ]
    full = CreateTaskDistributionAnswer(
        session=agent.session,
        revision=distributed.revision,
        tasks=[
            DistributedTaskAnswer(
                id=task.task_id,
                agent=_name(agent, task),
                status=task.status,
                waits_for=list(task.depends_on) or None,
            )
            for task in distributed.tasks
        ],
        kept=list(distributed.kept) or None,
        terminals=terminals,
        warnings=list(warnings) or None,
        advice=_ADVICE,
        next_call=call("check_agent_status", include_inactive=True),
    )
    rest = f"`{coord} plan {agent.session}` shows what is left out here."
    said = _text(agent, distributed)
    whole = Answer(full, "\n".join([said, *(one.command for one in terminals), *warnings]))
    if fits(whole.structured, whole.text):
        return whole
    text = "\n".join([said, rest, *warnings])
    return Answer(_fitting(full, text, rest), text)


def _fitting(full: CreateTaskDistributionAnswer, text: str, rest: str) -> CreateTaskDistributionAnswer:
    """Leave out what a person needs least, step by step, until the answer fits, with a text without commands."""
    terminals = [one.model_copy(update={"prompt": None, "resource": None}) for one in full.terminals or ()]
    kept = full.kept or []
    few = within(kept, KEPT_BYTES)
    steps: tuple[dict[str, object], ...] = (
        {"terminals": terminals, "advice": f"{_ADVICE} {rest}"},
        {"kept": few or None, "more_kept": len(kept) - len(few) or None},
        {"tasks": None},
        *({"terminals": terminals[:many]} for many in reversed(range(len(terminals)))),
    )
    shown = full
    for step in steps:
        if fits(shown, text):
            break
        shown = shown.model_copy(update=step)
    return shown


def _name(agent: Agent, task: HandedOut) -> str:
    """Return whose a task is: the name of an agent of the same person, or `user/name`."""
    return (task.whose or "").removeprefix(f"{agent.user}/")


def _text(agent: Agent, distributed: Distributed) -> str:
    loads = Counter(_name(agent, task) for task in distributed.tasks if task.assigned_to)
    counts = ", ".join(f"{name} {many}" for name, many in islice(loads.items(), _NAMED_AGENTS))
    more = f" and {len(loads) - _NAMED_AGENTS} more" if len(loads) > _NAMED_AGENTS else ""
    return (
        f"Plan {distributed.revision}: {counted(len(distributed.tasks), 'task')} ({counts}{more}). {_ADVICE}"
    )


def _command(name: str, session: str, coord: str) -> str:
    """The line that starts a terminal with its first prompt; neither name holds what a shell would read."""
    return f'COORD_AGENT={name} claude "$({_prompt(name, session, coord)})"'


def _prompt(name: str, session: str, coord: str) -> str:
    return f"{coord} prompt {name} {session}"
