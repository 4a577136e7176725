"""The sections of the page of `coord watch`, as rows: agents, locks, the queue, tasks, last events.

Each is made of a snapshot alone. What agents named or wrote is cleaned and stays text. How many rows there is room for,
and how wide they are, is not decided here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.text import Text

from coordination.cli.attention import Concern, has_left
from coordination.cli.columns import Cell, Column
from coordination.cli.duration import briefly
from coordination.cli.event_line import event_line
from coordination.cli.picture import MARKS, MESSAGE, NAME, bar, is_here
from coordination.domain.agent import Presence
from coordination.domain.event import Event
from coordination.domain.path import MAX_PATH_BYTES
from coordination.domain.plan.handed_out import HandedOut
from coordination.domain.session import AgentStatus, SessionStatus, Waiting
from coordination.domain.task import Progress, Task, TaskStatus
from coordination.domain.text import MAX_REASON, clean

SOON_SECONDS: Final = 60
"""A lock with less time left stands out."""
WIDE: Final = 100

_COMPLETE: Final = 100
_TURN: Final = ("in_progress", "started", "blocked", "failed", "pending", "completed")
"""Tasks in the order in which they matter now."""
# Of an agent's id the end tells most: `user/name`.
_AGENT: Final = (
    Column(at_least=1),
    Column(at_least=12, keeps_end=True),
    Column(from_width=WIDE, style="dim"),
    Column(at_least=12),
    Column(at_least=6, style="dim"),
    Column(at_least=8, to_the_right=True, style="dim"),
)
_LOCK: Final = (
    Column(at_least=16, keeps_end=True),
    Column(),
    Column(at_least=10, keeps_end=True),
    Column(at_least=10, to_the_right=True),
    Column(from_width=WIDE, style="dim"),
)
_PLACE: Final = (
    Column(at_least=2, to_the_right=True),
    Column(at_least=10, keeps_end=True),
    Column(from_width=WIDE, style="dim"),
    Column(at_least=12, keeps_end=True),
    Column(at_least=10, style="yellow"),
    Column(at_least=6, to_the_right=True, style="dim"),
)
_TASK: Final = (
    Column(at_least=10),
    Column(at_least=4, to_the_right=True),
    Column(at_least=8),
    Column(),
    Column(at_least=8, keeps_end=True),
    Column(at_least=4, style="dim"),
)
_EVENT: Final = (Column(style="dim"),)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of a session at one moment.

    Attributes:
        status: the session, with its inactive agents.
        concerns: what needs attention.
        tasks: all that are known, those of the latest plan first.
        events: the last ones, in order.
        passed: seconds since the status was read, taken off the time that is left.
        trouble: why it may be out of date, "" when it is not.
        advice: what to type to see at length what needs attention.
    """

    status: SessionStatus
    concerns: tuple[Concern, ...] = ()
    tasks: tuple[HandedOut | Task, ...] = ()
    events: tuple[Event, ...] = ()
    passed: float = 0.0
    trouble: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page.

    Attributes:
        title: what it is.
        columns: one for each text of a row.
        rows: what is known, the first ones matter most.
        total: how many there are, also those of which no row is known.
        newest_last: the last rows matter most, and how many there were before does not.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    total: int
    newest_last: bool = False


def sections(snapshot: Snapshot) -> list[Section]:
    """Return the sections in their order, without those that have nothing to show."""
    status, totals = snapshot.status, snapshot.status.totals
    agents = list(_agents(status, snapshot.passed))
    locks = list(_locks(status, snapshot.passed))
    queue = list(_queue(status, snapshot.passed))
    tasks = list(_tasks(snapshot))
    counts: dict[str, int] = totals.get("tasks") or {}
    number = max(len(tasks), sum(counts.values()))
    done = f", {counts.get(TaskStatus.COMPLETED, 0)} of {number} completed"
    events = [[event_line(event)] for event in snapshot.events]
    found = [
        Section("Agents", _AGENT, agents, len(status.agents)),
        Section("Locks", _LOCK, locks, max(len(locks), int(totals.get("locks", 0)))),
        Section("Queue", _PLACE, queue, max(len(queue), int(totals.get("waiting", 0)))),
        Section(f"Tasks{done}", _TASK, tasks, number),
        Section("Last events", _EVENT, events, len(events), newest_last=True),
    ]
    return [section for section in found if section.rows]


def _name(text: str) -> str:
    return clean(text, NAME)


def _path(text: str) -> str:
    return clean(text, MAX_PATH_BYTES)


def _agents(status: SessionStatus, passed: float) -> Iterator[list[Cell]]:
    turn = list(Presence)
    here = [agent for agent in status.agents if is_here(agent)]
    for agent in sorted(here, key=lambda one: (turn.index(one.presence), one.agent_id)):
        mark, style = MARKS[agent.presence]
        name = Text(_name(agent.agent_id), style="" if agent.presence is Presence.ACTIVE else style)
        left = has_left(agent, status)
        heard = "left" if left else f"{briefly(agent.quiet_seconds + passed)} ago"
        yield [Text(mark, style=style), name, _name(agent.role), _doing(agent.task), _checkout(agent), heard]


def _doing(task: Progress | None) -> str:
    if task is None:
        return "no task"
    done = "" if task.progress_percentage is None else f" {task.progress_percentage}%"
    said = f': "{clean(task.message, MESSAGE)}"' if task.message else ""
    return f"{_name(task.task_id)} {task.status.value}{done}{said}"


def _checkout(agent: AgentStatus) -> str:
    """Return the last part of the folder that an agent works in, else the key of its working tree."""
    folder = _path(agent.checkout_root or "").replace("\\", "/").rstrip("/").rpartition("/")[2]
    return f"in {folder or _name(agent.checkout)}" if folder or agent.checkout else ""


def _locks(status: SessionStatus, passed: float) -> Iterator[list[Cell]]:
    leases = [lease for agent in status.agents for lease in agent.locks]
    for lease in sorted(leases, key=lambda one: (one.expires_in_seconds, one.path)):
        left = lease.expires_in_seconds - passed
        yield [
            _path(lease.path),
            lease.operation.value,
            _name(lease.agent_id),
            Text(time_left(left), style="yellow" if left < SOON_SECONDS else ""),
            f'"{clean(lease.reason, MAX_REASON)}"' if lease.reason else "",
        ]


def time_left(seconds: float) -> str:
    """Return a time that is counted down, such as `14:59 left`."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02} left" if seconds > 0 else "ended"


def _queue(status: SessionStatus, passed: float) -> Iterator[list[Cell]]:
    waiting = [(place, agent.agent_id) for agent in status.agents for place in agent.waiting]
    waiting.sort(key=lambda one: one[0].ticket)
    earlier: list[str] = []
    for place, agent_id in waiting:
        blocking = [wait.blocking for wait in status.waits if wait.waiting == agent_id]
        yield [
            f"{1 + len(set(earlier) & set(blocking))}.",
            _name(agent_id),
            place.operation.value,
            _wanted(place),
            f"for {', '.join(map(_name, blocking))}" if blocking else "",
            f"{briefly((status.now - place.since).total_seconds() + passed)}{' kept' if place.parked else ''}",
        ]
        earlier.append(agent_id)


def _wanted(place: Waiting) -> str:
    more = place.path_count - len(place.paths)
    return ", ".join(map(_path, place.paths)) + (f" and {more} more" if more > 0 else "")


def _tasks(snapshot: Snapshot) -> Iterator[list[Cell]]:
    current = {agent.task.task_id: (agent, agent.task) for agent in snapshot.status.agents if agent.task}
    planned = {task.task_id: task for task in snapshot.tasks}
    rows: list[tuple[str, list[Cell]]] = []
    for id_ in [*planned, *(id_ for id_ in current if id_ not in planned)]:
        agent, progress = current.get(id_, (None, None))
        task = planned.get(id_)
        state = task.status if task else str(progress and progress.status.value)
        holder = (task.agent_id or task.assigned_to) if task else agent and agent.agent_id
        rows.append((state, _task(id_, state, holder or "", progress, task)))
    rows.sort(key=lambda row: _TURN.index(row[0]) if row[0] in _TURN else 0)
    yield from (row for _, row in rows)


def _task(
    id_: str, state: str, holder: str, progress: Progress | None, task: HandedOut | Task | None
) -> list[Cell]:
    done = progress.progress_percentage if progress else None
    if state == TaskStatus.COMPLETED:
        done = _COMPLETE
    return [
        bar(done or 0),
        "" if done is None else f"{done}%",
        _name(id_),
        clean(state, NAME),
        _name(holder),
        clean((task and task.description) or "", MESSAGE),
    ]
