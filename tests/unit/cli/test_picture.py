"""A status as people read it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from coordination.cli.attention import Concern
from coordination.cli.duration import briefly
from coordination.cli.picture import bar, draw, picture
from coordination.domain.agent import Presence
from coordination.domain.session import SessionStatus, WaitsFor
from coordination.domain.task import Progress, TaskStatus
from tests.unit.cli.views import HOSTILE, agent, lease, status, waiting


def drawn(
    found: SessionStatus, *concerns: Concern, width: int = 80, passed: float = 0, everybody: bool = False
) -> str:
    screen = Console(file=io.StringIO(), width=width, highlight=False)
    draw(screen, picture(found, concerns, pasted, passed=passed, everybody=everybody), fitted=True)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def pasted(arguments: str) -> str:
    return f"COORDINATION_DATA_DIR=/srv/a/rather/long/folder /opt/somewhere/else/bin/coord {arguments}"


def test_an_agent_shows_its_task_with_a_bar_its_locks_with_time_left_and_whom_it_waits_for() -> None:
    busy = agent(
        task=Progress("t1", TaskStatus.IN_PROGRESS, 70, "half the parser"),
        locks=(lease("src/app.py"),),
        waiting=(waiting("src/lexer.py"),),
    )
    text = drawn(status(busy, agent("planner"), waits=(WaitsFor("alice/impl_a", "alice/planner"),)))
    assert "alice/impl_a  implementer, active, heard of 4 s ago" in text
    assert "t1  in_progress  ███████░░░ 70%" in text
    assert '"half the parser"' in text
    assert "write   15 min left" in text
    assert "src/lexer.py for alice/planner, since 35 s" in text


def test_time_passes_between_two_looks() -> None:
    text = drawn(status(agent(locks=(lease(expires_in_seconds=100.0),))), passed=40)
    assert "60 s left" in text
    assert "heard of 44 s ago" in text


def test_no_line_of_an_agent_is_wider_than_the_terminal() -> None:
    long = "deep/" * 100 + "file.py"
    wide = agent(locks=(lease(long),), task=Progress("t" * 60, TaskStatus.STARTED, 5, "word " * 60))
    lines = drawn(status(wide), width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert any("/file.py" in line and "left" in line for line in lines)


def test_what_agents_wrote_can_neither_colour_nor_move_the_terminal() -> None:
    hostile = agent(
        name="impl_a",
        agent_id=f"alice/{HOSTILE}",
        role=HOSTILE,
        task=Progress(HOSTILE, TaskStatus.STARTED, 1, HOSTILE),
        locks=(lease(f"src/{HOSTILE}"),),
        waiting=(waiting(HOSTILE),),
    )
    found = status(hostile, session=HOSTILE, waits=(WaitsFor(hostile.agent_id, HOSTILE),))
    text = drawn(found, width=400)
    assert not {"\x1b", "\x07", "\u202e", "\x00", "\r"} & set(text)
    assert "[bold]red[/bold]" in text
    assert all(not line.startswith("next") for line in text.splitlines())


def test_agents_that_are_gone_and_hold_nothing_are_counted_and_not_shown() -> None:
    gone = agent("gone", presence=Presence.INACTIVE)
    holding = agent("holding", presence=Presence.INACTIVE, locks=(lease(),))
    assert "alice/gone" not in drawn(status(gone, holding))
    assert "alice/holding" in drawn(status(gone, holding))
    assert "1 inactive agent(s)" in drawn(status(gone, holding))
    assert "alice/gone" in drawn(status(gone, holding), everybody=True)


def test_more_locks_than_fit_are_counted() -> None:
    many = agent(locks=tuple(lease(f"{number}.py") for number in range(20)), lock_count=31)
    lines = [line.strip() for line in drawn(status(many)).splitlines()]
    assert "and 23 more:" in lines
    assert pasted("locks demo") in lines


def test_a_place_that_is_kept_for_an_absent_waiter_says_so() -> None:
    assert "its place is kept" in drawn(status(agent(waiting=(waiting("a.py", parked=True),))))


def test_an_empty_session_says_that_nobody_joined() -> None:
    assert "Nobody has joined yet." in drawn(status())


def test_warnings_are_shown_whole() -> None:
    text = drawn(status(), Concern("word " * 40, pasted("revoke demo --agent alice/impl_a")))
    assert text.count("word") == 40
    # What may be pasted stays in one piece, however narrow the terminal.
    assert pasted("revoke demo --agent alice/impl_a") in [line.strip() for line in text.splitlines()]


@pytest.mark.parametrize(
    ("percentage", "shown"), [(0, "░" * 10), (9, "░" * 10), (70, "█" * 7 + "░" * 3), (100, "█" * 10)]
)
def test_a_bar_is_full_only_at_the_end(percentage: int, shown: str) -> None:
    assert bar(percentage) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (3600, "60 min"),
        (7200, "2 h"),
        (172800, "2 d"),
    ],
)
def test_spans_are_brief(seconds: float, shown: str) -> None:
    assert briefly(seconds) == shown


def test_an_agent_that_left_is_not_said_to_have_been_heard_of_just_now() -> None:
    left = agent(presence=Presence.INACTIVE, quiet_seconds=5.0, locks=(lease(),))
    for found in (status(left), status(left, status="closed")):
        text = drawn(found)
        assert "alice/impl_a  implementer, left" in text
        assert "heard of" not in text
    quiet = agent(presence=Presence.INACTIVE, quiet_seconds=1500.0, locks=(lease(),))
    assert "inactive, heard of 25 min ago" in drawn(status(quiet))
    assert "implementer, left" in drawn(status(quiet, status="closed"))
