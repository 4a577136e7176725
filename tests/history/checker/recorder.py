"""Collects the calls of a running driver, from any number of threads and tasks, in memory.

A driver calls `Recorder.invoke` immediately before it sends and `Recorder.complete` immediately after it
heard; a call that is never completed is unknown. It does not talk to the service and does not judge.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from tests.history.checker.records import (
    AskedPlan,
    Call,
    Event,
    Fault,
    FileOperation,
    Header,
    History,
    Lease,
    LockRow,
    Outcome,
    Reader,
    TaskReport,
    TaskRow,
    Waiter,
)


class Recorder:
    """An append-only log of calls; every method may be used from several threads and tasks at once.

    Args:
        clock: the driver clock, in seconds; one for all clients. The default is the wall clock, which on the
            database's own machine needs no offset.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ids = itertools.count(1)
        self._guard = threading.Lock()
        self._calls: dict[int, Call] = {}
        self._faults: list[Fault] = []

    def invoke(
        self,
        client: str,
        session: str,
        agent: str,
        kind: str,
        *,
        paths: Iterable[str] = (),
        checkout: str = "",
        operation: FileOperation = "write",
        ttl_seconds: float = 900.0,
        wait_seconds: float = 0.0,
        tokens: Mapping[str, int] | None = None,
        report: TaskReport | None = None,
        plan: AskedPlan | None = None,
    ) -> int:
        """Note that a call is about to be sent.

        Returns:
            The call's id, for `complete`.
        """
        number = next(self._ids)
        call = Call(
            id=number,
            client=client,
            session=session,
            agent=agent,
            checkout=checkout,
            kind=kind,
            paths=tuple(paths),
            operation=operation,
            ttl_seconds=ttl_seconds,
            wait_seconds=wait_seconds,
            tokens=dict(tokens or {}),
            report=report,
            plan=plan,
            invoked=self._clock(),
        )
        with self._guard:
            self._calls[number] = call
        return number

    def complete(
        self,
        number: int,
        outcome: Outcome,
        *,
        leases: Iterable[Lease] = (),
        code: str = "",
        at: float | None = None,
        seqs: Iterable[int] = (),
        offered: str = "",
    ) -> None:
        """Note what a call heard; an ``unknown`` one stays open, for nobody knows when it took effect.

        Raises:
            KeyError: no such call was invoked.
            ValueError: the call was completed before.
        """
        completed = None if outcome == "unknown" else self._clock()
        with self._guard:
            call = self._calls[number]
            if call.completed is not None:
                raise ValueError(f"{call} was completed before")
            self._calls[number] = replace(
                call,
                completed=completed,
                outcome=outcome,
                leases=tuple(leases),
                code=code,
                at=at,
                seqs=tuple(seqs),
                offered=offered,
            )

    def fault(self, from_: float, until: float, target: str) -> None:
        """Note a time (database clock) in which ``target`` was stopped or dead on purpose.

        Recovery included.
        """
        with self._guard:
            self._faults.append(Fault(from_=from_, until=until, target=target))

    def history(
        self,
        header: Header | None = None,
        *,
        events: Sequence[Event] = (),
        waiters: Sequence[Waiter] = (),
        readers: Sequence[Reader] = (),
        locks: Sequence[LockRow] = (),
        tasks: Sequence[TaskRow] = (),
    ) -> History:
        """Everything recorded so far, joined with what was read from the database."""
        with self._guard:
            calls, faults = tuple(self._calls.values()), tuple(self._faults)
        return History(
            header=header or Header(),
            calls=calls,
            events=tuple(events),
            waiters=tuple(waiters),
            faults=faults,
            readers=tuple(readers),
            locks=tuple(locks),
            tasks=tuple(tasks),
        )
