"""Every command that the runbook names inside its sentences and tables exists; events and settings too."""

from __future__ import annotations

import shlex

import pytest

from coordination.cli.commands import app
from coordination.settings import VARIABLES
from tests.unit.docs.page import DOCS, prose, rows, section, spans, text_of
from tests.unit.docs.test_logs_page import logged

PAGE = text_of(DOCS / "how-to" / "runbook.md")
NAMED = sorted({span for span in spans(prose(PAGE)) if span.startswith("coord ")})


@pytest.mark.parametrize("command", NAMED)
def test_every_command_between_backquotes_is_one_that_coord_takes(command: str) -> None:
    app.parse_args(shlex.split(command)[1:], exit_on_error=False, print_error=False)


def test_there_are_commands_to_try() -> None:
    assert len(NAMED) > 10


def test_every_failure_has_a_cause_and_something_to_do() -> None:
    failures = rows(section(PAGE, "Common failures"))
    assert len(failures) > 10
    assert all(len(row) == 3 and all(row) for row in failures)


def test_every_log_event_that_it_names_is_logged() -> None:
    named = {name for row in rows(section(PAGE, "Read the logs")) for name in spans(row[0])}
    assert named
    assert named <= set(logged())


def test_every_variable_that_it_names_is_a_setting() -> None:
    named = {
        span.partition("=")[0]
        for span in spans(prose(PAGE))
        if span.startswith(("COORDINATION_", "SUPABASE_"))
    }
    assert named
    assert named <= set(VARIABLES.values())
