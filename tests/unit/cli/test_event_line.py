"""Each kind of event as a line, and what hostile or unknown events become."""

from __future__ import annotations

from typing import Any

import pytest

from coordination.cli.event_line import event_line
from coordination.domain.event import Event, EventKind
from tests.unit.cli.views import HOSTILE, NOW

LOCKS: dict[str, Any] = {"locks": [{"path": "src/app.py", "operation": "write", "agent_id": "alice/impl_a"}]}
TASK: dict[str, Any] = {
    "task_id": "t1",
    "status": "in_progress",
    "progress_percentage": 70,
    "message": "well",
}

MISSHAPEN: list[dict[str, Any]] = [{}, {"locks": None}, {"locks": [None]}, {"locks": [{}]}]


def line(kind: str, payload: dict[str, Any], agent: str | None = "alice/impl_a") -> str:
    told = event_line(Event(1, agent, kind, payload, NOW))
    assert told[2] == told[5] == ":"
    return told[10:]


@pytest.mark.parametrize(
    ("kind", "payload", "said"),
    [
        ("session.created", {}, "began the session"),
        ("session.reopened", {}, "opened the session again"),
        ("session.closed", {"status": "closed"}, "closed the session"),
        ("session.configured", {"across_checkouts": "block"}, "set: other checkouts block"),
        ("session.configured", {"status": "active"}, "set the session active"),
        ("agent.joined", {"role": "planner"}, "joined as planner"),
        ("agent.left", {"why": "left"}, "left"),
        ("agent.left", {"why": "ended"}, "left: its process ended"),
        (
            "role.taken",
            {"agent": "alice/impl_b", "taken_from": ["alice/impl_c"]},
            "made alice/impl_b the planner instead of alice/impl_c",
        ),
        ("role.taken", {"agent": "alice/impl_b", "taken_from": []}, "made alice/impl_b the planner"),
        ("role.returned", {"agent": "alice/impl_b"}, "gave back the planner's role of alice/impl_b"),
        ("lock.claimed", LOCKS, "claimed src/app.py (write)"),
        ("lock.renewed", LOCKS, "renewed src/app.py"),
        ("lock.released", LOCKS, "released src/app.py"),
        ("lock.expired", LOCKS, "let expire src/app.py"),
        ("lock.revoked", LOCKS, "revoked src/app.py of alice/impl_a"),
        ("waiter.joined", {"paths": ["a", "b", "c", "d"]}, "waits for a, b, c and 1 more"),
        ("waiter.left", {"paths": ["a"]}, "no longer waits for a"),
        ("task.started", {"task_id": "t1"}, "started task t1"),
        ("task.progressed", TASK, 'works on task t1, 70%: "well"'),
        ("task.blocked", {"task_id": "t1"}, "is blocked in task t1"),
        ("task.completed", {"task_id": "t1"}, "completed task t1"),
        ("task.failed", {"task_id": "t1"}, "failed in task t1"),
        ("task.reopened", {"task_id": "t1"}, "opened again task t1"),
        ("task.unblocked", {"task_id": "t2", "after": "t1"}, "freed task t2, which waited for t1"),
        ("message.sent", {"text": "hello", "to": ["bob/x"]}, 'wrote to bob/x: "hello"'),
        (
            "plan.distributed",
            {"revision": 2, "task_count": 7, "agent_count": 3},
            "handed out plan 2: 7 tasks for 3 agents",
        ),
        ("message.sent", {"text": "hello", "to": []}, 'wrote to nobody: "hello"'),
    ],
)
def test_an_event_reads_as_a_sentence(kind: str, payload: dict[str, Any], said: str) -> None:
    assert line(kind, payload) == f"alice/impl_a {said}"


def test_every_kind_has_its_sentence() -> None:
    everything = {
        **LOCKS,
        **TASK,
        "paths": ["a"],
        "after": "t0",
        "to": ["b/c"],
        "text": "x",
        "role": "planner",
        "why": "ended",
        "agent": "b/c",
        "taken_from": [],
        "revision": 1,
        "task_count": 2,
        "agent_count": 2,
    }
    assert [kind for kind in EventKind if kind in line(kind, everything)] == []


@pytest.mark.parametrize("payload", MISSHAPEN)
def test_a_payload_of_another_shape_shows_the_kind_alone(payload: dict[str, Any]) -> None:
    assert line("lock.claimed", payload) == "alice/impl_a lock.claimed"


def test_an_unknown_kind_and_an_unknown_author_are_shown_as_such() -> None:
    assert line("plan.approved", {}, None) == "somebody plan.approved"


@pytest.mark.parametrize("kind", [*EventKind, HOSTILE])
def test_no_event_can_colour_or_move_the_terminal(kind: str) -> None:
    lock = {"path": HOSTILE, "operation": HOSTILE, "agent_id": HOSTILE}
    names = ["task_id", "message", "text", "role", "agent", "after", "across_checkouts"]
    payload = {
        **dict.fromkeys(names, HOSTILE),
        "locks": [lock],
        "paths": [HOSTILE],
        "to": [HOSTILE],
        "taken_from": [HOSTILE],
    }
    told = line(kind, payload, HOSTILE)
    assert not {"\x1b", "\x07", "\u202e", "\x00", "\r", "\n"} & set(told)
