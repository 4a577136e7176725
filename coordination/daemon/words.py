"""What the daemon says to models and people: fixed sentences, in which names and paths are quoted and cut.

Nobody else's words stand here: messages and reasons of other agents are read with `sync_progress`, where they are data.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from coordination.domain.event import EventKind
from coordination.domain.file_lock import Held
from coordination.domain.session import AgentStatus, SessionStatus
from coordination.domain.task import Synced
from coordination.domain.text import call, clean, counted, printable, shown

SHOWN_AGENTS: Final = 20
SHOWN_PATHS: Final = 5
WAIT: Final = 45
LONGEST_WHY: Final = 300
_PREFIX: Final = "coordination: "
WAITING: Final = (
    f"{_PREFIX}there is news for you. It stands beside this message; act on it if it concerns your work."
)
"""What wakes a terminal; the hook of its turn brings the news."""


def name(text: str) -> str:
    """Return a name or a path as it may stand in a sentence: whatever is in it, it ends where its quotes do."""
    return json.dumps(shown(text), ensure_ascii=False)


def names(texts: Iterable[str], most: int = SHOWN_PATHS) -> str:
    """Return some names or paths, and how many more there are."""
    given = list(texts)
    more = f" and {len(given) - most} more" if len(given) > most else ""
    return ", ".join(name(text) for text in given[:most]) + more


def lasting(seconds: float) -> str:
    """Return a span of time for people: `40 s`, `4 min 10 s`."""
    whole = max(int(seconds), 0)
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def clock(at: float) -> str:
    """Return an instant, in seconds since 1970, in the machine's own time zone."""
    return f"{datetime.fromtimestamp(at).astimezone():%H:%M:%S}"


def held(path: str, outcome: Held, me: str, *, can_wait: bool = True) -> str:
    """Refuse an edit because somebody else holds the file, or waits for it first.

    Args:
        path: the file.
        outcome: what stands in the way.
        me: the id of the agent that asked.
        can_wait: whether the agent can wait for the file with a call.
    """
    wait = printable(call("claim_file_lock", file_paths=[path], wait_seconds=WAIT))
    return (
        f"{_PREFIX}{name(path)} {_obstacle(outcome, me)} You would be number {outcome.queue_position} in line. "
        "Nothing was written. Work on something else meanwhile, you are told when it is free; "
        + (f"or wait for it: {wait}" if can_wait else "then repeat your edit.")
    )


def _obstacle(outcome: Held, me: str) -> str:
    if not outcome.conflicts:
        first = outcome.ahead[0].agent_id if outcome.ahead else "another agent"
        return f"is free, but {name(first)} waits for it before you."
    conflict = outcome.conflicts[0]
    others = outcome.conflict_count - 1
    more = f" ({counted(others, 'other lease')} in the way too)" if others > 0 else ""
    whose = _relation(conflict.agent_id, me)
    return (
        f"is held by {whose}{name(conflict.agent_id)} ({conflict.operation} on {name(conflict.path)}) for another "
        f"{lasting(conflict.expires_in_seconds)}{more}, unless it is renewed."
    )


def _relation(holder: str, me: str) -> str:
    if holder.startswith(f"{me}."):
        return "your subagent "
    return "your parent " if me.startswith(f"{holder}.") else ""


def changed(path: str, by: str | None, at: float) -> str:
    """Refuse an edit because the file is not as the agent last read it."""
    who = (
        f"{name(by)} wrote it at {clock(at)}."
        if by is not None
        else "it was written by something that is no agent here: a command, an editor, or git."
    )
    return (
        f"{_PREFIX}{name(path)} changed since you read it: {who} Nothing was written. Read it again, then repeat "
        "your edit on what is there now."
    )


def unprotected(why: str) -> str:
    """Say that nobody can tell who holds a file, and that work goes on all the same."""
    return (
        f"{_PREFIX}NOT PROTECTED. {_why(why)} Nobody can say which files other agents hold, so nothing keeps "
        "them from writing to the same ones. Tell the person; `coord doctor` says how to mend it."
    )


def no_hooks() -> str:
    """Say that a terminal's edits are not protected, because its hooks do not run."""
    return (
        f"{_PREFIX}NOT PROTECTED: no hook of this terminal has come, so nothing keeps other agents from writing to the "
        "files that you edit. Tell the person; `coord doctor` in this folder says why."
    )


def blocked(why: str) -> str:
    """Refuse an edit because nobody can tell who holds the file, and the person wants that."""
    return (
        f"{_PREFIX}refused. {_why(why)} Nobody can say whether another agent holds this file, and the person's "
        "policy is to block edits then (`coord policy`). Nothing was written. Tell the person; `coord doctor` says "
        "how to mend it."
    )


def _why(text: str) -> str:
    """Return a reason, which may repeat names from anywhere, as one line without anything unseen."""
    return clean(text, LONGEST_WHY)


def starting() -> str:
    """Say that the service is being started."""
    return (
        f"{_PREFIX}starting, unprotected: the service is being started and answers in a moment. Until then "
        "nothing keeps other agents from writing to the same files."
    )


def no_tools() -> str:
    """Say that the tools of a terminal have no way to the daemon."""
    return (
        f"{_PREFIX}another program has the port of the daemon, so the tools of coordination do not work in this "
        "terminal. Hooks need no port: it changes nothing for edits. `coord daemon logs` says which program; when it "
        "is gone, or after `coord install --port`, start this terminal again."
    )


def brief(me: str, status: SessionStatus, synced: Synced) -> str:
    """Tell an agent where it is: who is here, what they hold, and what waits for it."""
    others = [one for one in status.agents if one.agent_id != me]
    lines = [
        f"{_PREFIX}you are {name(me)} in session {name(status.session)}, with {counted(len(others), 'other agent')}. "
        "A file that you edit is claimed for you; an edit of a file that another agent holds, or that changed since "
        "you read it, is refused with the reason."
    ]
    lines += [_one(agent) for agent in others[:SHOWN_AGENTS]]
    if len(others) > SHOWN_AGENTS:
        lines.append(f"… and {len(others) - SHOWN_AGENTS} more: {call('check_agent_status')}")
    mine = next((one for one in status.agents if one.agent_id == me), None)
    if mine is not None and mine.locks:
        lines.append(f"You hold {names(lease.path for lease in mine.locks)}.")
    return "\n".join([*lines, *_waits(synced)])


def _waits(synced: Synced) -> list[str]:
    """Say what waits for an agent, a line each; nothing when nothing does."""
    lines: list[str] = []
    senders = [
        one.from_agent or "somebody" for one in synced.news.items if one.kind == EventKind.MESSAGE_SENT
    ]
    if senders:
        more = "at least " if synced.news.more else ""
        who = names(dict.fromkeys(senders))
        lines.append(
            f"{more}{counted(len(senders), 'unread message')} for you, from {who}: {call('sync_progress')}"
        )
    if synced.open_task is not None:
        report = printable(call("sync_progress", task_id=synced.open_task, status="in_progress"))
        lines.append(f"You are at task {name(synced.open_task)}: {report}")
    elif synced.next_task is not None:
        begin = printable(call("sync_progress", task_id=synced.next_task.task_id, status="started"))
        lines.append(f"Task {name(synced.next_task.task_id)} was handed out to you and can begin: {begin}")
    elif synced.waiting_task is not None:
        first = names(one.task_id for one in synced.waiting_task.waits_for)
        lines.append(f"Task {name(synced.waiting_task.task_id)} was handed out to you and waits for {first}.")
    return lines


def _one(agent: AgentStatus) -> str:
    held_now = names((lease.path for lease in agent.locks), 3) if agent.locks else "nothing"
    task = f", at task {name(agent.task.task_id)}" if agent.task is not None else ""
    return f"- {name(agent.agent_id)}: {agent.presence}{task}, holds {held_now}"


def freed(paths: Sequence[str], by: str) -> str:
    """Say that files are free for which an edit was refused."""
    return (
        f"{_PREFIX}{names(paths)} is free now: {name(by)} holds it no more. Read it again before you edit it."
    )


def perhaps_freed(paths: Sequence[str]) -> str:
    """Say that files may be free for which an edit was refused, because nobody looked for a while."""
    which = f"{names(paths)}, of which an edit of yours was refused,"
    return f"{_PREFIX}{which} may be free by now: read it again, then try."


def lost(paths: Sequence[str], why: str) -> str:
    """Say that an agent holds something no more."""
    return (
        f"{_PREFIX}you hold {names(paths)} no more: {why}. Somebody else may write there now: read it again before "
        "you write to it."
    )


def message(sender: str) -> str:
    """Say that a message is there."""
    return f"{_PREFIX}{name(sender)} wrote to you: read it with {call('sync_progress')}"


def unblocked(task_id: str) -> str:
    """Say that a task can begin."""
    begin = printable(call("sync_progress", task_id=task_id, status="started"))
    return f"{_PREFIX}task {name(task_id)} can begin: {begin}"


def role(planner: str, me: str) -> str:
    """Say who plans now."""
    if planner == me:
        return f"{_PREFIX}you are the session's planner now."
    return f"{_PREFIX}{name(planner)} is the session's planner now, in your place."


def not_planner(why: str) -> str:
    """Say that the role of the planner could not be taken."""
    return f"{_PREFIX}you are not the session's planner: {_why(why)}"


def planned() -> str:
    """Say that a plan was handed out."""
    return f"{_PREFIX}work was handed out: see yours with {call('sync_progress')}"


def unseen() -> str:
    """Say that events may have been missed."""
    return f"{_PREFIX}you may have missed news: read them with {call('sync_progress')}"
