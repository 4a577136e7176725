"""What the person's policy file says, by the table of cases that the hook program is tested with too."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from coordination.domain.policy import MOST_BYTES, Answer, Policy, decide, parse
from tests.unit.docs.page import REFERENCE, rows, section, spans, text_of

CASES: dict[str, Any] = json.loads((Path(__file__).parent / "policy_cases.json").read_bytes())
HOMES: list[str] = CASES["homes"]


def policy(text: str) -> Policy:
    return parse(text.encode(), HOMES)


@pytest.mark.parametrize(
    "case", CASES["decisions"], ids=lambda case: f"{case['policy']!r} {case['paths'][0]}"
)
def test_a_file_gets_the_answer_of_the_last_line_that_matches_it(case: dict[str, Any]) -> None:
    read = policy(case["policy"])
    assert read.problem == ""
    assert decide(read, *case["paths"]) == case["answer"]


@pytest.mark.parametrize("case", CASES["problems"], ids=lambda case: repr(case["policy"]))
def test_a_line_that_cannot_be_read_blocks_everything_and_is_named(case: dict[str, Any]) -> None:
    read = policy(case["policy"])
    assert re.search(rf"\bline {case['line']}\b", read.problem)
    assert read.problem.isprintable()
    assert decide(read, "/anywhere/at/all") is Answer.BLOCK


def test_without_a_file_every_file_gets_a_warning() -> None:
    assert decide(parse(None, HOMES), "/home/ann/a.py") is Answer.WARN


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"* warn\n\xff\xfe warn\n", "UTF-8"),
        (b"* warn\n" * (MOST_BYTES // 7 + 1), f"more than {MOST_BYTES} bytes"),
    ],
)
def test_a_file_that_is_no_text_or_endless_blocks_everything(content: bytes, why: str) -> None:
    read = parse(content, HOMES)
    assert why in read.problem
    assert decide(read, "/home/ann/a.py") is Answer.BLOCK


def test_a_file_of_exactly_the_limit_is_read() -> None:
    assert parse(b"#" * MOST_BYTES, HOMES).problem == ""


def test_no_pattern_takes_long_on_any_path() -> None:
    read = policy("/".join(["**", "*a*a*a*a*a*a*a*a*b"] * 12) + " block")
    assert decide(read, "/" + "/".join(["a" * 80] * 45)) is Answer.WARN


def test_the_examples_of_the_page_are_so() -> None:
    examples = rows(section(text_of(REFERENCE / "policy.md"), "Examples"))
    assert examples
    for lines, file, answer in examples:
        read = policy("\n".join(spans(lines)))
        path = spans(file)[0] if spans(file) else "/any/file"
        assert decide(read, path) == spans(answer)[0], lines
        assert bool(read.problem) == ("is told" in answer)


def test_the_page_names_the_limit_of_the_file() -> None:
    assert f"{MOST_BYTES:,} bytes" in text_of(REFERENCE / "policy.md")
