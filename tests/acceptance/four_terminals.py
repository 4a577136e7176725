"""The scene of the acceptance tests: four terminals share one home folder, one checkout, one registration.

The planner holds a file that impl_a waits for; impl_b works beside them and writes to the planner; impl_c
gets the file once impl_a has completed its task; a client that is not Claude Code watches. The order comes
from facts alone: a step waits at a gate, and the gate is opened once the model or the service has shown that
what must come first is done. `play` plays the scene and returns what everybody saw; the tests judge it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.claude import Claude, Terminal
from tests.acceptance.model_api import PATIENCE_SECONDS, ModelApi
from tests.acceptance.outcome import Outcome, ToolResult
from tests.acceptance.plain_client import LEGACY, MODERN, PlainClient
from tests.acceptance.script import Call, Calls, Json, Say, Step
from tests.acceptance.service import Service, wait_until

USER = "alice"
CLAIM, SYNC, STATUS = (
    f"mcp__coordination__{tool}" for tool in ("claim_file_lock", "sync_progress", "check_agent_status")
)
LEXER, FORMATTER = "pygments/lexer.py", "pygments/formatter.py"
REASON = "splitting the base class"
NEWS = "the formatters keep their names"


def _starts(name: str) -> Call:
    return Call(SYNC, {"task_id": f"task-{name}", "status": "started"}, name=f"{name}:starts")


SCENE: dict[str, list[Step]] = {
    "planner": [
        _starts("planner"),
        Call(
            CLAIM, {"file_paths": [LEXER], "reason": REASON}, name="planner:claims", after="all have started"
        ),
        Call(
            CLAIM, {"file_paths": [LEXER], "action": "release"}, name="planner:releases", after="impl_a waits"
        ),
        Call(SYNC, {}, name="planner:reads", after="impl_b has written"),
        Call(STATUS, {}, name="planner:looks"),
        Say("The plan goes on.", name="planner:ends"),
    ],
    "impl_a": [
        _starts("impl_a"),
        Call(CLAIM, {"file_paths": [LEXER]}, name="impl_a:tries", after="the planner holds the file"),
        Call(
            CLAIM,
            {"file_paths": [LEXER], "wait_seconds": 45, "task_id": "task-impl_a"},
            name="impl_a:waits",
        ),
        Call(
            SYNC,
            {"task_id": "task-impl_a", "status": "in_progress", "progress_percentage": 60},
            name="impl_a:reports",
        ),
        Call(
            SYNC,
            {"task_id": "task-impl_a", "status": "completed"},
            name="impl_a:completes",
            after="impl_c was refused",
        ),
        Say("The lexer is done.", name="impl_a:ends"),
    ],
    "impl_b": [
        _starts("impl_b"),
        Call(CLAIM, {"file_paths": [FORMATTER]}, name="impl_b:claims", after="all have started"),
        Call(SYNC, {"message": NEWS, "to": ["planner"]}, name="impl_b:writes"),
        Say("The planner knows.", name="impl_b:ends"),
    ],
    "impl_c": [
        _starts("impl_c"),
        Call(CLAIM, {"file_paths": [LEXER]}, name="impl_c:tries", after="impl_a holds the file"),
        Call(CLAIM, {"file_paths": [LEXER]}, name="impl_c:claims", after="impl_a has completed"),
        Calls((Call(STATUS, {}), Call(SYNC, {}))),
        Say("Now it is mine.", name="impl_c:ends"),
    ],
}


@dataclass(frozen=True)
class Played:
    """What was seen in the scene.

    Attributes:
        checkout: where the terminals worked.
        outcomes: of each terminal, by its name.
        model: the scripted model with its log.
        started: the service's view of the session once all four had started.
        waiting: the service's view while impl_a waited.
        woke_early: whether impl_a went on before the planner released.
        ended: the service's view after all four had ended.
        cursor: by era, what a client named cursor was shown beside them.
    """

    checkout: Path
    outcomes: dict[str, Outcome]
    model: ModelApi
    started: Json
    waiting: Json
    woke_early: bool
    ended: Json
    cursor: dict[str, Seen]

    def answers(self, step: str) -> list[ToolResult]:
        """What the tools answered in the step of this name, such as `impl_a:tries`."""
        name = step.partition(":")[0]
        number = next(i for i, known in enumerate(SCENE[name]) if getattr(known, "name", "") == step)
        played = self.outcomes[name].results
        return [result for result in played if result.step == number]

    def answer(self, step: str) -> ToolResult:
        """What the only tool of the step of this name answered."""
        (only,) = self.answers(step)
        return only


@dataclass(frozen=True)
class Seen:
    """What a client was shown: its lists, and the answers to a call of a real and of an invented tool."""

    lists: dict[str, list[Json]]
    real_tool: Json
    invented_tool: Json


def play(
    claude: Claude,
    model: ModelApi,
    service: Service,
    session: str,
    *,
    environment: Mapping[str, str],
) -> Played:
    """Play the scene in `session` and return what was seen.

    Args:
        claude: whose home folder, checkout and registration all terminals share.
        model: plays the steps.
        service: where `claude` is registered for `session`.
        session: a name that nobody else uses.
        environment: added to that of every terminal.
    """
    try:
        running = {
            name: claude.start(name, steps, environment={"COORD_AGENT": name, **environment})
            for name, steps in SCENE.items()
        }
        return _direct(claude.checkout, running, model, service, session)
    finally:
        claude.stop()


def _direct(
    checkout: Path, running: Mapping[str, Terminal], model: ModelApi, service: Service, session: str
) -> Played:
    for step in ("planner:claims", "impl_a:tries", "impl_b:claims", "impl_c:tries"):
        model.reached(step)
    started = service.status(session)
    cursor = {era: _look(service, session, era) for era in (MODERN, LEGACY)}
    model.open("all have started")

    model.reached("planner:releases")
    model.open("the planner holds the file")
    model.reached("impl_a:waits")
    waiting = _wait_for_the_queue(service, session)
    woke_early = "impl_a:reports" in [request.step for request in model.requests("impl_a")]
    model.open("impl_a waits")

    model.reached("impl_a:reports")
    model.open("impl_a holds the file")
    model.reached("impl_b:ends")
    model.open("impl_b has written")
    model.reached("impl_c:claims")
    model.open("impl_c was refused")
    model.reached("impl_a:ends")
    model.open("impl_a has completed")

    outcomes = {name: terminal.wait() for name, terminal in running.items()}
    return Played(checkout, outcomes, model, started, waiting, woke_early, service.status(session), cursor)


def _wait_for_the_queue(service: Service, session: str) -> Json:
    seen: list[Json] = []

    def impl_a_waits() -> bool:
        seen.append(service.status(session))
        return waits_for(seen[-1], "impl_a") == [LEXER]

    wait_until(impl_a_waits, PATIENCE_SECONDS, "impl_a to stand in the queue")
    return seen[-1]


def _look(service: Service, session: str, era: str) -> Seen:
    with PlainClient(
        service.endpoint("cursor", f"{USER}__session__{session}__planner"), "cursor", era
    ) as client:
        return Seen(
            lists={what: client.list(what) for what in ("tools", "prompts", "resources")},
            real_tool=client.call("claim_file_lock", {"file_paths": [LEXER]}),
            invented_tool=client.call("no_such_tool", {"file_paths": [LEXER]}),
        )


def agent(view: Json, name: str) -> Json:
    """One agent in a view of the service."""
    return next(known for known in view["agents"] if known["agent_id"] == f"{USER}/{name}")


def waits_for(view: Json, name: str) -> list[str]:
    """The paths that an agent waits for in a view of the service."""
    return [path for place in agent(view, name)["waiting"] for path in place["paths"]]


def holds(view: Json, name: str) -> list[str]:
    """The paths that an agent holds in a view of the service."""
    return [lock["path"] for lock in agent(view, name)["locks"]]
