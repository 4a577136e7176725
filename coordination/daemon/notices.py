"""What agents of this machine are to be told: kept until a hook has said it, and made of what happened in a session.

A notice is our own sentence. It says that there is news, from whom and about what; what others wrote is read with
`sync_progress`. It is said at least once: it counts as said when the hook program has printed it, so after a crash in
between it is said again.

What an agent lost is told by whoever keeps its leases (`lease_table`), which knows more of it than an event.

A wish is a file for which an edit was refused. When it becomes free whoever wished for it is told. Wishes outlive the
daemon; whatever happened while there was none, so whoever comes back is told to try.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from coordination.daemon import words
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.state import State
from coordination.daemon.state_file import StateUnusable
from coordination.domain.event import Event, EventKind
from coordination.domain.path import fold, overlaps

MOST: Final = 50
"""Notices that an agent has at most; of more, the oldest give way to the word that there is more."""
TOLD_AT_ONCE: Final = 10
FREEING: Final = frozenset({EventKind.LOCK_RELEASED, EventKind.LOCK_EXPIRED, EventKind.LOCK_REVOKED})
ASKED_FOR: Final = frozenset({EventKind.TASK_UNBLOCKED, EventKind.PLAN_DISTRIBUTED})
"""Kinds of events of which the service alone knows whom they concern."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence for an agent; its number grows."""

    number: int
    text: str


class Notices:
    """Keeps what agents are to be told, and what they wished for.

    Args:
        waiting: is called when an agent has something to be told.
        state: where wishes are kept; None for nowhere.
    """

    def __init__(
        self, waiting: Callable[[LocalAgent], None] = lambda _: None, state: State | None = None
    ) -> None:
        self._waiting = waiting
        self._state = state
        self._notices: dict[LocalAgent, deque[Notice]] = {}
        self._wishes: dict[LocalAgent, dict[str, str]] = {}
        self._kept: dict[LocalAgent, dict[str, str]] = {}
        self._said: set[tuple[LocalAgent, str]] = set()
        self._number = 0

    def said(self, agent: LocalAgent, text: str) -> None:
        """Note that an agent was told something, of which an event tells once: before or after this."""
        kept = self._notices.get(agent, deque())
        left = deque(notice for notice in kept if notice.text != text)
        if len(left) < len(kept):
            self._notices[agent] = left
        else:
            self._said.add((agent, text))

    def tell(self, agent: LocalAgent, text: str) -> None:
        """Keep a sentence for an agent, unless it waits to be said already, or was said just now."""
        if (agent, text) in self._said:
            self._said.discard((agent, text))
            return
        kept = self._notices.setdefault(agent, deque())
        if any(notice.text == text for notice in kept):
            return
        if len(kept) >= MOST:
            kept.popleft()
            kept.popleft()
            self._append(kept, words.unseen())
        self._append(kept, text)
        self._waiting(agent)

    def missed(self, agent: LocalAgent) -> None:
        """Tell an agent that there may be news of which nothing is known here."""
        self.tell(agent, words.unseen())

    def due(self, agent: LocalAgent) -> tuple[Notice, ...]:
        """Return what an agent is to be told next, the oldest first."""
        return tuple(self._notices.get(agent, ()))[:TOLD_AT_ONCE]

    def told(self, agent: LocalAgent, notices: Iterable[Notice]) -> None:
        """Forget what was said."""
        said = {notice.number for notice in notices}
        kept = self._notices.get(agent)
        if kept is not None:
            self._notices[agent] = deque(notice for notice in kept if notice.number not in said)

    def wish(self, agent: LocalAgent, path: str) -> None:
        """Remember that an agent wanted to edit a file."""
        for known in (self._wishes, self._kept):
            known.setdefault(agent, {})[fold(path)] = path
        self._keep(lambda state: state.keep_wish(agent, path))

    def content(self, agent: LocalAgent, path: str) -> None:
        """Forget that an agent wanted a file: it has it, or wants it no more."""
        self._wishes.get(agent, {}).pop(fold(path), None)
        kept = self._kept.get(agent, {}).pop(fold(path), None)
        if kept is not None:
            self._keep(lambda state: state.drop_wish(agent, kept))

    def recall(self, agent: LocalAgent) -> None:
        """Go on with what an agent wished for before a restart, and tell it to try."""
        if self._state is None or agent in self._kept:
            return
        with suppress(StateUnusable):
            wishes = self._state.wishes(agent)
            for known in (self._wishes, self._kept):
                known[agent] = {fold(path): path for path in wishes}
            if wishes:
                self.tell(agent, words.perhaps_freed(wishes))

    def forget(self, agent: LocalAgent) -> None:
        """Forget an agent that is gone."""
        self._notices.pop(agent, None)
        self._wishes.pop(agent, None)
        self._kept.pop(agent, None)
        self._keep(lambda state: state.drop_wishes(agent))
        self._said = {one for one in self._said if one[0] != agent}

    def keep_only(self, agents: Iterable[LocalAgent]) -> None:
        """Forget all others: whoever was told something just after it was gone would be kept for ever."""
        kept = set(agents)
        for known in (self._notices, self._wishes, self._kept):
            for agent in known.keys() - kept:
                del known[agent]
        self._said = {one for one in self._said if one[0] in kept}

    def happened(self, event: Event, agents: Iterable[LocalAgent]) -> None:
        """Tell those agents of a session whom an event concerns, as far as the event itself says whom."""
        for agent in agents:
            if event.kind not in ASKED_FOR:
                self.concerns(event, agent)
            if event.kind in FREEING:
                with _of_any_release():
                    self._grant_wishes(event, agent)

    def concerns(self, event: Event, agent: LocalAgent) -> None:
        """Tell an agent of an event that concerns it."""
        with _of_any_release():
            text = _about(event, agent)
            if text:
                self.tell(agent, text)

    def _keep(self, change: Callable[[State], None]) -> None:
        """Change what outlives the daemon; whoever waits is told all the same as long as it lives."""
        if self._state is not None:
            with suppress(StateUnusable):
                change(self._state)

    def _append(self, kept: deque[Notice], text: str) -> None:
        self._number += 1
        kept.append(Notice(self._number, text))

    def _grant_wishes(self, event: Event, agent: LocalAgent) -> None:
        wishes = self._wishes.get(agent, {})
        locks = [lock for lock in _locks(event) if lock["agent_id"] != agent.id]
        free = [key for key in wishes if any(overlaps(key, str(lock["key"])) for lock in locks)]
        if free:
            by = str(locks[0]["agent_id"])
            # The state keeps it until the agent has the file: the word may get lost with the daemon.
            self.tell(agent, words.freed([wishes.pop(key) for key in free], by))


def _of_any_release() -> suppress:
    """Pass over an event of another release, in a form that this one does not know."""
    return suppress(KeyError, TypeError, AttributeError)


def _about(event: Event, agent: LocalAgent) -> str:
    """Return what an event means to an agent; "" when it is none of its business."""
    tell = _SENTENCES.get(event.kind)
    return "" if tell is None else tell(event, agent)


def _message(event: Event, agent: LocalAgent) -> str:
    is_mine = event.agent_id == agent.id or agent.id not in event.payload["to"]
    return "" if is_mine else words.message(event.agent_id or "somebody")


def _role(event: Event, agent: LocalAgent) -> str:
    planner = event.payload["agent"]
    return words.role(planner, agent.id) if agent.id in {planner, *event.payload["taken_from"]} else ""


def _locks(event: Event) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", event.payload["locks"])


_SENTENCES: Final[Mapping[str, Callable[[Event, LocalAgent], str]]] = {
    EventKind.MESSAGE_SENT: _message,
    EventKind.ROLE_TAKEN: _role,
    EventKind.PLAN_DISTRIBUTED: lambda _event, _agent: words.planned(),
    EventKind.TASK_UNBLOCKED: lambda event, _agent: words.unblocked(str(event.payload["task_id"])),
}
