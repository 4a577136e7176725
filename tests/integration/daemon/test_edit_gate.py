"""What the gate decides on edits of real files in real repositories, beside a real service."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coordination.daemon import edit_gate
from coordination.daemon.answer import Answer
from coordination.domain.checkout import parse_checkout
from coordination.repository.checkout import describe_checkout
from tests.integration.cli.running import Running
from tests.integration.daemon.desk import Desk, held_by, put
from tests.integration.repository.tree import Tree, make_tree
from tests.integration.store.steps import agent, granted


async def lasts(service: Running, seconds: float) -> None:
    """Let all leases end in so many seconds."""
    await service.core.database.fetch(
        "UPDATE file_locks SET expires_at = clock_timestamp() + make_interval(secs => $1)", seconds
    )


# --- who holds the file ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["Edit", "Write", "MultiEdit", "NotebookEdit"])
async def test_a_free_file_is_claimed_and_nothing_is_said(
    service: Running, here: Desk, tree: Tree, tool: str
) -> None:
    assert (await here.begin(here.terminal(tree.top), "src/b.py", tool=tool)).written("PreToolUse") == b"{}"
    assert await held_by(service) == [("alice/impl_a", "src/b.py")]


async def test_a_held_file_is_refused_with_all_that_helps_and_nothing_is_claimed(
    service: Running, here: Desk, tree: Tree
) -> None:
    await here.edit(here.terminal(tree.top), tree.top / "a.py", "2")
    second = here.terminal(tree.top)
    refused = (await here.begin(second, tree.top / "a.py")).deny
    assert '"a.py" is held by "alice/impl_a" (write on "a.py") for another 4 min 5' in refused
    assert "You would be number 1 in line." in refused
    assert refused.endswith('claim_file_lock(file_paths=["a.py"], wait_seconds=45)')
    assert await held_by(service) == [("alice/impl_a", "a.py")]
    assert here.notices._wishes[await here.join(second)] == {"a.py": "a.py"}


async def test_a_file_that_is_free_soon_is_waited_for(service: Running, here: Desk, tree: Tree) -> None:
    await here.edit(here.terminal(tree.top), tree.top / "src/b.py", "2")
    second = here.terminal(tree.top)
    me = await here.join(second)
    await lasts(service, 0.5)
    assert await here.begin(second, tree.top / "src/b.py") == Answer()
    assert await held_by(service) == [("alice/impl_b", "src/b.py")]
    assert not here.notices._wishes.get(me)


async def test_two_repositories_have_nothing_to_do_with_each_other(
    here: Desk, tree: Tree, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = make_tree(tmp_path / "other")
    other.commit({"a.py": "1"})
    first, second = here.terminal(tree.top), here.terminal(other.top)
    await here.edit(first, tree.top / "a.py", "2")
    await here.edit(second, other.top / "a.py", "2")
    assert (await here.join(first)).session != (await here.join(second)).session
    # One terminal, both repositories.
    assert '"alice/impl_a"' in (await here.begin(first, other.top / "a.py")).deny


async def test_a_worktree_is_another_checkout_of_the_session(
    service: Running, here: Desk, tree: Tree, tmp_path: Path
) -> None:
    tree.git("worktree", "add", "--quiet", str(tmp_path / "worktree"))
    first, second = here.terminal(tree.top), here.terminal(tmp_path / "worktree")
    await here.edit(first, tree.top / "a.py", "2")
    await here.edit(second, tmp_path / "worktree" / "a.py", "2")
    assert (await here.join(first)).session == (await here.join(second)).session
    # The first one's MCP calls mean its own checkout, so it is told nothing that it could call.
    refused = (await here.begin(first, tmp_path / "worktree" / "a.py")).deny
    assert '"alice/impl_b"' in refused
    assert refused.endswith("you are told when it is free; then repeat your edit.")


async def test_ignored_files_and_what_is_in_no_repository_are_nobodys(
    service: Running, here: Desk, tree: Tree, tmp_path: Path
) -> None:
    terminal = here.terminal(tree.top)
    for path in ("a.log", ".git/config", tmp_path / "outside.py", "src", "a\0.py"):
        assert await here.begin(terminal, path) == Answer(), path
    assert await held_by(service) == []


async def test_a_folder_behind_a_link_and_a_folder_that_is_new(
    service: Running, here: Desk, tree: Tree, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(tree.top / "src")
    await here.edit(here.terminal(tree.top), tmp_path / "link" / "b.py", "2")
    second = here.terminal(tree.top)
    assert '"alice/impl_a"' in (await here.begin(second, "src/b.py")).deny
    assert '"alice/impl_a"' in (await here.begin(second, "src/B.py")).deny
    await here.edit(second, tree.top / "new" / "deep" / "c.py", "1")
    assert await held_by(service) == [("alice/impl_a", "src/b.py"), ("alice/impl_b", "new/deep/c.py")]


async def test_an_edit_of_no_named_file_is_undecided(here: Desk, tree: Tree) -> None:
    terminal = here.terminal(tree.top / "src")
    assert edit_gate.NO_FILE in (await here.begin(terminal, "")).context
    here.blocked.append(tree.top)
    assert edit_gate.NO_FILE in (await here.begin(terminal, "")).deny


# --- what stands in it ----------------------------------------------------------------------------------------------


async def test_what_another_agent_wrote_is_to_be_read_first(service: Running, here: Desk, tree: Tree) -> None:
    first, second, file = here.terminal(tree.top), here.terminal(tree.top), tree.top / "a.py"
    await here.look(first, file)
    await here.join(first)
    await here.edit(second, file, "2")
    await here.machine.table.release(await here.join(second))
    assert (
        '"a.py" changed since you read it: "alice/impl_b" wrote it at' in (await here.begin(first, file)).deny
    )
    assert await held_by(service) == [("alice/impl_a", "a.py")]
    await here.look(first, file)
    await here.edit(first, file, "3")


async def test_what_was_read_before_it_had_another_name_is_stale_by_that_name_too(
    here: Desk, tree: Tree
) -> None:
    terminal, file = here.terminal(tree.top), tree.top / "a.py"
    await here.look(terminal, file)
    os.link(file, tree.top / "linked.py")
    tree.git("add", "linked.py")
    put(file, "3")
    assert "changed since you read it" in (await here.begin(terminal, tree.top / "linked.py")).deny


async def test_what_nobody_wrote_whom_we_know_and_what_was_written_by_another_name(
    here: Desk, tree: Tree
) -> None:
    terminal, file = here.terminal(tree.top), tree.top / "a.py"
    os.link(file, tree.top / "linked.py")
    tree.git("add", "linked.py")
    await here.look(terminal, tree.top / "linked.py")
    put(file, "2")
    assert "by something that is no agent here" in (await here.begin(terminal, file)).deny
    await here.look(terminal, file)
    assert await here.begin(terminal, tree.top / "linked.py") == Answer()


async def test_a_new_conversation_has_read_nothing(here: Desk, tree: Tree) -> None:
    terminal, file = here.terminal(tree.top), tree.top / "a.py"
    await here.look(terminal, file)
    put(file, "2")
    terminal.claude_session = "after-clear"
    assert await here.begin(terminal, file) == Answer()


# --- subagents ------------------------------------------------------------------------------------------------------


async def test_a_subagent_takes_its_parents_file_over_and_gives_it_back(
    service: Running, here: Desk, tree: Tree
) -> None:
    terminal = here.terminal(tree.top)
    os.link(tree.top / "a.py", tree.top / "linked.py")
    tree.git("add", "linked.py")
    await here.edit(terminal, tree.top / "a.py", "2")
    assert await here.begin(terminal, "a.py") == Answer()
    assert 'held by your parent "alice/impl_a"' in (await here.begin(terminal, "linked.py", "one")).deny
    here.gate.idle(terminal, None)
    terminal.working.add("one")
    assert await here.begin(terminal, "linked.py", "one") == Answer()
    assert {who for who, _ in await held_by(service)} == {"alice/impl_a.subagent-1"}
    assert 'held by your subagent "alice/impl_a.subagent-1"' in (await here.begin(terminal, "a.py")).deny
    await here.end_subagent(terminal, "one")
    assert {who for who, _ in await held_by(service)} == {"alice/impl_a"}


async def test_an_edit_that_ended_is_in_no_subagents_way(here: Desk, tree: Tree) -> None:
    terminal = here.terminal(tree.top)
    await here.edit(terminal, tree.top / "a.py", "2")
    assert await here.begin(terminal, "a.py", "one") == Answer()


async def test_subagents_are_in_each_others_way_and_what_the_parent_claimed_itself_is_its_own(
    service: Running, here: Desk, tree: Tree
) -> None:
    terminal = here.terminal(tree.top)
    me = await here.join(terminal)
    assert await here.begin(terminal, "a.py", "one") == Answer()
    assert '"alice/impl_a.subagent-1"' in (await here.begin(terminal, "a.py", "two")).deny
    tree_key = parse_checkout(describe_checkout(tree.top) or "").key
    await granted(service.core.database, agent(me.name, session=me.session, checkout=tree_key), "src/b.py")
    assert 'your parent "alice/impl_a"' in (await here.begin(terminal, "src/b.py", "one")).deny
