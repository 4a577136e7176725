"""Events: every kind that the database functions write has its name here, and the other way round."""

import re
from pathlib import Path

import coordination.store
from coordination.domain.event import EventKind

FUNCTIONS = Path(coordination.store.__file__).parent / "functions"
KIND = re.compile(r"'((?:session|agent|role|lock|waiter|task|plan|message)\.[a-z_]+)'")


def written() -> set[str]:
    """The kinds that the functions name; those of tasks are put together from a status."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in FUNCTIONS.glob("*.sql"))
    assert "'task.' || p_status" in source
    statuses = {f"task.{status}" for status in ("started", "completed", "failed", "blocked")}
    return {*KIND.findall(source), *statuses}


def test_every_kind_is_written_and_every_written_kind_has_a_name() -> None:
    assert written() == {kind.value for kind in EventKind}


def test_kinds_are_a_noun_and_a_past_verb() -> None:
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+", kind) for kind in EventKind)
