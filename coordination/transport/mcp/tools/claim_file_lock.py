"""The tool `claim_file_lock`: claim, renew and release leases on files."""

import json
from typing import ClassVar, Final

from pydantic import PrivateAttr

from coordination.domain.agent import Agent
from coordination.domain.errors import InvalidInput
from coordination.domain.file_lock import Ahead, Claim, Conflict, Elsewhere, Granted, Held, Lease, Operation
from coordination.domain.identity import Identity
from coordination.domain.path import LockPath, normalise_all, overlaps
from coordination.domain.text import shown
from coordination.services import file_lock
from coordination.services.core import Core
from coordination.transport import file_lock as asked
from coordination.transport.exchange import Exchange
from coordination.transport.mcp.tool import Answer, CoordinationTool, ToolCard
from coordination.transport.mcp.tools.answer import (
    instant,
    literal,
    lock_answer,
    require_agent,
    shared_name_warning,
    size,
)
from coordination.wire.file_lock import ClaimFileLockAnswer, ClaimFileLockArguments, ConflictAnswer
from coordination.wire.text import quoted

LONGEST_WAIT_SECONDS: Final = 45
LONGEST_CALL: Final = 1_000
"""Longer lists of paths are not repeated in the next call; the caller has just sent them."""
CONFLICT_BYTES: Final = 2_400
"""An answer stays under 4 KB with its text; `conflict_count` says how many conflicts there are."""


class ClaimFileLock(CoordinationTool[ClaimFileLockArguments]):
    """Call before you edit; list all files at once."""

    card: ClassVar[ToolCard[ClaimFileLockArguments]] = ToolCard(
        name="claim_file_lock",
        title="Claim file locks",
        description=(
            "Call before you edit, create, move or delete files; list all of them at once. If held, nothing was"
            " claimed: work elsewhere or pass wait_seconds."
        ),
        arguments=ClaimFileLockArguments,
        answer=ClaimFileLockAnswer,
        subject=("file_paths",),
        details=frozenset({"duration_minutes", "wait_seconds", "reason", "task_id"}),
        idempotent=True,
    )
    _core: Core = PrivateAttr()

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core

    async def call(self, identity: Identity, arguments: ClaimFileLockArguments, exchange: Exchange) -> Answer:
        """Claim, renew or release for the calling agent."""
        agent = require_agent(identity)
        paths = tuple(
            sorted(normalise_all(arguments.file_paths, root=agent.checkout_root), key=lambda path: path.key)
        )
        if arguments.action == "renew":
            return self._renewed(
                await file_lock.renew(
                    self._core, agent, paths or None, arguments.duration_minutes * asked.MINUTE_SECONDS
                )
            )
        if arguments.action == "release":
            return _released(await file_lock.release(self._core, agent, paths or None))
        return await self._claim(agent, paths, arguments, exchange)

    async def _claim(
        self, agent: Agent, paths: tuple[LockPath, ...], arguments: ClaimFileLockArguments, exchange: Exchange
    ) -> Answer:
        if not paths:
            raise InvalidInput("file_paths: is empty. Name 1 to 500 files or folders to claim.")
        wanted = asked.wanted(
            paths,
            arguments.operation,
            arguments.duration_minutes,
            arguments.reason,
            arguments.task_id,
            exchange,
        )
        outcome = await asked.claim(self._core, agent, wanted, arguments.wait_seconds, exchange)
        warnings = shared_name_warning(self._core, agent)
        if isinstance(outcome, Held):
            return _held(outcome, wanted, arguments, warnings)
        return _granted(outcome, warnings)

    def _renewed(self, leases: tuple[Lease, ...]) -> Answer:
        if not leases:
            text = "You hold no locks, so there was nothing to renew."
        else:
            soonest = min(int(lease.expires_in_seconds) for lease in leases)
            text = f"Renewed {len(leases)} lock(s); the first ends in {soonest} s."
        return Answer(
            ClaimFileLockAnswer(outcome="renewed", locks=[lock_answer(lease) for lease in leases]), text
        )


def _released(leases: tuple[Lease, ...]) -> Answer:
    paths = literal(lease.path for lease in leases)
    text = (
        f"Released {len(leases)} lock(s): {paths}."
        if leases
        else "You held no locks; you are in no queue now."
    )
    return Answer(
        ClaimFileLockAnswer(outcome="released", locks=[lock_answer(lease) for lease in leases]), text
    )


def _granted(outcome: Granted, warnings: list[str]) -> Answer:
    locks = [lock_answer(lease, _previous_holder(lease, outcome)) for lease in outcome.leases]
    soonest = min(lock.expires_in_seconds for lock in locks)
    warnings = [*(_elsewhere(found) for found in outcome.warnings), *warnings]
    taken_over = [lock for lock in locks if lock.previous_holder is not None]
    if taken_over:
        warnings.append(
            f"{literal(lock.path for lock in taken_over)} had an expired lease of"
            f" {taken_over[0].previous_holder}: read before you write."
        )
    text = "\n".join([f"Granted {len(locks)} lock(s) for {soonest} s: edit, then release.", *warnings])
    return Answer(ClaimFileLockAnswer(outcome="granted", locks=locks, warnings=warnings or None), text)


def _previous_holder(lease: Lease, outcome: Granted) -> str | None:
    """Who lost a lease on this path, above it or below it to this very grant."""
    if lease.fencing_token not in outcome.granted_tokens:
        return None
    exact = outcome.previous_holders.get(lease.key)
    return exact or next(
        (holder for key, holder in outcome.previous_holders.items() if overlaps(key, lease.key)), None
    )


def _fitting(conflicts: list[ConflictAnswer]) -> list[ConflictAnswer]:
    """As many conflicts as an answer has room for, at least one; words of others go before conflicts do."""
    if sum(size(conflict) for conflict in conflicts) > CONFLICT_BYTES:
        conflicts = [conflict.model_copy(update={"reason": None, "task_id": None}) for conflict in conflicts]
    room, kept = CONFLICT_BYTES, list[ConflictAnswer]()
    for conflict in conflicts:
        room -= size(conflict) + 1
        if room < 0 and kept:
            break
        kept.append(conflict)
    return kept


def _held(outcome: Held, wanted: Claim, arguments: ClaimFileLockArguments, warnings: list[str]) -> Answer:
    again = _again(wanted, arguments)
    conflicts = [_conflict(conflict) for conflict in outcome.conflicts]
    conflicts += [_ahead(ahead) for ahead in outcome.ahead]
    first = conflicts[0]
    if first.queued:
        why = f'{first.locked_by} is before you in the queue for "{shown(first.path)}"'
    else:
        why = f'"{shown(first.path)}" is held by {first.locked_by} ({first.time_remaining_seconds} s left)'
    more = f" and {len(conflicts) - 1} more" if len(conflicts) > 1 else ""
    queued = outcome.ticket is not None
    place = "Your place in the queue is kept for 120 s" if queued else "You would be"
    text = "\n".join(
        [
            f"Held, nothing was claimed: {why}{more}.",
            f"{place}: position {outcome.queue_position}. Work on other files, or: {again}",
            *warnings,
        ]
    )
    return Answer(
        ClaimFileLockAnswer(
            outcome="held",
            conflicts=_fitting(conflicts),
            conflict_count=outcome.conflict_count + len(outcome.ahead),
            queue_position=outcome.queue_position,
            queued=queued,
            warnings=warnings or None,
            next_call=again,
        ),
        text,
    )


def _again(wanted: Claim, arguments: ClaimFileLockArguments) -> str:
    """The same call, waiting: another operation would be another place in the queue."""
    paths = json.dumps([path.path for path in wanted.paths], ensure_ascii=False)
    if len(paths) > LONGEST_CALL:
        paths = f"[the same {len(wanted.paths)} paths]"
    said = [f"file_paths={paths}"]
    if arguments.operation != Operation.WRITE:
        said.append(f'operation="{arguments.operation}"')
    if arguments.duration_minutes != ClaimFileLockArguments().duration_minutes:
        said.append(f"duration_minutes={arguments.duration_minutes}")
    return f"claim_file_lock({', '.join([*said, f'wait_seconds={LONGEST_WAIT_SECONDS}'])})"


def _conflict(conflict: Conflict) -> ConflictAnswer:
    return ConflictAnswer(
        path=conflict.wanted,
        held_path=conflict.path if conflict.path != conflict.wanted else None,
        locked_by=conflict.agent_id,
        operation=conflict.operation,
        reason=quoted(conflict.agent_id, conflict.reason),
        task_id=conflict.task_id,
        granted_at=instant(conflict.granted_at),
        expires_at=instant(conflict.expires_at),
        time_remaining_seconds=int(conflict.expires_in_seconds),
    )


def _ahead(ahead: Ahead) -> ConflictAnswer:
    return ConflictAnswer(
        path=ahead.wanted,
        held_path=ahead.awaited if ahead.awaited != ahead.wanted else None,
        locked_by=ahead.agent_id,
        operation=ahead.operation,
        queued=True,
    )


def _elsewhere(found: Elsewhere) -> str:
    where = shown(found.checkout_root) if found.checkout_root else f"checkout {found.checkout}"
    return f'{found.locked_by} holds "{shown(found.path)}" in another checkout ({where}): you will meet at merge.'
