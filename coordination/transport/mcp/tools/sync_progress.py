"""The tool `sync_progress`: report on a task, send a message, read what concerns the agent."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final, cast

from pydantic import PrivateAttr

from coordination.domain.agent import Agent
from coordination.domain.event import EventKind
from coordination.domain.file_lock import Lease
from coordination.domain.identity import Identity
from coordination.domain.task import Awaited, NewsItem, Synced, WaitingTask
from coordination.domain.text import call, clean, counted, shown
from coordination.services import task
from coordination.services.core import Core
from coordination.transport.exchange import Exchange
from coordination.transport.mcp.tool import Answer, CoordinationTool, ToolCard
from coordination.transport.mcp.tools.answer import (
    instant,
    literal,
    require_agent,
    shared_name_warning,
    size,
    within,
)
from coordination.transport.task import report
from coordination.wire.task import (
    NewsAnswer,
    NextTaskAnswer,
    OwnLockAnswer,
    ProgressAnswer,
    SyncProgressAnswer,
    SyncProgressArguments,
)
from coordination.wire.text import quoted

SHOWN_LOCKS: Final = 5
PATHS_BYTES: Final = 700
"""Room for the paths of leases, of those that ended and of those that are left."""
NEWS_BYTES: Final = 2_400
"""Room for news in an answer of under 4 KB."""
_LOSSES: Final = {"lock.expired": "expired", "lock.revoked": "was revoked by a person"}


class SyncProgress(CoordinationTool[SyncProgressArguments]):
    """Call when a task starts, ends or is stuck, and to read messages."""

    card: ClassVar[ToolCard[SyncProgressArguments]] = ToolCard(
        name="sync_progress",
        title="Sync progress",
        description="Call when you start, finish or get stuck on a task, and to read messages.",
        arguments=SyncProgressArguments,
        answer=SyncProgressAnswer,
        subject=("task_id", "status"),
        details=frozenset({"progress_percentage"}),
    )
    _core: Core = PrivateAttr()

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core

    async def call(self, identity: Identity, arguments: SyncProgressArguments, exchange: Exchange) -> Answer:
        """Write the report, answer with the news; the news count as told once the answer was delivered."""
        agent = require_agent(identity)
        told = report(
            agent,
            task_id=arguments.task_id,
            status=arguments.status,
            progress_percentage=arguments.progress_percentage,
            message=arguments.message,
            affected_files=arguments.affected_files,
            to=arguments.to,
        )
        synced = _fitting(await task.sync(self._core, agent, told))
        exchange.on_delivered(lambda: task.confirm_news(self._core, agent, synced.news.cursor))
        return _answer(agent, synced, shared_name_warning(self._core, agent))


def _fitting(synced: Synced) -> Synced:
    """Keep as many news as fit into an answer, at least one; the others come with the next sync."""
    room, items = NEWS_BYTES, list[NewsItem]()
    for item in synced.news.items:
        room -= size(_news(item))
        if room < 0 and items:
            news = replace(synced.news, items=tuple(items), cursor=items[-1].id, more=True)
            return replace(synced, news=news)
        items.append(item)
    return synced


def _answer(agent: Agent, synced: Synced, warnings: list[str]) -> Answer:
    news = [_news(item) for item in synced.news.items]
    changes = [told for item in synced.news.items if (told := _role(agent, item))][-1:]  # the last one counts
    warnings = [
        *_removed(synced),
        *(_loss(agent, item) for item in synced.news.items if item.kind in _LOSSES),
        *changes,
        *warnings,
    ]
    next_task = synced.next_task
    next_call = (
        call("sync_progress", task_id=next_task.task_id, status="started")
        if next_task is not None and synced.open_task is None
        else None
    )
    warnings += _idle(agent, synced)
    structured = SyncProgressAnswer(
        task=None
        if synced.task is None
        else ProgressAnswer(
            task_id=synced.task.task_id,
            status=synced.task.status,
            progress_percentage=synced.task.progress_percentage,
        ),
        sent_to=None if synced.sent_to is None else list(synced.sent_to),
        released=_few(synced.released) or None,
        released_count=len(synced.released) or None,
        news=news,
        more_news=synced.news.more or None,
        locks=[
            OwnLockAnswer(
                path=lease.path, operation=lease.operation, expires_in_seconds=int(lease.expires_in_seconds)
            )
            for lease in synced.leases[: len(_few(synced.leases))]
        ],
        lock_count=synced.lease_count,
        next_task=None
        if next_task is None
        else NextTaskAnswer(
            task_id=next_task.task_id, description=quoted("the plan", clean(next_task.description or "", 200))
        ),
        warnings=warnings or None,
        next_call=next_call,
    )
    return Answer(
        structured, "\n".join([*_summary(synced), *warnings, *([f"Next: {next_call}"] if next_call else [])])
    )


def _summary(synced: Synced) -> list[str]:
    lines: list[str] = []
    if synced.task is not None:
        done = synced.task.progress_percentage
        at = "" if done is None else f", {done}%"
        lines.append(f'Task "{shown(synced.task.task_id)}" is {synced.task.status}{at}.')
    if synced.released:
        number, few = len(synced.released), _few(synced.released)
        of = f" ({counted(number, 'lease')})" if number > len(few) else ""
        lines.append(f"Released with the task: {literal(few)}{of}.")
    if synced.sent_to is not None:
        lines.append(f"Sent to {', '.join(synced.sent_to)}.")
    messages = sum(item.kind == "message.sent" for item in synced.news.items)
    lines.append(
        f"News: {len(synced.news.items)} ({messages} message(s)). You hold {synced.lease_count} lock(s)."
    )
    return lines


def _removed(synced: Synced) -> list[str]:
    """Say so when events went that the agent never read: among them may have been messages to it."""
    up_to = synced.news.removed_up_to
    if up_to is None:
        return []
    return [
        f"The session's events up to number {up_to} are not kept any more, and you have not read all of them: messages"
        " to you may have been among them. Ask whoever may have written, and read files anew before you rely on them."
    ]


def _few(leases: Sequence[Lease]) -> list[str]:
    """Return the paths of some leases: their number is told beside them."""
    return within((lease.path for lease in leases[:SHOWN_LOCKS]), PATHS_BYTES)


def _news(item: NewsItem) -> NewsAnswer:
    locks = cast("list[dict[str, Any]]", item.payload.get("locks", []))
    return NewsAnswer(
        id=item.id,
        kind=item.kind,
        at=instant(item.at),
        agent=item.from_agent,
        paths=[str(lock["path"]) for lock in locks[:SHOWN_LOCKS]] or None,
        task_id=item.payload.get("task_id"),
        message=quoted(item.from_agent, item.payload.get("text") or item.payload.get("message")),
    )


def _idle(agent: Agent, synced: Synced) -> list[str]:
    """Say so when all that is left for an agent waits, or is meant for its namesake: it would take itself for done."""
    if synced.next_task is not None or synced.open_task is not None:
        return []
    if synced.waiting_task is not None:
        return [_waits(agent, synced.waiting_task)]
    other = synced.namesake_task
    if other is None:
        return []
    return [
        f"You are {agent.id}, and the plan has no task for you. It has tasks for {other.assigned_to}: if you are meant,"
        f" take the first with {call('sync_progress', task_id=other.task_id, status='started')}, or tell the person."
    ]


def _waits(agent: Agent, waiting: WaitingTask) -> str:
    begin = f'You are not done: "{shown(waiting.task_id)}" is yours and waits for'
    stuck = [
        one for one in waiting.waits_for if one.agent_id == agent.id and one.status in ("failed", "blocked")
    ]
    if stuck:
        again = call("sync_progress", task_id=stuck[0].task_id, status="started")
        return (
            f'{begin} "{shown(stuck[0].task_id)}", which you reported {stuck[0].status}. Nobody else goes on with it:'
            f" begin it again with {again}, or tell the planner what it needs and ask for another plan."
        )
    first, *others = (f'"{shown(one.task_id)}" ({_state(one)})' for one in waiting.waits_for)
    more = f" and {len(others)} more" if others else ""
    return f"{begin} {first}{more}. Call sync_progress() again in a minute, or tell the person."


def _state(awaited: Awaited) -> str:
    return awaited.status if awaited.agent_id is None else f"{awaited.status}, {awaited.agent_id}"


def _role(agent: Agent, item: NewsItem) -> str:
    """Say what a change of the planner's role means to the agent; "" of other news. It names no tool."""
    if item.kind == EventKind.ROLE_RETURNED:
        return (
            f"You are an implementer again, since {instant(item.at)}: leave it to a planner to hand out work."
        )
    if item.kind != EventKind.ROLE_TAKEN:
        return ""
    now = item.payload["agent"]
    if now != agent.id:
        return f"{now} is the planner in your place, since {instant(item.at)}: leave it to that agent to hand out work."
    return (
        f"You are the planner, since {instant(item.at)}. If you see no tools to plan with, ask the person to type /mcp"
        " and reconnect."
    )


def _loss(agent: Agent, item: NewsItem) -> str:
    locks = cast("list[dict[str, Any]]", item.payload.get("locks", []))
    paths = literal(str(lock["path"]) for lock in locks)
    number = cast("int", item.payload.get("lock_count", len(locks)))
    of = f" ({number} leases)" if number > 1 else ""
    return (
        f"You lost {paths}{of}: the lease {_LOSSES[item.kind]} at {instant(item.at)}. Claim again before you write"
        " there, and read the file anew: somebody may have changed it."
    )
