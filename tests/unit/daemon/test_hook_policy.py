"""The hook program reads the person's policy as the daemon does: by the same table of cases."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import pytest

from coordination.domain.policy import MOST_BYTES
from tests.unit.daemon.test_plugin_files import HOOK
from tests.unit.domain.test_policy import CASES, HOMES

Rules = list[tuple[list[list[str]], str]]


# Any: a program beside the package, without hints, because it is written for Python 3.9.
def program() -> Any:
    spec = spec_from_file_location("hook", HOOK)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hook = program()
read_rules: Callable[[bytes, Sequence[str]], Rules] = hook.read_rules
judged: Callable[[Rules, str], str] = hook.judged


@pytest.mark.parametrize(
    "case", CASES["decisions"], ids=lambda case: f"{case['policy']!r} {case['paths'][0]}"
)
def test_a_file_gets_the_answer_that_the_daemon_gives(case: dict[str, Any]) -> None:
    rules = read_rules(case["policy"].encode(), HOMES)
    answers = {judged(rules, path) for path in case["paths"]}
    assert ("block" if "block" in answers else "warn") == case["answer"]


@pytest.mark.parametrize("case", CASES["problems"], ids=lambda case: repr(case["policy"]))
def test_a_line_that_the_daemon_cannot_read_is_none_here(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"(?s)."):
        read_rules(case["policy"].encode(), HOMES)


def test_what_is_no_text_is_no_policy() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        read_rules(b"* warn\n\xff\xfe warn\n", HOMES)


def test_a_home_that_nobody_knows_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="~/app"):
        read_rules(b"~/app warn\n", [])


def test_the_file_may_be_as_long_as_for_the_daemon() -> None:
    assert hook.FILE_MAX == MOST_BYTES


def test_no_pattern_takes_long_on_any_path() -> None:
    line = "/".join(["**", "*a*a*a*a*a*a*a*a*b"] * 12) + " block"
    rules = read_rules(json.dumps(line).strip('"').encode(), HOMES)
    assert judged(rules, "/" + "/".join(["a" * 80] * 45)) == "warn"
