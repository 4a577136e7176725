"""The tool `create_task_distribution`: an analysed plan becomes the session's tasks, one list for each agent."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, ClassVar, Final

from pydantic import PrivateAttr

from coordination.domain.agent import Agent
from coordination.domain.errors import InvalidInput
from coordination.domain.identity import Identity
from coordination.domain.plan.handed_out import HandedOut
from coordination.domain.text import call
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

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core

    async def call(
        self, identity: Identity, arguments: CreateTaskDistributionArguments, exchange: Exchange
    ) -> Answer:
        """Store the tasks, answer with them and with how each terminal is started."""
        agent = require_agent(identity)
        distributed = await plan.distribute(
            self._core, agent, _analysis_id(arguments), arguments.preferred_agent_count
        )
        return _answer(agent, distributed)


def _analysis_id(arguments: CreateTaskDistributionArguments) -> str:
    given = arguments.analysis_id or (arguments.analysis_result or {}).get("analysis_id")
    if arguments.analysis_id is not None and arguments.analysis_result is not None:
        raise InvalidInput("analysis_id: send it or analysis_result, not both.", next_call=_ANALYSE)
    if not isinstance(given, str):
        raise InvalidInput(
            "analysis_id: is required: the one that analyze_task_conflicts answered.", next_call=_ANALYSE
        )
    return given


def _answer(agent: Agent, distributed: Distributed) -> Answer:
    terminals = [
        TerminalAnswer(
            agent=name,
            command=f"COORD_AGENT={name} claude",
            prompt=f"coord prompt {name} {agent.session}",
            resource=prompt_of(name),
        )
        for name in dict.fromkeys(_name(task) for task in distributed.tasks)
    ]
    full = CreateTaskDistributionAnswer(
        session=agent.session,
        revision=distributed.revision,
        tasks=[
            DistributedTaskAnswer(
                id=task.task_id,
                agent=_name(task),
                status=task.status,
                waits_for=list(task.depends_on) or None,
            )
            for task in distributed.tasks
        ],
        kept=list(distributed.kept) or None,
        terminals=terminals,
        next_call=call("check_agent_status", include_inactive=True),
    )
    # Of a large plan the terminals are what a person needs; the tasks are in `coord tasks`.
    shown = full if size(full) <= ANSWER_BYTES else full.model_copy(update={"tasks": None})
    return Answer(shown, _text(distributed, terminals))


def _name(task: HandedOut) -> str:
    return (task.assigned_to or "").rpartition("/")[2]


def _text(distributed: Distributed, terminals: Iterable[TerminalAnswer]) -> str:
    loads = groupby(distributed.tasks, _name)
    counts = ", ".join(f"{name} {len(list(tasks))}" for name, tasks in loads)
    lines = "\n".join(f"{one.command}    # first prompt: {one.prompt}" for one in terminals)
    return (
        f"Plan {distributed.revision}: {len(distributed.tasks)} tasks ({counts}). Show the person these lines, one"
        f" terminal each:\n{lines}"
    )
