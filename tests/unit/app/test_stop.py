"""The signals that end the service: one for a clean end, a second Ctrl-C for an immediate one."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator

import pytest

from coordination.app.stop import INTERRUPTED, SIGNALS, Stop


@pytest.fixture(autouse=True)
def signals_as_they_were() -> Generator[None]:
    kept = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What happened, in order; an immediate end is only noted."""
    found: list[object] = []
    monkeypatch.setattr(os, "_exit", found.append)
    return found


@pytest.fixture
def stop() -> Stop:
    made = Stop()
    made.watch()
    return made


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.usefixtures("stop")
def test_before_anything_runs_a_signal_ends_the_program(number: signal.Signals) -> None:
    with pytest.raises(SystemExit) as ended:
        signal.raise_signal(number)
    assert ended.value.code == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_begins_the_clean_end_once(
    stop: Stop, said: list[object], number: signal.Signals
) -> None:
    stop.meets(lambda: said.append("begun"), lambda: said.append("killed"))
    for _ in range(3):
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGTERM)
    at_once = ["killed", INTERRUPTED] * 2 if number == signal.SIGINT else []
    assert said == ["begun", *at_once]


def test_a_signal_that_came_before_who_has_to_act_is_not_lost(stop: Stop, said: list[object]) -> None:
    with pytest.raises(SystemExit):
        signal.raise_signal(signal.SIGTERM)
    stop.meets(lambda: said.append("begun"))
    assert said == ["begun"]


def test_a_second_ctrl_c_ends_at_once_also_where_nothing_is_left_to_do(
    stop: Stop, said: list[object]
) -> None:
    stop.meets(lambda: said.append("begun"))
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    assert said == ["begun", INTERRUPTED]
