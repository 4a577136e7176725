"""docs/reference/events.md names every kind of event with its payload, and nothing else."""

import re

import pytest

from coordination.domain.event import EventKind
from coordination.domain.file_lock import Lease
from coordination.domain.task import TaskStatus
from tests.unit.docs.page import REFERENCE, ROOT, headings, names, section, text_of

PAGE = text_of(REFERENCE / "events.md")
KINDS = section(PAGE, "Kinds")
FUNCTIONS = sorted((ROOT / "coordination/store/functions").glob("*.sql"))

_IN_SQL = re.compile(r"'((?:session|agent|role|lock|waiter|task|plan|message)\.[a-z]+)'")
_FROM_STATUS = "'task.' || p_status"


def kinds_in_sql() -> set[str]:
    """The kinds that the database functions write."""
    found: set[str] = set()
    for function in FUNCTIONS:
        text = text_of(function)
        found.update(_IN_SQL.findall(text))
        if _FROM_STATUS in text:
            found.update(f"task.{status}" for status in TaskStatus if status is not TaskStatus.IN_PROGRESS)
    return found


def test_every_kind_has_its_section_and_nothing_else_has() -> None:
    assert headings(KINDS, 3) == [kind.value for kind in EventKind]


def test_the_database_writes_the_kinds_that_the_code_knows_and_no_other() -> None:
    assert kinds_in_sql() == {kind.value for kind in EventKind}


@pytest.mark.parametrize("kind", [kind.value for kind in EventKind])
def test_every_kind_says_what_its_payload_is(kind: str) -> None:
    told = section(PAGE, kind)
    assert names(told) or "Payload: empty." in told or "The payload is that of [task.started]" in told


def test_leases_in_a_payload_have_the_fields_of_a_lease() -> None:
    assert names(section(PAGE, "Leases in a payload")) == list(Lease.__dataclass_fields__)
