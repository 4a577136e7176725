"""The gate in front of edits: an edit goes on when its agent holds the file, and knows what stands in it.

First the lease, then the look at the disk: between the two nobody else who asks here can write. A lease that was
granted is kept even when the edit is refused for what stands in the file: the agent is about to read it again.

Whatever cannot be decided in time is undecided, and then the person's policy says whether the edit goes on with a
warning or not at all. It is never taken for a yes. What was found out by then counts: who is known to hold the file
still does, and what changed on disk did.
"""

import asyncio
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from coordination.client.errors import ClientError
from coordination.daemon import words
from coordination.daemon.answer import Answer
from coordination.daemon.connection import ServiceAway
from coordination.daemon.edit import Edit
from coordination.daemon.hook_event import HookEvent
from coordination.daemon.lease import NEEDED_SECONDS, Kept, Unknown
from coordination.daemon.lease_table import LeaseTable
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.notices import Notices
from coordination.daemon.reads import Changed, Reads
from coordination.daemon.state_file import StateUnusable
from coordination.daemon.terminals import Terminal, Terminals
from coordination.domain.agent import WhyLeft
from coordination.domain.file_lock import Held
from coordination.repository.edited_path import EditedPath, Locator

DECIDE_SECONDS: Final = 1.2
"""How long a decision may take; the hook program waits for a little longer."""
LOOK_SECONDS: Final = 0.1
"""How much of that is left for a look at the disk, whatever the service does."""
SOON_SECONDS: Final = 0.8
"""A lease that ends so soon is waited for."""
LATE: Final = "It could not be decided in time."
NO_FILE: Final = "The hook did not say which file it is about."
ENDED: Final[WhyLeft] = "ended"
_WAIT_SECONDS: Final = 1
_MARGIN_SECONDS: Final = 0.05
_Outcome: TypeAlias = Kept | Held | Unknown


class Blocks(Protocol):
    """Says whether the person's policy blocks edits of a file that nobody can decide on."""

    def __call__(self, *paths: Path) -> bool:
        """Decide for a file: as it was asked for, and as it is really called."""
        ...


class EditGate:
    """Decides on edits, and takes note of what agents read and wrote.

    Args:
        terminals: who works here.
        leases: what they hold.
        reads: what they have seen.
        notices: what they are to be told.
        locator: finds the file that an edit is about.
        blocks: the person's policy.
    """

    def __init__(
        self,
        terminals: Terminals,
        leases: LeaseTable,
        reads: Reads,
        notices: Notices,
        locator: Locator,
        blocks: Blocks,
    ) -> None:
        self._terminals = terminals
        self._leases = leases
        self._reads = reads
        self._notices = notices
        self._locator = locator
        self._blocks = blocks

    async def before(self, terminal: Terminal, event: HookEvent) -> Answer:
        """Decide whether a tool may write to its file."""
        ends = asyncio.get_running_loop().time() + DECIDE_SECONDS
        paths = [_asked(event)]
        if not event.path:
            return self._undecided(NO_FILE, *paths)
        try:
            async with asyncio.timeout_at(ends):
                # Before all that may take long: the policy is asked for both, whatever comes of the rest.
                paths.append(Path(await asyncio.to_thread(_real, paths[0])))
                place = await self._place(event)
                if place is None or place.ignored:
                    return Answer()
                return await self._decide(Edit(terminal, event, place), ends - LOOK_SECONDS, paths)
        except TimeoutError:
            return self._undecided(LATE, *paths)
        except StateUnusable as error:
            return self._undecided(str(error), *paths)

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
        terminal.writing.pop((event.subagent, place.real), None)
        agent = self._terminals.known(terminal, place.top, event.subagent)
        for file in place.files:
            await self._reads.after_write(_reader(terminal, event), file, agent)

    def idle(self, terminal: Terminal, subagent: str | None) -> None:
        """Take note that a terminal, or its subagent, writes nothing at the moment."""
        terminal.writing = {key: files for key, files in terminal.writing.items() if key[0] != subagent}

    async def _decide(self, edit: Edit, ends: float, paths: list[Path]) -> Answer:
        outcome = await self._lease(edit, ends)
        if isinstance(outcome, Held):
            me = self._known(edit)
            return Answer(
                deny=words.held(
                    edit.place.relative, outcome, "" if me is None else me.id, can_wait=edit.can_be_claimed
                )
            )
        if isinstance(outcome, Unknown) and self._blocks(*paths):
            return Answer(deny=words.blocked(outcome.why))
        changed = await self._changed(edit)
        if changed is not None:
            return Answer(deny=words.changed(edit.place.relative, changed.by, changed.at))
        edit.terminal.writing[edit.event.subagent, edit.place.real] = frozenset(edit.place.files)
        return Answer() if isinstance(outcome, Kept) else self._undecided(outcome.why)

    # --- the lease ------------------------------------------------------------------------------------------------

    async def _lease(self, edit: Edit, ends: float) -> _Outcome:
        try:
            async with asyncio.timeout_at(ends):
                agent = await self._terminals.agent(edit.terminal, edit.place.top, edit.event.subagent)
                outcome = await self._while_here(edit, agent, self._hold(edit, agent, ends))
            if isinstance(outcome, Held) and _is_soon_free(outcome):
                outcome = await self._while_here(edit, agent, self._wait(edit, agent, outcome, ends))
        except TimeoutError:
            return Unknown(LATE)
        except (ServiceAway, StateUnusable) as error:
            return Unknown(str(error))
        except ClientError as error:
            return Unknown(error.message)
        if isinstance(outcome, Held):
            self._notices.wish(agent, edit.place.relative)
        elif isinstance(outcome, Unknown):
            # It may be that the checkout belongs to another session by now.
            self._terminals.doubt(edit.terminal, edit.place.top)
        else:
            self._notices.content(agent, edit.place.relative)
            if outcome.seconds < NEEDED_SECONDS:
                return Unknown("The lease on it ends too soon.")
        return outcome

    async def _while_here(self, edit: Edit, agent: LocalAgent, holding: Awaitable[_Outcome]) -> _Outcome:
        """Hold nothing for a terminal that ended meanwhile: nobody would give it back."""
        outcome = await holding
        if self._terminals.is_here(edit.terminal):
            return outcome
        await self._leases.leave(agent, ENDED)
        return Unknown("The terminal has ended.")

    async def _hold(self, edit: Edit, agent: LocalAgent, ends: float) -> _Outcome:
        checkout, paths = edit.checkout, edit.place.claims
        outcome = await self._leases.hold(agent, checkout, paths, patience=_left(ends))
        if not isinstance(outcome, Held):
            return outcome
        holder = edit.to_take_over(agent, outcome)
        if holder is not None:
            return await self._take_over(holder, agent, checkout, paths)
        return outcome

    async def _wait(self, edit: Edit, agent: LocalAgent, held: Held, ends: float) -> _Outcome:
        """Wait for a lease that is about to end.

        Whoever holds it is known; that nobody answered since, or in time, does not change that.
        """
        patience = _left(ends) - _WAIT_SECONDS
        try:
            async with asyncio.timeout_at(ends):
                waited = await self._leases.hold(
                    agent, edit.checkout, edit.place.claims, wait_seconds=_WAIT_SECONDS, patience=patience
                )
        except TimeoutError:
            return held
        return held if isinstance(waited, Unknown) else waited

    async def _take_over(
        self, holder: LocalAgent, agent: LocalAgent, checkout: str, paths: tuple[str, ...]
    ) -> _Outcome:
        outcome: _Outcome = Unknown(LATE)
        for path in paths:
            outcome = await self._leases.hand_over(holder, agent, checkout, path)
            if not isinstance(outcome, Kept):
                break
        return outcome

    # --- the disk -------------------------------------------------------------------------------------------------

    async def _changed(self, edit: Edit) -> Changed | None:
        for file in edit.place.files:
            changed = await self._reads.changed(_reader(edit.terminal, edit.event), file)
            if changed is not None:
                return changed
        return None

    async def _place(self, event: HookEvent) -> EditedPath | None:
        return await asyncio.to_thread(self._locate, event) if event.path else None

    def _locate(self, event: HookEvent) -> EditedPath | None:
        place = self._locator.locate(event.path, event.folder)
        # A tool that is given a folder fails; a lease on it would keep others from all that is in it.
        return None if place is None or place.real.is_dir() else place

    # --- what they share ------------------------------------------------------------------------------------------

    def _known(self, edit: Edit) -> LocalAgent | None:
        return self._terminals.known(edit.terminal, edit.place.top, edit.event.subagent)

    def _undecided(self, why: str, *paths: Path) -> Answer:
        if paths and self._blocks(*paths):
            return Answer(deny=words.blocked(why))
        said = words.unprotected(why)
        return Answer(context=said, person=said)


def _is_soon_free(held: Held) -> bool:
    return held.next_expiry_seconds is not None and held.next_expiry_seconds <= SOON_SECONDS


def _left(ends: float) -> float:
    """How long the table may take, which then says what it knows, before nobody listens any more."""
    return ends - _MARGIN_SECONDS - asyncio.get_running_loop().time()


def _asked(event: HookEvent) -> Path:
    return Path(os.path.normpath(os.path.join(event.folder, event.path)))


def _real(path: Path) -> str | Path:
    try:
        return os.path.realpath(path)
    except ValueError:
        # A NUL in the name.
        return path


def _files(place: EditedPath | None) -> tuple[Path, ...]:
    return () if place is None else place.files


def _reader(terminal: Terminal, event: HookEvent) -> str:
    """Whose view of the disk it is: that of a conversation, which begins with nothing after `/clear`."""
    return f"{terminal.claude_session or terminal.key}/{event.subagent or ''}"
