"""The order that tasks allow, and tasks that allow none."""

import pytest

from coordination.domain.errors import InvalidInput
from coordination.domain.plan.task import PlannedTask, ordered


def task(id_: str, *depends_on: str) -> PlannedTask:
    return PlannedTask(id_, "work", depends_on=depends_on)


def test_tasks_come_after_what_they_depend_on_and_else_as_they_were_handed_in() -> None:
    assert ordered([task("c", "a"), task("b"), task("a"), task("d", "c", "b")]) == ("b", "a", "c", "d")


def test_a_circle_is_named() -> None:
    with pytest.raises(InvalidInput, match=r'circle: "a" waits for "c" waits for "b" waits for "a"'):
        ordered([task("a", "c"), task("b", "a"), task("c", "b")])


def test_a_task_that_waits_for_itself_is_a_circle() -> None:
    with pytest.raises(InvalidInput, match='"a" waits for "a"'):
        ordered([task("a", "a")])


def test_an_id_that_occurs_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match='"a" occurs twice'):
        ordered([task("a"), task("b"), task("a")])


def test_a_dependency_that_is_no_task_is_refused() -> None:
    with pytest.raises(InvalidInput, match='"a" depends on "z"'):
        ordered([task("a", "z")])
