"""A desk of a developer: terminals that edit real files through the gate, beside a real service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from coordination.daemon.answer import Answer
from coordination.daemon.edit_gate import EditGate
from coordination.daemon.hook_event import HookEvent, read
from coordination.daemon.liveness import Liveness
from coordination.daemon.local_agent import LocalAgent, TerminalKey
from coordination.daemon.membership import Membership
from coordination.daemon.notices import Notices
from coordination.daemon.reads import Reads
from coordination.daemon.state import State
from coordination.daemon.terminals import Chosen, Terminal, Terminals
from coordination.repository.edited_path import Locator
from tests.integration.cli.running import Running
from tests.integration.daemon.machine import Machine, beside
from tests.integration.repository.tree import bare

PIDS = count(10_000)


@dataclass
class Desk:
    """What the daemon decides on edits with; `chosen` and `blocked` are what its person said."""

    machine: Machine
    state: State
    terminals: Terminals
    membership: Membership
    notices: Notices
    gate: EditGate
    chosen: dict[Path, Chosen]
    blocked: list[Path]
    asked: list[tuple[Path, ...]] = field(default_factory=list[tuple[Path, ...]])

    def terminal(self, home: Path, conversation: str = "", **facts: str) -> Terminal:
        """A terminal that begins in a folder."""
        pid = next(PIDS)
        terminal = self.terminals.add(TerminalKey(pid, "1700000000.25"), home)
        terminal.claude_session, terminal.facts = conversation or f"conversation-{pid}", facts
        return terminal

    async def join(self, terminal: Terminal, subagent: str | None = None) -> LocalAgent:
        return await self.terminals.agent(terminal, terminal.home, subagent)

    async def begin(
        self, terminal: Terminal, path: Path | str, subagent: str | None = None, tool: str = "Edit"
    ) -> Answer:
        """What a hook before an edit is answered."""
        return await self.gate.before(terminal, event(terminal, path, subagent, tool))

    async def edit(
        self, terminal: Terminal, path: Path, content: str, subagent: str | None = None, tool: str = "Edit"
    ) -> None:
        """Edit a file, which must go on without a word."""
        assert await self.begin(terminal, path, subagent, tool) == Answer()
        put(path, content)
        await self.gate.after(terminal, event(terminal, path, subagent, tool))

    async def look(self, terminal: Terminal, path: Path, subagent: str | None = None) -> None:
        """Read a file."""
        happened = event(terminal, path, subagent, "Read")
        await self.gate.before_read(terminal, happened)
        await self.gate.after_read(terminal, happened)

    async def end_subagent(self, terminal: Terminal, subagent: str) -> None:
        self.gate.idle(terminal, subagent)
        await self.membership.subagent_ended(terminal, subagent)


async def held_by(service: Running) -> list[tuple[str, str]]:
    rows = await service.core.database.fetch(
        "SELECT agent_id, file_path FROM file_locks ORDER BY agent_id, file_path"
    )
    return [(row["agent_id"], row["file_path"]) for row in rows]


def put(path: Path, content: str) -> None:
    """Write a file as an editor does whom nobody asks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")


def event(terminal: Terminal, path: Path | str, subagent: str | None, tool: str) -> HookEvent:
    field = "notebook_path" if tool == "NotebookEdit" else "file_path"
    body: dict[str, object] = {
        "session_id": terminal.claude_session,
        "cwd": str(terminal.home),
        "tool_name": tool,
        "tool_input": {field: str(path)},
        "tool_use_id": "call",
    }
    return read("PreToolUse", body | ({} if subagent is None else {"agent_id": subagent}))


@asynccontextmanager
async def desk(
    service: Running, folder: Path, environment: Mapping[str, str] | None = None
) -> AsyncGenerator[Desk]:
    """A desk whose daemon keeps its memory in a folder."""
    state, liveness = State(folder / "state.json"), Liveness()
    async with beside(service) as machine:
        notices, chosen, blocked = Notices(), dict[Path, Chosen](), list[Path]()
        asked: list[tuple[Path, ...]] = []

        def blocks(*paths: Path) -> bool:
            asked.append(paths)
            return any(path.is_relative_to(one) for path in paths for one in blocked)

        def chosen_for(folder: Path) -> Chosen | None:
            return chosen.get(folder)

        terminals = Terminals(machine.link, state, chosen_for)
        membership = Membership(machine.link, state, terminals, machine.table, notices, liveness)
        gate = EditGate(
            terminals, machine.table, Reads(state), notices, Locator(environment or bare()), blocks
        )
        yield Desk(machine, state, terminals, membership, notices, gate, chosen, blocked, asked)
        await membership.close()
    liveness.close()
    await asyncio.sleep(0)
    state.close()
