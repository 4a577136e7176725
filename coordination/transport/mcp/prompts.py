"""The prompt `plan_work`, which a person types as `/mcp__coordination__plan_work`: it leads a planner to a plan."""

from typing import Annotated, Final

from fastmcp.prompts import Prompt
from pydantic import Field

from coordination.domain.text import MAX_MESSAGE, clean

_STEPS: Final = """\
Plan work for several agents on this codebase, step by step. Nothing is handed out before the person agrees.

{goal}
1. Look at the code, and cut the goal into tasks that one agent can do alone. Name files and functions in each where you
   know them; say what has to be there first with depends_on. A file that many tasks touch is a task of its own.
2. analyze_task_conflicts with all tasks. If it warns that nothing is known of the files, ask the person to run the
   command that it names, then analyse again.
3. Look at the conflicts: merge or cut tasks differently where two write the same files for no good reason, and analyse
   again.
4. Show the person the tasks, the conflicts that are left, and the split: agent, tasks, what waits for what. Ask for a
   yes, or for the number of agents that they want.
5. After the yes: create_task_distribution. Show its commands, one terminal each.
6. Stay with it: sync_progress tells you what is done and who is stuck; check_agent_status shows everybody.
"""


def plan_work(
    goal: Annotated[str, Field(description="What is to be reached, in a sentence.")] = "",
) -> str:
    """Plan work for several agents: cut it into tasks, see where they collide, agree, hand out."""
    cleaned = clean(goal, MAX_MESSAGE)
    # Claude Code passes on the first of the typed words alone; all of them stand in the message that it makes.
    said = f'The goal is all that the person typed after the command; it begins: "{cleaned}".\n'
    return _STEPS.format(goal=said if cleaned else "Ask the person for the goal, unless it was said.\n")


def build_prompts() -> list[Prompt]:
    """Build the prompts of this release."""
    return [Prompt.from_function(plan_work, name="plan_work", title="Plan work")]
