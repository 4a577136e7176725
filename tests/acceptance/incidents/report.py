"""The table at the end of a run: of each incident, what happened without the plugin and what with it.

A test that saw something says so with the fixture `saw`; the line is told only when the test passed. It goes through
the reports of the tests, so it comes out of a parallel run too.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

_SEEN = "incident"
WITHOUT, WITH = "without", "with"

Saw = Callable[[int, str, str], None]
"""Called with the number of the incident, `WITHOUT` or `WITH`, and what happened in a few words."""


@pytest.fixture
def saw(record_property: Callable[[str, object], None]) -> Saw:
    """Says what a test saw of an incident."""

    def see(number: int, half: str, words: str) -> None:
        assert "," not in words, "commas are what divides a line"
        record_property(_SEEN, (number, half, words))

    return see


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each incident: `incident, without, with`."""
    halves: dict[int, dict[str, dict[str, None]]] = {}
    for report in terminalreporter.getreports("passed"):
        for key, value in report.user_properties:
            if key == _SEEN:
                number, half, words = value
                halves.setdefault(number, {WITHOUT: {}, WITH: {}})[half][words] = None
    if halves:
        terminalreporter.section("incidents: without the plugin, with it")
    for number, seen in sorted(halves.items()):
        without, with_it = ("; ".join(seen[half]) or "not tried" for half in (WITHOUT, WITH))
        terminalreporter.line(f"{number}, {without}, {with_it}")
