"""The first prompt of an agent: it fits into one argument of a program, and what is cut of a large plan is said."""

import re

from coordination.domain.plan.handed_out import HandedOut
from coordination.domain.plan.prompt import MOST_PROMPT_BYTES, first_prompt

ARGUMENT_BYTES = 128 * 1024
"""What Linux lets one argument of a program have, `MAX_ARG_STRLEN`."""


def task(number: int, description: str, *files: str, after: tuple[str, ...] = ()) -> HandedOut:
    return HandedOut(f"t{number}", description, "alice/impl_a", after, files)


def told(*tasks: HandedOut) -> str:
    return first_prompt("alice/impl_a", "demo", "alice/planner", tasks)


def test_of_a_small_plan_every_word_is_told() -> None:
    text = told(task(1, ("Write " + "it " * 300).strip(), "a.py"), task(2, "Test it", after=("t1",)))
    assert '   what: "' + ("Write " + "it " * 300).strip() + '"' in text.splitlines()
    assert '   likely files: "a.py"' in text.splitlines()
    assert '   waits for: "t1"' in text.splitlines()
    assert "more" not in text


def test_long_lists_are_counted() -> None:
    others = tuple(f"t{number}" for number in range(2, 22))
    text = told(task(1, "Write it", *(f"{number}.py" for number in range(20)), after=others))
    assert text.count(" and 12 more") == 2


def test_descriptions_are_cut_where_that_is_enough_to_tell_all_tasks() -> None:
    text = told(*(task(number, "w" * 2_000) for number in range(100)))
    assert text.count(f'   what: "{"w" * 499}…"') == 100
    assert "What is cut here is whole in: coord tasks demo --json" in text.splitlines()
    assert len(text.encode()) < MOST_PROMPT_BYTES


def test_of_the_largest_plan_the_first_tasks_are_told_and_the_others_counted() -> None:
    paths = tuple(f"{number}/" + "ü" * 500 for number in range(8))
    tasks = [task(number, "界" * 2_000, *paths) for number in range(1, 101)]
    text = told(*tasks)
    assert len(text.encode()) < MOST_PROMPT_BYTES <= ARGUMENT_BYTES // 2
    (more,) = re.findall(r"^\.\.\. and (\d+) more: sync_progress\(\) names them\.$", text, re.MULTILINE)
    shown = text.count("   what: ")
    assert shown >= 2
    assert shown + int(more) == 100
    assert text.rstrip().endswith("names your next task.")


def test_of_a_hundred_ordinary_tasks_all_are_told() -> None:
    text = told(*(task(number, "Do what is to be done " * 10, "src/a.py") for number in range(100)))
    assert text.count("   what: ") == 100
