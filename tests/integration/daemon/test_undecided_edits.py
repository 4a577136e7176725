"""What becomes of edits when the service, the disk or the memory does not answer: said or refused, never silent."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from coordination.daemon import edit_gate
from coordination.daemon.answer import Answer
from coordination.daemon.state_file import StateUnusable
from tests.integration.cli.running import Running
from tests.integration.daemon.desk import Desk, held_by, put
from tests.integration.repository.tree import Tree


@pytest.mark.parametrize("margin", [0.05, -5])
async def test_who_is_known_to_hold_it_still_does_when_nobody_answers_while_it_is_waited_for(
    here: Desk, tree: Tree, monkeypatch: pytest.MonkeyPatch, margin: float
) -> None:
    await here.edit(here.terminal(tree.top), tree.top / "a.py", "2")
    second = here.terminal(tree.top)
    await here.join(second)
    monkeypatch.setattr(edit_gate, "SOON_SECONDS", 1000)
    monkeypatch.setattr(edit_gate, "DECIDE_SECONDS", 2.5)
    # Whether the table says in time that nobody answered, or does not get to it.
    monkeypatch.setattr(edit_gate, "_MARGIN_SECONDS", margin)
    here.machine.link.halt().go.set()
    waiting = here.machine.link.halt(before=True)
    assert '"alice/impl_a"' in (await here.begin(second, tree.top / "a.py")).deny
    assert waiting.reached.is_set()
    waiting.go.set()


async def test_without_the_service_what_is_trusted_passes_and_all_else_is_said(
    here: Desk, tree: Tree
) -> None:
    terminal = here.terminal(tree.top)
    await here.edit(terminal, tree.top / "a.py", "2")
    await here.machine.gate.shut()
    said = await here.begin(terminal, "src/b.py")
    assert "NOT PROTECTED" in said.context
    assert said.person == said.context
    # What was not known of one file says nothing of another one.
    assert await here.begin(terminal, "a.py") == Answer()
    here.blocked.append(tree.top / "src")
    assert "policy is to block" in (await here.begin(terminal, "src/b.py")).deny
    await here.machine.gate.open()
    await here.machine.reachable()
    assert await here.begin(terminal, "src/b.py") == Answer()


async def test_a_terminal_that_never_reached_the_service_is_told(here: Desk, tree: Tree) -> None:
    await here.machine.gate.shut()
    assert "NOT PROTECTED" in (await here.begin(here.terminal(tree.top), "a.py")).context


async def test_without_the_service_what_changed_is_refused_all_the_same(here: Desk, tree: Tree) -> None:
    terminal = here.terminal(tree.top)
    await here.look(terminal, tree.top / "a.py")
    put(tree.top / "a.py", "2")
    await here.machine.gate.shut()
    assert "changed since you read it" in (await here.begin(terminal, "a.py")).deny


async def test_the_policy_is_asked_for_both_names_of_a_file(here: Desk, tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree.top / "src")
    here.blocked.append(tmp_path / "link")
    await here.machine.gate.shut()
    assert (
        "policy is to block" in (await here.begin(here.terminal(tree.top), tmp_path / "link" / "b.py")).deny
    )
    assert here.asked[-1] == (tmp_path / "link" / "b.py", tree.top / "src" / "b.py")


async def test_a_service_that_stops_in_the_middle_is_waited_for_no_longer_than_the_hook_waits(
    here: Desk, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = here.terminal(tree.top)
    halts = [here.machine.link.halt()]
    with monkeypatch.context() as patch:
        patch.setattr(edit_gate, "DECIDE_SECONDS", 0.3)
        assert edit_gate.LATE in (await here.begin(terminal, "a.py")).context
    halts[0].go.set()
    await here.edit(terminal, tree.top / "a.py", "2")
    await here.machine.settled((await here.join(terminal)).session)
    # What is trusted passes, though nobody says any more that nothing was missed.
    here.machine.table._looked_at -= 100
    monkeypatch.setattr(edit_gate, "DECIDE_SECONDS", 2)
    halts += [here.machine.link.halt(before=True) for _ in range(4)]
    assert await here.begin(terminal, "a.py") == Answer()
    for halt in halts:
        halt.go.set()


async def test_a_lease_that_ends_too_soon_is_not_taken_for_one(
    here: Desk, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit_gate, "NEEDED_SECONDS", 1000)
    assert "ends too soon" in (await here.begin(here.terminal(tree.top), "a.py")).context


async def test_a_search_for_the_file_that_takes_too_long_is_undecided(
    here: Desk, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit_gate, "DECIDE_SECONDS", 0.2)
    slow = asyncio.Event()

    async def locate(_: object) -> None:
        await slow.wait()

    monkeypatch.setattr(here.gate, "_place", locate)
    assert edit_gate.LATE in (await here.begin(here.terminal(tree.top), "a.py")).context
    here.blocked.append(tree.top)
    assert edit_gate.LATE in (await here.begin(here.terminal(tree.top), "a.py")).deny


async def test_a_full_disk_is_said_and_ends_nothing(
    here: Desk, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StateUnusable("the disk is full")

    terminal, file = here.terminal(tree.top), tree.top / "a.py"
    await here.look(terminal, file)
    monkeypatch.setattr(here.state._file, "write", full)
    await here.edit(terminal, file, "2")
    # Nothing could be kept of this edit; it must not be told that it did not read its own work.
    await here.edit(terminal, file, "3")
    monkeypatch.setattr(here.state._file, "read", full)
    assert "the disk is full" in (await here.begin(here.terminal(tree.top), "src/b.py")).context
    assert "the disk is full" in (await here.begin(terminal, "src/b.py")).context


async def test_a_terminal_that_ended_meanwhile_holds_nothing(
    service: Running, here: Desk, tree: Tree
) -> None:
    terminal = here.terminal(tree.top)
    await here.join(terminal)
    for agent_ in here.terminals.gone(terminal.key):
        await here.machine.table.leave(agent_, "ended")
    assert "has ended" in (await here.begin(terminal, "a.py")).context
    assert await held_by(service) == []
    late = here.terminal(tree.top)
    here.terminals.gone(late.key)
    assert "has ended" in (await here.begin(late, "a.py")).context
    assert late.agents == {}
