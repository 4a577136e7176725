"""A session's status as people read it, in 80 columns: agents with what they do, hold and wait for, then warnings.

Everything that agents named or wrote is cleaned and put into `Text` as it is, never as markup, so that it can neither
colour nor move nor hide anything on the terminal. It reads nothing and asks nobody.
"""

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from coordination.cli.attention import Concern, Line, has_left
from coordination.cli.duration import briefly
from coordination.domain.agent import Presence
from coordination.domain.session import AgentStatus, SessionStatus
from coordination.domain.text import clean

BAR: Final = 10
SHOWN_LOCKS: Final = 8
PATH_WIDTH: Final = 44
NAME: Final = 130
MESSAGE: Final = 200
MARKS: Final = {
    Presence.ACTIVE: ("●", "green"),
    Presence.RECENT: ("◐", "yellow"),
    Presence.INACTIVE: ("○", "dim"),
}


def picture(
    status: SessionStatus,
    concerns: Sequence[Concern],
    line: Line,
    *,
    passed: float = 0.0,
    everybody: bool = False,
) -> list[Text]:
    """Return the lines to show.

    Args:
        status: the session, with its inactive agents.
        concerns: what needs attention.
        line: how to write a command.
        passed: seconds since the status was read, taken off the time that is left.
        everybody: also agents that are inactive and hold nothing.
    """
    agents = [agent for agent in status.agents if everybody or is_here(agent)]
    lines = [headline(status)]
    for agent in agents:
        lines += [Text(), *_agent(agent, status, line, passed)]
    hidden = len(status.agents) - len(agents)
    if hidden:
        lines += [
            Text(),
            Text(f"{hidden} inactive agent(s) without locks are not shown (--all).", style="dim"),
        ]
    if not status.agents:
        lines += [Text(), Text("Nobody has joined yet.")]
    if concerns:
        lines += [Text(), *(part for concern in concerns for part in concern_lines(concern))]
    return lines


def draw(screen: Console, lines: Sequence[Text], *, fitted: bool) -> None:
    """Print lines to a screen.

    Args:
        screen: where to.
        lines: what `picture` returned, or others.
        fitted: fit them into the width of the screen, all but those to paste; else they stay whole.
    """
    for line in lines:
        if fitted:
            # The console prints a copy of a text, which has forgotten how it is to be wrapped.
            screen.print(line, crop=False, no_wrap=line.no_wrap, overflow=line.overflow)
        else:
            screen.print(line, soft_wrap=True)


def is_here(agent: AgentStatus) -> bool:
    """Whether an agent is shown without being asked for: it is present, or holds something."""
    return agent.presence is not Presence.INACTIVE or agent.lock_count > 0


def shortened(path: str, width: int = PATH_WIDTH) -> str:
    """Return a path for one line: cleaned, and of a long one its end, which tells files apart."""
    plain = clean(path, 1024)
    return plain if len(plain) <= width else f"…{plain[1 - width :]}"


def concern_lines(concern: Concern) -> Iterator[Text]:
    """Yield what needs attention, and below it what to paste."""
    yield Text.assemble(("! ", "bold yellow"), concern.says)
    if concern.line:
        yield _to_paste(f"    {concern.line}")


def _to_paste(line: str) -> Text:
    """Return a line that is never broken, because a person may paste it."""
    return Text(line, no_wrap=True, overflow="ignore")


def headline(status: SessionStatus) -> Text:
    """Return the line that says which session it is, and how much there is of everything."""
    totals = status.totals
    counts = [
        f"{totals.get('agents', len(status.agents))} agent(s)",
        f"{totals.get('active', 0)} active",
        f"{totals.get('locks', 0)} lock(s)",
        f"{totals.get('waiting', 0)} waiting",
    ]
    line = Text.assemble(("Session ", "bold"), (clean(status.session, NAME), "bold"), ": ", ", ".join(counts))
    if status.status != "active":
        line.append(f" ({clean(status.status, NAME)})", style="yellow")
    return line


def _agent(agent: AgentStatus, status: SessionStatus, line: Line, passed: float) -> Iterator[Text]:
    mark, style = MARKS[agent.presence]
    heard = f"{agent.presence.value}, heard of {briefly(agent.quiet_seconds + passed)} ago"
    yield Text.assemble(
        (f"{mark} ", style),
        (clean(agent.agent_id, NAME), "bold"),
        f"  {clean(agent.role, NAME)}, {'left' if has_left(agent, status) else heard}",
    )
    yield from _task(agent)
    yield from _locks(agent, status, line, passed)
    yield from _waits(agent, status, passed)


def _task(agent: AgentStatus) -> Iterator[Text]:
    task = agent.task
    if task is None:
        return
    line = Text.assemble(("    task   ", "dim"), clean(task.task_id, NAME), "  ", task.status.value)
    if task.progress_percentage is not None:
        line.append(f"  {bar(task.progress_percentage)} {task.progress_percentage}%")
    yield line
    if task.message:
        yield Text.assemble(("    says   ", "dim"), f'"{clean(task.message, MESSAGE)}"')


def bar(percentage: int) -> str:
    """Return a progress bar of ten characters."""
    full = min(BAR, max(0, percentage * BAR // 100))
    return "█" * full + "░" * (BAR - full)


def _locks(agent: AgentStatus, status: SessionStatus, line: Line, passed: float) -> Iterator[Text]:
    label = "    holds  "
    for lease in agent.locks[:SHOWN_LOCKS]:
        left = briefly(lease.expires_in_seconds - passed)
        path = shortened(lease.path)
        held = f"{path:<{PATH_WIDTH}}  {lease.operation.value:<6}  {left} left"
        yield Text.assemble((label, "dim"), held, no_wrap=True, overflow="ellipsis")
        label = " " * len(label)
    more = agent.lock_count - min(len(agent.locks), SHOWN_LOCKS)
    if more > 0:
        yield Text(f"{label}and {more} more:", style="dim")
        yield _to_paste(f"{label}{line(f'locks {shlex.quote(clean(status.session, NAME))}')}")


def _waits(agent: AgentStatus, status: SessionStatus, passed: float) -> Iterator[Text]:
    blocking = [clean(wait.blocking, NAME) for wait in status.waits if wait.waiting == agent.agent_id]
    for place in agent.waiting:
        since = briefly((status.now - place.since).total_seconds() + passed)
        paths = ", ".join(shortened(path) for path in place.paths)
        more = (
            f" and {place.path_count - len(place.paths)} more" if place.path_count > len(place.paths) else ""
        )
        behind = f" for {', '.join(blocking)}" if blocking else ""
        kept = " (its call ended, its place is kept)" if place.parked else ""
        line = f"{paths}{more}{behind}, since {since}{kept}"
        yield Text.assemble(("    waits  ", "dim"), (line, "yellow"))
