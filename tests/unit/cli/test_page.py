"""The page of `coord watch`, drawn from snapshots."""

from __future__ import annotations

import io
import unicodedata
from dataclasses import replace

import pytest
from rich.console import Console

from coordination.cli.attention import Concern
from coordination.cli.page import page
from coordination.cli.page_section import Snapshot, time_left
from coordination.domain.agent import Presence
from coordination.domain.event import Event
from coordination.domain.session import WaitsFor
from coordination.domain.task import Progress, TaskStatus
from tests.unit.cli.views import HOSTILE, NOW, agent, ago, claimed, lease, planned, status, waiting

WIDTHS = [30, 60, 80, 120]
SIZES = [(width, height) for width in WIDTHS for height in (1, 3, 10, 24, 50, None)]


def drawn(snapshot: Snapshot, width: int = 80, height: int | None = 24, *, colours: bool = False) -> str:
    """What a terminal of that size is sent."""
    screen = Console(file=io.StringIO(), width=width, highlight=False, force_terminal=colours)
    for line in page(snapshot, width, height):
        screen.print(line, crop=False, no_wrap=line.no_wrap, overflow=line.overflow)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def cells(line: str) -> int:
    """The cells that a line takes, counted in another way than where it was cut."""
    narrow = {"Mn", "Me", "Cf"}
    wide = (
        unicodedata.east_asian_width(one) in "WF" for one in line if unicodedata.category(one) not in narrow
    )
    return sum(1 + one for one in wide)


BUSY = Snapshot(
    status(
        agent("planner", role="planner", checkout="c0ffee", checkout_root="/home/alice/shop/"),
        agent(
            "impl_a",
            task=Progress("t1", TaskStatus.IN_PROGRESS, 70, "half the parser"),
            locks=(
                lease("src/late.py", reason="the parser"),
                lease("src/soon.py", expires_in_seconds=45.0),
            ),
        ),
        agent("impl_b", waiting=(waiting("src/soon.py", "b.py", path_count=4),), checkout="c0ffee"),
        waits=(WaitsFor("alice/impl_b", "alice/impl_a"),),
        totals={
            "agents": 3,
            "active": 3,
            "locks": 2,
            "waiting": 1,
            "last_event": 9,
            "tasks": {"completed": 1, "in_progress": 1, "pending": 1},
        },
    ),
    tasks=(
        planned("t0", "completed", agent_id="alice/impl_b"),
        planned("t1", "in_progress", agent_id="alice/impl_a"),
        planned("t2"),
    ),
    events=tuple(claimed(number, f"f{number}.py") for number in range(1, 10)),
)


def crowd(agents: int, locks: int) -> Snapshot:
    """A session with so many of them, all under long names in wide characters."""
    name = "日本🎉" * 12
    path = "src/" + "ディレクトリ/" * 30
    each = locks // agents
    many = [
        agent(
            f"{name}{number}",
            task=Progress(f"{name}{number}", TaskStatus.STARTED, number, name * 4),
            locks=tuple(
                lease(f"{path}{number}_{one}.py", agent_id=f"{name}{number}", reason=name)
                for one in range(min(each, 20))
            ),
            lock_count=each,
            waiting=(waiting(path, name, ticket=number),),
            checkout="c0ffee",
            checkout_root=f"/home/{path}",
        )
        for number in range(agents)
    ]
    totals = {"agents": agents, "active": agents, "locks": locks, "waiting": agents, "last_event": 50}
    waits = tuple(WaitsFor(one.agent_id, many[0].agent_id) for one in many[1:])
    return Snapshot(
        status(*many, totals=totals, waits=waits),
        tuple(Concern(name * 4, "coord revoke") for _ in range(6)),
        tuple(planned(f"{name}{number}", description=name * 9) for number in range(100)),
        tuple(claimed(number, path) for number in range(50)),
        trouble=name * 20,
    )


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(
    "snapshot",
    [
        pytest.param(Snapshot(status()), id="empty"),
        pytest.param(BUSY, id="busy"),
        pytest.param(crowd(20, 500), id="crowd"),
    ],
)
def test_it_never_exceeds_the_terminal(snapshot: Snapshot, width: int, height: int | None) -> None:
    lines = drawn(snapshot if height else replace(snapshot, concerns=()), width, height).splitlines()
    assert max(map(cells, lines)) <= width
    assert height is None or len(lines) <= height


def test_agents_show_presence_task_and_checkout() -> None:
    text = drawn(BUSY)
    assert "●  alice/impl_a" in text
    assert 't1 in_progress 70%: "half the parser"' in text
    assert "no task" in text
    assert "in shop" in text
    assert "in c0ffee" in text
    assert "4 s ago" in text


def test_locks_are_counted_down_and_the_first_to_end_stand_above() -> None:
    lines = drawn(replace(BUSY, passed=5)).splitlines()
    place = lines.index("Locks")
    assert lines[place + 1].split() == ["src/soon.py", "write", "alice/impl_a", "0:40", "left"]
    assert lines[place + 2].split() == ["src/late.py", "write", "alice/impl_a", "14:55", "left"]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(3600, "60:00 left"), (899.9, "14:59 left"), (0.4, "0:00 left"), (-2, "ended")]
)
def test_time_left_moves_every_second(seconds: float, shown: str) -> None:
    assert time_left(seconds) == shown


def test_the_queue_says_who_waits_where_for_what_and_for_whom() -> None:
    line = next(line for line in drawn(BUSY).splitlines() if line.startswith(" 1.") or line.startswith("1."))
    assert line.split("  ") == [
        "1.",
        "alice/impl_b",
        "src/soon.py, b.py and 2 more",
        "for alice/impl_a",
        "35 s",
    ]


def test_a_position_counts_only_those_that_it_must_let_pass() -> None:
    queue = status(
        agent("a", waiting=(waiting("x.py", ticket=3),)),
        agent("b", waiting=(waiting("x.py", ticket=1),)),
        agent("c", waiting=(waiting("y.py", ticket=2, parked=True),)),
        waits=(
            WaitsFor("alice/a", "alice/b"),
            WaitsFor("alice/a", "alice/z"),
            WaitsFor("alice/c", "alice/z"),
        ),
    )
    lines = drawn(Snapshot(queue)).splitlines()
    begun = [line.split()[:2] for line in lines[lines.index("Queue") + 1 :][:3]]
    assert begun == [["1.", "alice/b"], ["1.", "alice/c"], ["2.", "alice/a"]]
    assert "35 s kept" in lines[lines.index("Queue") + 2]


def test_tasks_have_bars_and_those_that_go_on_stand_above() -> None:
    lines = drawn(BUSY).splitlines()
    place = lines.index("Tasks, 1 of 3 completed")
    assert lines[place + 1].split("  ")[0] == "███████░░░"
    assert lines[place + 1].split()[1:4] == ["70%", "t1", "in_progress"]
    assert lines[place + 2].split()[:4] == ["░░░░░░░░░░", "t2", "pending", "alice/impl_b"]
    assert lines[place + 3].split()[:3] == ["██████████", "100%", "t0"]
    assert lines[place + 3].endswith("Do t0")


def test_tasks_without_a_plan_are_those_that_agents_report() -> None:
    reported = replace(BUSY, tasks=())
    lines = drawn(reported).splitlines()
    place = lines.index("Tasks, 1 of 3 completed  … 2 more")
    assert lines[place + 1].split() == ["███████░░░", "70%", "t1", "in_progress", "alice/impl_a"]


def test_what_has_no_room_is_counted_and_the_newest_events_stay() -> None:
    lines = drawn(crowd(20, 500), 80, 24).splitlines()
    assert len(lines) == 24
    for title, total in (("Agents", 20), ("Locks", 500), ("Queue", 20), ("Tasks, 0 of 100 completed", 100)):
        at = next(place for place, line in enumerate(lines) if line.startswith(title))
        shown = next(
            place
            for place in range(at + 1, 24)
            if lines[place].startswith(("Locks", "Queue", "Tasks", "Last"))
        )
        assert lines[at] == f"{title}  … {total - (shown - at - 1)} more"
    short = drawn(BUSY, 80, 18)
    assert "f9.py" in short
    assert "f1.py" not in short


def test_a_wide_terminal_shows_more_of_everything() -> None:
    assert '"the parser"' not in drawn(BUSY, 80)
    assert '"the parser"' in drawn(BUSY, 120)
    long = replace(BUSY, status=status(agent(locks=(lease("deep/" * 30 + "x.py"),))))
    narrow, wide = (
        next(line for line in drawn(long, width).splitlines() if "x.py" in line) for width in (80, 120)
    )
    assert narrow.startswith("…")
    assert len(wide.split()[0]) == len(narrow.split()[0]) + 40


def test_a_page_that_is_printed_once_leaves_nothing_out() -> None:
    text = drawn(replace(BUSY, concerns=(Concern("It hangs. Look:", "coord doctor"),)), 80, None)
    assert "f1.py" in text
    assert "Ctrl-C" not in text
    assert text.endswith("! It hangs. Look:\n    coord doctor\n")


def test_an_empty_session_says_that_nobody_joined() -> None:
    assert drawn(Snapshot(status())).splitlines() == [
        "Session demo: 0 agent(s), 0 active, 0 lock(s), 0 waiting",
        "",
        "Nobody has joined yet.",
        "Ctrl-C ends.",
    ]


def test_of_agents_under_a_long_user_the_names_stay() -> None:
    user = "somebody.with.a.long.address@example.com"
    many = [
        agent(agent_id=f"{user}/impl_{name}", locks=(lease(agent_id=f"{user}/impl_{name}"),)) for name in "ab"
    ]
    text = drawn(Snapshot(status(*many)), 60)
    assert text.count("/impl_a ") == text.count("/impl_b ") == 2


def test_agents_that_are_gone_are_counted() -> None:
    gone = agent("gone", presence=Presence.INACTIVE, quiet_seconds=9000.0)
    left = agent("left", presence=Presence.INACTIVE, locks=(lease(),))
    text = drawn(Snapshot(status(gone, agent(), left)))
    assert "Agents  … 1 more" in text
    assert "alice/gone" not in text
    assert [line.split()[-1] for line in text.splitlines() if "alice/left" in line] == ["left"]


def test_a_service_that_cannot_be_reached_stands_above_with_how_old_all_is() -> None:
    lines = drawn(replace(BUSY, trouble="No service answers.", passed=12)).splitlines()
    assert lines[:2] == ["No service answers.", "What follows is 12 s old and may be wrong. Trying again …"]
    assert "may be wrong" not in drawn(BUSY)


def test_more_warnings_than_fit_are_counted() -> None:
    concerns = tuple(Concern(f"warning {number}") for number in range(5))
    lines = drawn(replace(BUSY, concerns=concerns, advice="coord status demo")).splitlines()
    assert lines[1:4] == ["! warning 0", "! warning 1", "! … 3 more"]
    assert lines[-1] == "Ctrl-C ends. What to do about warnings: coord status demo"
    assert "! warning 2" in drawn(replace(BUSY, concerns=concerns[:3]))


def test_what_agents_wrote_can_neither_colour_nor_move_nor_widen_the_terminal() -> None:
    hostile = agent(
        agent_id=f"alice/{HOSTILE}",
        role=HOSTILE,
        checkout=HOSTILE,
        checkout_root=f"/{HOSTILE}",
        task=Progress(HOSTILE, TaskStatus.STARTED, 1, HOSTILE),
        locks=(lease(f"src/{HOSTILE}", reason=HOSTILE, agent_id=HOSTILE),),
        waiting=(waiting(HOSTILE, since=ago(days=9)),),
    )
    found = status(hostile, session=HOSTILE, status=HOSTILE, waits=(WaitsFor(hostile.agent_id, HOSTILE),))
    handed_out = (planned(HOSTILE, HOSTILE, description=HOSTILE, assigned_to=HOSTILE),)
    shown = Snapshot(found, (), handed_out, (Event(1, HOSTILE, HOSTILE, {}, NOW),), trouble=HOSTILE)
    for width, height in SIZES:
        text = drawn(shown, width, height)
        assert not {"\x1b", "\x07", "\u202e", "\x00", "\r"} & set(text)
        assert all(not line.startswith("next") for line in text.splitlines())
    assert "[bold]red[/bold]" in drawn(shown, 200, None)
    assert "\x1b[31m" not in drawn(replace(shown, trouble=""), 200, None, colours=True)
