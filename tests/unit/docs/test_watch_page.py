"""docs/how-to/watch-a-session.md shows the page as `coord watch` draws it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from coordination.cli.page import page
from coordination.cli.page_section import Snapshot
from coordination.domain.agent import Presence
from coordination.domain.event import Event
from coordination.domain.plan.handed_out import HandedOut
from coordination.domain.session import WaitsFor
from coordination.domain.task import Progress, TaskStatus
from tests.unit.cli.views import agent, lease, status, waiting
from tests.unit.docs.page import DOCS, fences, text_of

SHOP: dict[str, Any] = {"checkout": "0a1b2c3d4e5f", "checkout_root": "/home/alice/shop"}
# People read times of their own zone, so these are written in that of the machine.
TWELVE = datetime(2026, 11, 21, 12, 0).astimezone()


def task(id_: str, description: str, state: str, holder: str) -> HandedOut:
    return HandedOut(id_, description, f"alice/{holder}", (), (), state, f"alice/{holder}")


def event(second: int, who: str, kind: str, **payload: Any) -> Event:
    return Event(second, f"alice/{who}", kind, payload, TWELVE.replace(second=second))


def locks(*paths: str) -> list[dict[str, str]]:
    return [{"path": path, "operation": "write", "agent_id": "alice/impl_a"} for path in paths]


def test_the_page_shown_is_the_page_drawn() -> None:
    working = agent(
        "impl_a",
        task=Progress("parser", TaskStatus.IN_PROGRESS, 70, "the grammar is done"),
        locks=(
            lease("src/parser/grammar.py", expires_in_seconds=831.0),
            lease("tests/test_parser.py", expires_in_seconds=831.0),
        ),
        **SHOP,
    )
    waits = agent(
        "impl_b",
        task=Progress("errors", TaskStatus.STARTED),
        waiting=(waiting("src/parser/grammar.py"),),
        quiet_seconds=35.0,
        **SHOP,
    )
    planner = agent("planner", role="planner", presence=Presence.RECENT, quiet_seconds=250.0, **SHOP)
    found = status(
        planner,
        working,
        waits,
        waits=(WaitsFor("alice/impl_b", "alice/impl_a"),),
        totals={
            "agents": 3,
            "active": 2,
            "locks": 2,
            "waiting": 1,
            "tasks": {"in_progress": 1, "started": 1, "pending": 1, "completed": 1},
        },
    )
    tasks = (
        task("lexer", "Write the lexer", "completed", "impl_b"),
        task("parser", "Write the parser on top of the lexer", "in_progress", "impl_a"),
        task("errors", "Say where in the text an error is", "started", "impl_b"),
        task("docs", "Describe the language", "pending", "impl_a"),
    )
    events = (
        event(3, "impl_b", "task.completed", task_id="lexer", progress_percentage=100),
        event(9, "impl_b", "task.started", task_id="errors"),
        event(14, "impl_b", "waiter.joined", paths=["src/parser/grammar.py"]),
        event(45, "impl_a", "task.progressed", task_id="parser", progress_percentage=70),
    )
    drawn = "".join(f"{line.plain}\n" for line in page(Snapshot(found, (), tasks, events), 80, 24))
    (shown, _) = fences(text_of(DOCS / "how-to/watch-a-session.md"))
    assert shown.text == drawn
