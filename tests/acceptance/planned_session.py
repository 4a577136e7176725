"""The scene of a planned session: a planner and three implementers, from the goal to the last task.

The planner is typed in by a person, turn by turn: the prompt `plan_work`, then, because nothing is known of the files
yet, `coord index`, then a yes. The implementers begin with the lines that the planner was given, and take what
`sync_progress` names. By the plan, `latex` waits for `html` because of a file, and `python` for `token` because the
planner said so; each is tried before its time. The order comes from facts alone: a step waits at a gate, and the gate
is opened once the model has shown that what must come first is done. `play` plays the scene and returns what everybody
saw; the tests judge it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import httpx

from tests.acceptance.claude import Claude, Terminal
from tests.acceptance.four_terminals import CLAIM, STATUS, SYNC
from tests.acceptance.model_api import ModelApi
from tests.acceptance.outcome import Outcome, ToolResult
from tests.acceptance.script import Call, Json, Say, Step, found
from tests.acceptance.service import Service, coord

ANALYSE, DISTRIBUTE = (
    f"mcp__coordination__{tool}" for tool in ("analyze_task_conflicts", "create_task_distribution")
)
PLANNER_TOOLS: Final = frozenset({ANALYSE, DISTRIBUTE, CLAIM, SYNC, STATUS})
IMPLEMENTER_TOOLS: Final = frozenset({CLAIM, SYNC, STATUS})
PROMPT = "/mcp__coordination__plan_work"
GOAL = "Give regular expressions a colour of their own"
LEXERS, FORMATTERS = "pygments/lexers", "pygments/formatters"
HISTORY = (f"{FORMATTERS}/svg.py", f"{FORMATTERS}/_mapping.py")
"""Files that the checkout's history changed together, and no task names together."""

TASKS: list[Json] = [
    {"id": "token", "description": "Add a literal to pygments/token.py", "files": ["pygments/token.py"]},
    {"id": "javascript", "description": f"Use it in {LEXERS}/javascript.py", "depends_on": ["token"]},
    {"id": "python", "description": f"Use it in {LEXERS}/python.py", "depends_on": ["token"]},
    {"id": "html", "description": f"A class for it: {FORMATTERS}/html.py and pygments/formatter.py"},
    {"id": "latex", "description": f"A command for it: {FORMATTERS}/latex.py and pygments/formatter.py"},
    {"id": "svg", "description": f"Draw it: {FORMATTERS}/svg.py, as in {FORMATTERS}/latex.py"},
]
PLAN: Final = {
    "impl_a": ("token", "javascript"),
    "impl_b": ("svg", "latex"),
    "impl_c": ("html", "python"),
}
"""Who is to do what: the plan is the same every time, so the scene can count on it."""

_NEXT: Final = found(r'"next_task":\{"task_id":"([^"]*)"')


@dataclass(frozen=True)
class Played:
    """What was seen in the scene.

    Attributes:
        session: its name.
        outcomes: of each terminal, by its name.
        model: the scripted model with its log.
        indexed: what `coord index` answered.
        handed_out: what `coord plan` said before the first implementer began.
        first_prompts: what each implementer was told first.
        ended: what the service says of the session after all have ended.
        plan: what `coord plan` said then.
        tasks: what `coord tasks` said then.
        events: all events of the session.
    """

    session: str
    outcomes: dict[str, Outcome]
    model: ModelApi
    indexed: Json
    handed_out: Json
    first_prompts: dict[str, str]
    ended: Json
    plan: Json
    tasks: Json
    events: list[Json]

    def answers(self, name: str, tool: str) -> list[ToolResult]:
        """What a tool answered a terminal, in order."""
        return [result for result in self.outcomes[name].results if result.tool == tool]

    def reports(self, name: str, task: str) -> list[Json]:
        """What the successful reports of a terminal on a task were answered."""
        answers = [result.content for result in self.answers(name, SYNC) if not result.is_error]
        return [content for content in answers if content.get("task", {}).get("task_id") == task]


def play(claude: Claude, model: ModelApi, service: Service, session: str) -> Played:
    """Play the scene in `session` and return what was seen.

    Args:
        claude: whose home folder, checkout and registration all terminals share.
        model: plays the steps.
        service: where `claude` is registered for `session`.
        session: a name that nobody else uses.
    """
    _remember(claude, HISTORY)

    def ask(command: str) -> Json:
        """Type a line of `coord`, which is to answer in JSON."""
        words = re.split(r"(?:^|\s|/)coord ", command)[-1].split()
        answer: Json = json.loads(claude.run(coord(), *words, "--json", environment=service.settings))
        return answer

    def all_at_once(*lines: str) -> list[Json]:
        with ThreadPoolExecutor() as pool:
            return list(pool.map(ask, lines))

    try:
        planner = claude.converse("planner")
        planner.say(f"{PROMPT} {GOAL}", [Call(ANALYSE, {"tasks": TASKS}), Say("I know no files.")])
        indexed = ask(_command(_last(planner)["warnings"]))
        planner.say("It is indexed.", [Call(ANALYSE, {"tasks": TASKS}), Say("Three agents. Shall I?")])
        agreed = {"analysis_id": _last(planner)["analysis_id"], "preferred_agent_count": len(PLAN)}
        planner.say("Yes.", [Call(DISTRIBUTE, agreed), Say("These are the lines.")])
        lines: list[Json] = _last(planner)["terminals"]
        handed_out, *told = all_at_once(f"coord plan {session}", *(line["prompt"] for line in lines))
        first_prompts = {str(one["agent"]): str(one["prompt"]) for one in told}
        running = {
            name: claude.start(name, _steps(name, handed_out), said=first, environment={"COORD_AGENT": name})
            for name, first in first_prompts.items()
        }
        _direct(model)
        outcomes = {name: terminal.wait() for name, terminal in running.items()}
        planner.say("How far are they?", [Call(SYNC, {}), Call(STATUS, {}), Say("All is done.")])
        planner.leave()
        outcomes["planner"] = planner.wait()
    finally:
        claude.stop()
    plan, tasks = all_at_once(f"coord plan {session}", f"coord tasks {session}")
    return Played(
        session=session,
        outcomes=outcomes,
        model=model,
        indexed=indexed,
        handed_out=handed_out,
        first_prompts=first_prompts,
        ended=service.status(session),
        plan=plan,
        tasks=tasks,
        events=_events(service, session),
    )


def _steps(name: str, plan: Json) -> list[Step]:
    first, second = PLAN[name]
    return [
        Call(SYNC, {}, name=f"{name}:begins"),
        *_take(name, first, plan),
        Call(SYNC, {"task_id": first, "status": "completed"}, after=_COMPLETES_AFTER.get(name)),
        *_too_early(name, second),
        *_take(name, second, plan),
        Call(SYNC, {"task_id": second, "status": "completed"}),
        Say("All mine is done.", name=f"{name}:ends"),
    ]


def _take(name: str, task: str, plan: Json) -> list[Step]:
    (files,) = [planned["files"] for planned in plan["tasks"] if planned["task_id"] == task]
    report = {"task_id": task, "status": "in_progress", "progress_percentage": 50, "affected_files": files}
    return [
        Call(SYNC, {"task_id": _NEXT, "status": "started"}),
        Call(CLAIM, {"file_paths": files}, name=f"{name}:claims {task}"),
        Call(SYNC, report),
    ]


def _too_early(name: str, task: str) -> list[Step]:
    """Try the second task at once, where it waits for another agent's, and look again when that one is done."""
    if name == "impl_a":
        return []
    return [
        Call(SYNC, {"task_id": task, "status": "started"}, name=f"{name}:tries"),
        Call(SYNC, {}, name=f"{name}:looks", after=f"{name} may go on"),
    ]


_COMPLETES_AFTER: Final = {"impl_c": "impl_b was refused", "impl_a": "impl_c was refused"}


def _direct(model: ModelApi) -> None:
    model.reached("impl_b:looks")
    model.open("impl_b was refused")
    # It tries its next task only after its first one, which impl_b waits for, is completed.
    model.reached("impl_c:tries")
    model.open("impl_b may go on")
    model.reached("impl_c:looks")
    model.open("impl_c was refused")
    model.reached("impl_a:claims javascript")
    model.open("impl_c may go on")


def _remember(claude: Claude, paths: Sequence[str]) -> None:
    """Give the checkout a few commits that change `paths` together."""
    author = ["-c", "user.name=Acceptance", "-c", "user.email=acceptance@localhost"]
    for number in range(3):
        for path in paths:
            with (claude.checkout / path).open("a") as file:
                file.write(f"# revised {number}\n")
        git = ["git", *author, "commit", "--quiet", "--all", "-m", f"Revise {number}"]
        subprocess.run(git, cwd=claude.checkout, check=True, stdout=sys.stderr)


def _last(terminal: Terminal) -> Json:
    return terminal.so_far().results[-1].content


def _command(warnings: Sequence[str]) -> str:
    """The command that the warnings say to run."""
    (command,) = re.findall(r"`([^`]*coord [^`]+)`", "\n".join(warnings))
    return str(command)


def _events(service: Service, session: str) -> list[Json]:
    events: list[Json] = []
    while True:
        query = {"after": events[-1]["seq"] if events else 0}
        url = f"{service.url}/api/v1/sessions/{session}/events"
        page = httpx.get(url, params=query, trust_env=False, timeout=10).raise_for_status().json()
        if not page["events"]:
            return events
        events += page["events"]
