"""When a client that does not take what is sent to it counts as stalled, look by look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from coordination.transport.stall import LOOKS, Stall


class Clock:
    """An event loop that does nothing but call later, when a test lets the time pass."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[tuple[float, Timer, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[..., None], *arguments: object) -> Timer:
        timer = Timer()
        self.due.append((self.now + delay, timer, lambda: callback(*arguments)))
        return timer

    def go_on(self, until: float) -> None:
        while self.due and (first := min(self.due, key=lambda one: one[0]))[0] <= until:
            self.due.remove(first)
            self.now = first[0]
            if not first[1].cancelled:
                first[2]()
        self.now = until


class Timer:
    """What can be cancelled."""

    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Connection(asyncio.Transport):
    """A transport that has so much unsent."""

    unsent = 10

    def get_write_buffer_size(self) -> int:
        return self.unsent


def watched(clock: Clock, connection: Connection) -> tuple[Stall, list[float]]:
    """A stall, and when it was told."""
    told: list[float] = []
    loop: Any = clock
    return Stall(connection, loop, lambda: told.append(clock.now)), told


def test_a_client_that_takes_nothing_is_told_of_once() -> None:
    clock = Clock()
    stall, told = watched(clock, Connection())
    stall.begin(10)
    clock.go_on(9)
    assert told == []
    clock.go_on(100)
    assert len(told) == 1
    assert told[0] <= 10 + 10 / LOOKS


def test_with_nothing_unsent_nobody_is_stalled() -> None:
    clock, connection = Clock(), Connection()
    stall, told = watched(clock, connection)
    connection.unsent = 0
    stall.begin(10)
    clock.go_on(100)
    assert told == []


def test_who_begins_to_look_anew_looks_only_that_way_and_ends_all() -> None:
    clock = Clock()
    stall, told = watched(clock, Connection())
    stall.begin(10)
    stall.begin(20)
    clock.go_on(15)
    assert told == []
    stall.end()
    clock.go_on(100)
    assert told == []
