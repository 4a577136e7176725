"""Which files of a real repository are needed still, by whom."""

import asyncio
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from coordination.client.errors import ServiceUnreachable
from coordination.daemon import needs as needing
from coordination.daemon.connection import Found
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent, TerminalKey
from coordination.daemon.needs import Needs
from coordination.daemon.state import State
from coordination.daemon.terminals import Chosen, Terminal, Terminals
from coordination.daemon.turn import QUIET_SECONDS
from coordination.repository.dirty import dirty
from tests.integration.daemon.typed import until
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


@contextmanager
def work(tree: Tree, folder: Path) -> Generator[tuple[Terminal, Needs, str]]:
    """A terminal in a tree, what it needs there, and the checkout."""
    state, link = State(folder / "state.json"), Link(nowhere)
    terminals = Terminals(link, state, nothing)
    yield terminals.add(KEY, tree.top), Needs(terminals, bare()), f"laptop:{tree.top}"
    link.close()
    state.close()


async def test_a_turn_that_was_interrupted_keeps_what_holds_work_or_is_about_to_be_written(
    tree: Tree, tmp_path: Path
) -> None:
    with work(tree, tmp_path) as (terminal, needs, checkout):
        at = asyncio.get_running_loop().time()
        terminal.working |= {None, "one"}
        terminal.acted |= {None: at, "one": at - QUIET_SECONDS}
        # A subagent of an interrupted turn stays quiet, whatever its terminal does.
        assert await needs.still(OWN, checkout, PATHS) == {"a.py", "b.py"}
        assert await needs.still(SUBAGENT, checkout, PATHS) == {"b.py"}
        terminal.acted[None] = at - QUIET_SECONDS
        assert await needs.still(OWN, checkout, PATHS) == {"b.py"}
        terminal.writing[None, tree.top / "a.py"] = frozenset({tree.top / "a.py"})
        assert await needs.still(OWN, checkout, ["a.py", "c.py"]) == {"a.py"}
        assert await needs.still(OWN, checkout, ["."]) == {"."}
        assert await needs.still(SUBAGENT, checkout, ["a.py"]) == frozenset()


async def test_a_disk_that_hangs_costs_one_look_and_nothing_is_given_back_meanwhile(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, go_on = list[Path](), threading.Event()

    def hang(top: Path, paths: Sequence[str], environment: Mapping[str, str]) -> frozenset[str]:
        looks.append(top)
        go_on.wait(30)
        return dirty(top, paths, environment)

    monkeypatch.setattr(needing, "dirty", hang)
    monkeypatch.setattr(needing, "LOOK_SECONDS", 0.05)
    with work(tree, tmp_path) as (_, needs, checkout):
        for _ in range(3):
            assert await needs.still(OWN, checkout, PATHS) == {"a.py", "b.py"}
        assert looks == [tree.top]
        monkeypatch.setattr(needing, "LOOK_SECONDS", 30)
        go_on.set()
        await until(lambda: not needs._hanging)
        assert await needs.still(OWN, checkout, PATHS) == {"b.py"}


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
