"""Which files of a real repository are needed still, by whom."""

from pathlib import Path

import pytest

from coordination.client.errors import ServiceUnreachable
from coordination.daemon.connection import Found
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent, TerminalKey
from coordination.daemon.needs import Needs
from coordination.daemon.state import State
from coordination.daemon.terminals import Chosen, Terminals
from tests.integration.repository.tree import Tree, bare, make_tree

KEY = TerminalKey(10, "1.25")
OWN = LocalAgent("demo", "alice", "impl_a", KEY)
SUBAGENT = LocalAgent("demo", "alice", "impl_a.explore-1", KEY, "one", "impl_a")
PATHS = ("a.py", "b.py")


def nowhere() -> Found | None:
    raise ServiceUnreachable("nobody is asked here")


def nothing(folder: Path) -> Chosen | None:
    assert folder
    return None


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    made = make_tree(tmp_path)
    made.commit({"a.py": "1", "b.py": "1"})
    made.write({"b.py": "2"})
    return made


async def test_who_is_at_work_needs_all_and_who_is_not_needs_what_no_commit_has(
    tree: Tree, tmp_path: Path
) -> None:
    state, link = State(tmp_path / "state.json"), Link(nowhere)
    terminals = Terminals(link, state, nothing)
    needs, checkout = Needs(terminals, bare()), f"laptop:{tree.top}"
    terminal = terminals.add(KEY, tree.top)
    assert await needs.still(OWN, checkout, PATHS) == {"b.py"}
    assert await needs.still(OWN, "", PATHS) == {"a.py", "b.py"}
    terminal.working.add("one")
    assert await needs.still(OWN, checkout, PATHS) == {"b.py"}
    assert await needs.still(SUBAGENT, checkout, PATHS) == {"a.py", "b.py"}
    terminal.working.add(None)
    assert await needs.still(OWN, checkout, PATHS) == {"a.py", "b.py"}
    # Of a terminal that is gone nothing is kept, whatever it left on disk.
    terminals.gone(KEY)
    assert await needs.still(OWN, checkout, PATHS) == frozenset()
    assert await needs.still(OWN, "", PATHS) == frozenset()
    link.close()
    state.close()
