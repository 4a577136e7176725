"""The gate in front of edits: an edit goes on when its agent holds the file, and knows what stands in it.

First the lease, then the look at the disk: between the two nobody else who asks here can write. A lease that was
granted is kept even when the edit is refused for what stands in the file: the agent is about to read it again.

Whatever cannot be decided in time is undecided, and then the person's policy says whether the edit goes on with a
warning or not at all. It is never taken for a yes.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coordination.client.errors import ClientError
from coordination.daemon import words
from coordination.daemon.answer import Answer
from coordination.daemon.connection import ServiceAway
from coordination.daemon.hook_event import HookEvent
from coordination.daemon.lease import Kept, Unknown
from coordination.daemon.lease_table import LeaseTable
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.notices import Notices
from coordination.daemon.reads import Reads
from coordination.daemon.terminals import Terminal, Terminals
from coordination.domain.file_lock import Held
from coordination.repository.checkout import describe_checkout
from coordination.repository.edited_path import EditedPath, Locator

DECIDE_SECONDS: Final = 1.2
"""How long a decision may take; the hook program waits for a little longer."""
SOON_SECONDS: Final = 0.8
"""A lease that ends so soon is waited for."""


@dataclass(frozen=True, slots=True)
class _Edit:
    agent: LocalAgent
    checkout: str
    place: EditedPath

    @property
    def paths(self) -> tuple[str, ...]:
        return self.place.claims


class EditGate:
    """Decides on edits, and takes note of what agents read and wrote.

    Args:
        terminals: who works here.
        leases: what they hold.
        reads: what they have seen.
        notices: what they are to be told.
        locator: finds the file that an edit is about.
        blocks: whether the person's policy blocks edits of a file that nobody can decide on.
    """

    def __init__(
        self,
        terminals: Terminals,
        leases: LeaseTable,
        reads: Reads,
        notices: Notices,
        locator: Locator,
        blocks: Callable[[Path], bool],
    ) -> None:
        self._terminals = terminals
        self._leases = leases
        self._reads = reads
        self._notices = notices
        self._locator = locator
        self._blocks = blocks
        self._writing: set[tuple[LocalAgent, Path]] = set()

    async def before(self, terminal: Terminal, event: HookEvent) -> Answer:
        """Decide whether a tool may write to its file."""
        place = await self._place(event)
        if place is None or place.ignored:
            return Answer()
        try:
            async with asyncio.timeout(DECIDE_SECONDS):
                return await self._decide(terminal, event, place)
        except TimeoutError:
            return self._undecided(place, "The service did not answer in time.")
        except ServiceAway as away:
            return self._undecided(place, str(away))
        except ClientError as error:
            return self._undecided(place, error.message)

    async def before_read(self, terminal: Terminal, event: HookEvent) -> None:
        """Take note of a file that is about to be read."""
        for file in _files(await self._place(event)):
            await self._reads.before_read(_reader(terminal, event), file)

    async def after_read(self, terminal: Terminal, event: HookEvent) -> None:
        """Take note of what was read."""
        for file in _files(await self._place(event)):
            await self._reads.after_read(_reader(terminal, event), file)

    async def after(self, terminal: Terminal, event: HookEvent) -> None:
        """Take note of what was written."""
        place = await self._place(event)
        if place is None:
            return
        agent = self._terminals.known(terminal, place.top, event.subagent)
        if agent is not None:
            self._writing.discard((agent, place.real))
        for file in _files(place):
            await self._reads.after_write(_reader(terminal, event), file, agent)

    def idle(self, terminal: Terminal, subagent: str | None) -> None:
        """Take note that a terminal, or its subagent, writes nothing at the moment."""
        self._writing = {
            (agent, real)
            for agent, real in self._writing
            if not (agent.terminal == terminal.key and agent.subagent == subagent)
        }

    async def _decide(self, terminal: Terminal, event: HookEvent, place: EditedPath) -> Answer:
        agent = await self._terminals.agent(terminal, place.top, event.subagent)
        edit = _Edit(agent, describe_checkout(place.top) or "", place)
        outcome = await self._hold(edit)
        if isinstance(outcome, Held):
            self._notices.wish(agent, place.relative)
            return Answer(deny=words.held(place.relative, outcome, agent.id))
        if isinstance(outcome, Unknown):
            return self._undecided(place, outcome.why)
        self._notices.content(agent, place.relative)
        for file in _files(place):
            changed = await self._reads.changed(_reader(terminal, event), file)
            if changed is not None:
                return Answer(deny=words.changed(place.relative, changed.by, changed.at))
        self._writing.add((agent, place.real))
        return Answer()

    async def _hold(self, edit: _Edit) -> Kept | Held | Unknown:
        outcome = await self._leases.hold(edit.agent, edit.checkout, edit.paths)
        if not isinstance(outcome, Held):
            return outcome
        parent = self._parent_to_take_over(edit, outcome)
        if parent is not None:
            return await self._leases.hand_over(parent, edit.agent, edit.checkout, edit.place.relative)
        if outcome.next_expiry_seconds is not None and outcome.next_expiry_seconds <= SOON_SECONDS:
            return await self._leases.hold(edit.agent, edit.checkout, edit.paths, wait_seconds=1)
        return outcome

    def _parent_to_take_over(self, edit: _Edit, outcome: Held) -> LocalAgent | None:
        """Return the subagent's terminal when it alone stands in the way, and does not write there now."""
        terminal = self._terminals.of(edit.agent)
        if edit.agent.subagent is None or terminal is None:
            return None
        parent = terminal.agents.get((edit.agent.session, None))
        if parent is None or (parent, edit.place.real) in self._writing:
            return None
        in_the_way = {(conflict.agent_id, conflict.path) for conflict in outcome.conflicts}
        return parent if in_the_way == {(parent.id, edit.place.relative)} else None

    async def _place(self, event: HookEvent) -> EditedPath | None:
        return await asyncio.to_thread(self._locator.locate, event.path, event.folder)

    def _undecided(self, place: EditedPath, why: str) -> Answer:
        if self._blocks(place.real):
            return Answer(deny=words.blocked(why))
        said = words.unprotected(why)
        return Answer(context=said, person=said)


def _files(place: EditedPath | None) -> list[Path]:
    """Return all names of a file, as absolute paths: who read it may have called it by another one."""
    return [] if place is None else [place.real, *(place.top / other for other in place.also)]


def _reader(terminal: Terminal, event: HookEvent) -> str:
    """Whose view of the disk it is: that of a conversation, which begins with nothing after `/clear`."""
    return f"{terminal.claude_session or terminal.key}/{event.subagent or ''}"
