"""`coord plan`, `coord tasks`, `coord prompt`: who does what by the latest plan, how far all is, how agents begin.

Who the planner is, is changed by `coord plan` too (`cli.planner`).
"""

import shlex
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from coordination.cli import place, planner
from coordination.cli.output import OK, USAGE, Failure, Json, emit, say
from coordination.cli.reach import SessionName, resolve, service, tell_if_closed
from coordination.cli.status import as_json, print_lines
from coordination.client.errors import RequestRefused
from coordination.domain.text import clean, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from coordination.client.service import ServiceClient
    from coordination.domain.plan.handed_out import HandedOut
    from coordination.domain.task import Task

_TITLE: Final = 60
_FILES: Final = 3
_REPLACED: Final = "replaced"
_MARKS: Final = {"pending": "-", "completed": "x", "failed": "!", "blocked": "?", _REPLACED: " "}
_GOING: Final = ">"

_PLAN_EXAMPLES: Final = """Examples:

    coord plan
    coord plan demo --revision 1
    coord plan demo --json
    coord plan demo --take impl_a
    coord plan demo --give-back impl_a
"""
_TASKS_EXAMPLES: Final = """Examples:

    coord tasks
    coord tasks demo --json
"""
_PROMPT_EXAMPLES: Final = """Examples:

    coord prompt impl_a
    COORD_AGENT=impl_a claude "$(coord prompt impl_a demo)"
"""


def register(app: App) -> None:
    """Add the commands to `app`."""
    app.command(plan, help_epilogue=_PLAN_EXAMPLES, usage="Usage: coord plan [SESSION] [OPTIONS]")
    app.command(tasks, help_epilogue=_TASKS_EXAMPLES, usage="Usage: coord tasks [SESSION] [OPTIONS]")
    app.command(prompt, help_epilogue=_PROMPT_EXAMPLES, usage="Usage: coord prompt AGENT [SESSION] [OPTIONS]")


def plan(
    session: SessionName = None,
    /,
    *,
    revision: Annotated[
        int | None,
        Parameter(help="An earlier plan, as it was handed out; 1 is the first.", show_default=False),
    ] = None,
    take: Annotated[
        str | None,
        Parameter(help="Make this agent the planner, by name or as user/name.", show_default=False),
    ] = None,
    give_back: Annotated[
        str | None, Parameter(help="Make this agent an implementer again.", show_default=False)
    ] = None,
    json: Json = False,
) -> int:
    """Show the latest plan of a session: each agent's tasks, what they wait for, the files that are likely.

    A planner makes it with analyze_task_conflicts and create_task_distribution. That is the agent named planner, or
    another one that took the role while no planner was there.
    """
    if sum(wish is not None for wish in (revision, take, give_back)) > 1:
        raise Failure("Give one of --revision, --take and --give-back.", exit_code=USAGE, code="usage")
    _check_revision(revision, session)
    with service(session) as client:
        name = resolve(client, session)
        if take is not None:
            return planner.take(client, name, take, json=json)
        if give_back is not None:
            return planner.give_back(client, name, give_back, json=json)
        found = client.plan(name, revision)
        if not json:
            tell_if_closed(client, name)
    if json:
        emit({"session": name, **as_json(found)})
        return OK
    say(
        f"Plan {found.revision} of session {name}: {counted(len(found.tasks), 'task')} for"
        f" {counted(found.agent_count, 'agent')}, by {clean(found.agent_id, 130)}."
    )
    for holder, mine in _by_agent(found.tasks).items():
        say()
        say(clean(holder or "nobody", 130))
        left = any(task.is_left for task in mine)
        if revision is None and left and holder and holder != found.agent_id:
            say(f"  start it with: {_start(holder, found.agent_id, name)}")
        print_lines([line for task in mine for line in _detailed(task)])
    return OK


def tasks(session: SessionName = None, /, *, json: Json = False) -> int:
    """List all tasks of a session: what is done, what goes on, with whom.

    Those of the latest plan come first, in its order; then what earlier plans left and what agents named themselves.
    """
    with service(session) as client:
        name = resolve(client, session)
        found = all_tasks(client, name)
    if json:
        emit({"session": name, "tasks": as_json(found)})
        return OK
    done = sum(task.status == "completed" for task in found)
    say(f"{done} of {counted(len(found), 'task')} {'is' if len(found) == 1 else 'are'} completed.")
    width = max((len(_id(task)) for task in found), default=0)
    who = max((len(clean(_holder(task), 130)) for task in found), default=0)
    print_lines([_line(task, width, who) for task in found])
    return OK


def prompt(
    agent: Annotated[str, Parameter(help="Its name in the plan, such as impl_a.")],
    session: SessionName = None,
    /,
    *,
    json: Json = False,
) -> int:
    """Print what an agent of the latest plan is told first; give it to `claude` as it is."""
    with service(session) as client:
        name = resolve(client, session)
        try:
            text = client.prompt(name, agent)
        except RequestRefused as refusal:
            if refusal.code != "not_found" or not _are_swapped(client, agent, name):
                raise
            raise Failure(
                "The agent comes first, then the session.",
                mend=f"Try: {place.coord(f'prompt {shlex.quote(name)} {shlex.quote(agent)}')}",
                exit_code=USAGE,
                code="usage",
            ) from None
        if not json:
            tell_if_closed(client, name)
    if json:
        emit({"session": name, "agent": agent, "prompt": text})
    else:
        say(text.removesuffix("\n"))
    return OK


def _are_swapped(client: "ServiceClient", agent: str, session: str) -> bool:
    """Whether what was typed as an agent is a session, and what was typed as the session is none."""
    known = {one.id for one in client.sessions()}
    return agent in known and session not in known


def _check_revision(revision: int | None, session: str | None) -> None:
    if revision is not None and revision < 1:
        raise Failure(
            f"There is no plan {revision}: 1 is the first.",
            mend=f"See the latest: {place.coord(shlex.join(['plan', *([session] if session else [])]))}",
            exit_code=USAGE,
            code="usage",
        )


def all_tasks(client: "ServiceClient", session: str) -> "list[Task]":
    """Read all tasks of a session, those of the latest plan first; only one that has neither is refused."""
    found = client.tasks(session)
    try:
        planned = {task.task_id: place for place, task in enumerate(client.plan(session).tasks)}
    except RequestRefused as refusal:
        if refusal.code != "not_found" or not found:
            raise
        planned = {}
    return sorted(found, key=lambda task: planned.get(task.task_id, len(planned)))


def _by_agent(tasks: "Sequence[HandedOut]") -> "dict[str | None, list[HandedOut]]":
    """Return each agent's tasks, by the first of them: what somebody took may have been planned among another's."""
    found: dict[str | None, list[HandedOut]] = {}
    for task in tasks:
        found.setdefault(task.whose, []).append(task)
    return found


def _start(agent: str, planner: str, session: str) -> str:
    """Return the line that starts an agent's terminal with its first prompt; a bare name is the planner's user's."""
    user, _, name = agent.rpartition("/")
    asked = name if user == planner.rpartition("/")[0] else agent
    shown = place.coord(f"prompt {shlex.quote(asked)} {shlex.quote(session)}")
    return f'COORD_AGENT={shlex.quote(name)} claude "$({shown})"'


def _detailed(task: "HandedOut") -> "list[Text]":
    from rich.text import Text  # noqa: PLC0415 - `coord --help` is quick without it

    replaced = f"({_REPLACED}) " if task.status == _REPLACED else ""
    lines = [Text(f"  {_mark(task)} {_id(task)}  {replaced}{clean(task.description or '', _TITLE)}")]
    if task.files:
        more = len(task.files) - _FILES
        shown = clean(", ".join(task.files[:_FILES]), 200)
        lines.append(Text(f"      files: {shown}" + (f" and {more} more" if more > 0 else ""), style="dim"))
    if task.depends_on:
        lines.append(Text(f"      waits for: {clean(', '.join(task.depends_on), 200)}", style="dim"))
    return lines


def _line(task: "Task", width: int, who: int) -> "Text":
    from rich.text import Text  # noqa: PLC0415 - as above

    holder = clean(_holder(task), 130)
    title = clean(task.description or "", _TITLE)
    return Text(f"{_mark(task)} {_id(task):<{width}}  {task.status:<11}  {holder:<{who}}  {title}")


def _holder(task: "Task") -> str:
    return task.agent_id or task.assigned_to or "nobody"


def _id(task: "HandedOut | Task") -> str:
    return clean(task.task_id, 40)


def _mark(task: "HandedOut | Task") -> str:
    return _MARKS.get(task.status, _GOING)
