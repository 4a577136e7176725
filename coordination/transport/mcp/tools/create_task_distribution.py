"""The tool `create_task_distribution`: an analysed plan becomes the session's tasks, one list for each agent.

An answer has to be read by a model, so of a large plan it holds what a person needs to begin: the commands. The rest
is counted, and `coord plan` shows it.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, islice, takewhile
from typing import Any, ClassVar, Final

from pydantic import PrivateAttr

from coordination.domain.agent import Agent
from coordination.domain.errors import InvalidInput
from coordination.domain.identity import Identity
from coordination.domain.plan.handed_out import HandedOut
from coordination.domain.text import call, counted
from coordination.services import plan
from coordination.services.core import Core
from coordination.store.plan import Distributed
from coordination.transport.exchange import Exchange
from coordination.transport.mcp.tool import Answer, CoordinationTool, ToolCard
from coordination.transport.mcp.tools.answer import require_agent, size
from coordination.wire.plan import (
    CreateTaskDistributionAnswer,
    CreateTaskDistributionArguments,
    DistributedTaskAnswer,
    TerminalAnswer,
)
from coordination.wire.resource import prompt_of

ANSWER_BYTES: Final = 3_900
"""Room for the structured answer, so that it stays under 4 KB."""
KEPT_BYTES: Final = 300
TEXT_CHARACTERS: Final = 1_000
"""Room for the commands in the text, where they stand a second time."""
_NAMED_AGENTS: Final = 20
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
        return _answer(agent, distributed, warnings, self._coord)

    async def _warnings(self, agent: Agent, analysis_id: str, preferred: int) -> list[str]:
        kept = await plan.read(self._core, agent.workspace, agent.session, analysis_id)
        pay = kept.analysis.recommended_agent_count
        if preferred <= pay:
            return []
        said = f"{preferred} agents are more than pay; recommended: {pay}. Tell the person."
        without = " The same call without preferred_agent_count takes as many as pay."
        return [said + without if pay > 1 else said]


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
        for name in dict.fromkeys(_name(agent, task) for task in distributed.tasks if task.assigned_to)
        # Another person's agent is at work in a terminal of that person.
        if "/" not in name
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
    said = _text(agent, distributed, [one.command for one in terminals], rest)
    return Answer(_fitting(full, rest), "\n".join([said, *warnings]))


def _fitting(full: CreateTaskDistributionAnswer, rest: str) -> CreateTaskDistributionAnswer:
    """Leave out what a person needs least, step by step, until the answer fits."""
    terminals = [one.model_copy(update={"prompt": None, "resource": None}) for one in full.terminals or ()]
    kept = full.kept or []
    room = accumulate(len(id_.encode()) + len('"",') for id_ in kept)
    few = kept[: sum(1 for _ in takewhile(lambda taken: taken <= KEPT_BYTES, room))]
    steps: tuple[dict[str, object], ...] = (
        {"terminals": terminals, "advice": f"{_ADVICE} {rest}"},
        {"kept": few or None, "more_kept": len(kept) - len(few) or None},
        {"tasks": None},
        *({"terminals": terminals[:many]} for many in reversed(range(len(terminals)))),
    )
    shown = full
    for step in steps:
        if size(shown) <= ANSWER_BYTES:
            break
        shown = shown.model_copy(update=step)
    return shown


def _name(agent: Agent, task: HandedOut) -> str:
    """Return whom a task is for: the name of an agent of the same person, or `user/name`."""
    return (task.assigned_to or "").removeprefix(f"{agent.user}/")


def _text(agent: Agent, distributed: Distributed, commands: Sequence[str], rest: str) -> str:
    loads = Counter(_name(agent, task) for task in distributed.tasks if task.assigned_to)
    counts = ", ".join(f"{name} {many}" for name, many in islice(loads.items(), _NAMED_AGENTS))
    lines = "\n".join(commands)
    return (
        f"Plan {distributed.revision}: {counted(len(distributed.tasks), 'task')} ({counts}). {_ADVICE}\n"
        f"{lines if len(lines) <= TEXT_CHARACTERS else rest}"
    )


def _command(name: str, session: str, coord: str) -> str:
    """The line that starts a terminal with its first prompt; neither name holds what a shell would read."""
    return f'COORD_AGENT={name} claude "$({_prompt(name, session, coord)})"'


def _prompt(name: str, session: str, coord: str) -> str:
    return f"{coord} prompt {name} {session}"
