"""A memory in a fresh folder, and two agents."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordination.daemon.local_agent import LocalAgent, TerminalKey
from coordination.daemon.state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State(tmp_path / "state.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def first() -> LocalAgent:
    return LocalAgent("demo", "alice", "impl_a", TerminalKey(10, "1.25"))


@pytest.fixture
def second() -> LocalAgent:
    return LocalAgent("demo", "alice", "impl_b", TerminalKey(11, "2.25"))
