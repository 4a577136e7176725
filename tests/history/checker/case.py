"""What the rules share: the prepared history and the form of a verdict. The rules themselves are in `rules`."""

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from tests.history.checker.acts import Act, ActLog
from tests.history.checker.clock import Clocks
from tests.history.checker.records import Call, History
from tests.history.checker.tenures import Tenure, tenures_of


class Rule(StrEnum):
    """The promises that are judged: those of design section 5 with their numbers there, and those about tasks."""

    EXCLUSION = "1 exclusion"
    ALL_OR_NOTHING = "2 all or nothing"
    EXPIRY = "3 expired never comes back"
    DURABILITY = "5 acknowledged is kept"
    FENCING = "6 fencing tokens grow"
    HOLDER = "7 only the live grant"
    EVENTS = "8 events"
    QUEUE = "9 fair queue"
    TAKEN = "a task has one agent"
    ORDER = "a task waits for others"
    KEPT = "a task is kept"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise.

    Attributes:
        message: what is wrong, naming the calls and events in plain words.
        calls: ids of the calls involved.
        seqs: session and seq of the events involved.
    """

    rule: Rule
    message: str
    calls: tuple[int, ...] = ()
    seqs: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        """The rule and what is wrong."""
        return f"[{self.rule}] {self.message}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the service may take, in seconds.

    Attributes:
        wake_seconds: a waiter that nothing blocks must be granted within this (liveness 3 s, look 1 s, room).
        cycle_seconds: a circle of waiters may last this long before it counts as undetected.
        here_seconds: an agent that was heard within this is there, and nobody may take its task (ten minutes, room
            for the time that presence takes to be written).
    """

    wake_seconds: float = 5.0
    cycle_seconds: float = 0.5
    here_seconds: float = 500.0


class Case:
    """A history prepared for the rules.

    Attributes:
        tenures: every path of every grant, by start.
        groups: grants that one claim made: by session, agent and instant.
    """

    def __init__(self, history: History, limits: Limits) -> None:
        self.history = history
        self.limits = limits
        self.clocks = Clocks(history)
        self.log = ActLog(history, self.clocks)
        self.tenures = tenures_of(history, self.log, self.clocks)
        self.groups: dict[tuple[str, str, float], list[Tenure]] = defaultdict(list)
        for tenure in self.tenures:
            self.groups[tenure.session, tenure.agent, tenure.start].append(tenure)

    @property
    def has_events(self) -> bool:
        """Whether the events of the history are complete."""
        return self.history.header.events


def blame(rule: Rule, message: str, *sources: Act | Tenure | Call) -> Violation:
    """A violation that names the calls and events behind its sources."""
    calls: dict[int, None] = {}
    seqs: dict[tuple[str, int], None] = {}
    for source in sources:
        if isinstance(source, Call):
            calls[source.id] = None
            continue
        act = source.grant if isinstance(source, Tenure) else source
        if act.call is not None:
            calls[act.call.id] = None
        if act.event is not None:
            seqs[act.session, act.event.seq] = None
    return Violation(rule, message, tuple(calls), tuple(seqs))
