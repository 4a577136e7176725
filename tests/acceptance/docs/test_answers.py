"""What the pages show of answers and output has the shape of what a service gives and `coord` prints."""

import json
import os
import re
from pathlib import Path
from typing import Any, cast

import pytest

from tests.acceptance.docs.conftest import Documented
from tests.acceptance.docs.transcript import PASTED
from tests.integration.installation import get
from tests.unit.docs.page import DOCS, REFERENCE, ROOT, fences, text_of

pytestmark = pytest.mark.acceptance

_LABEL = re.compile(r"(  [a-zA-Z ]+?)  .*")


def shown(page: str, key: str) -> Any:
    """The first JSON block of a page that has this key."""
    blocks = [
        json.loads(fence.text) for fence in fences(text_of(REFERENCE / page)) if fence.language == "json"
    ]
    return next(block for block in blocks if key in block)


def shape(value: Any) -> Any:
    """The names in a value, at every depth."""
    if not isinstance(value, dict):
        return None
    return {name: shape(part) for name, part in cast("dict[str, Any]", value).items()}


def test_the_health_page_looks_like_the_one_shown(documented: Documented) -> None:
    assert shape(get(f"{documented.url}/health/detailed").json()) == shape(shown("http.md", "event_feed"))


def test_a_problem_is_the_one_shown(documented: Documented) -> None:
    assert get(f"{documented.url}/api/v1/sessions/none").json() == shown("errors.md", "detail")


def test_a_failure_of_a_command_is_the_one_shown(documented: Documented) -> None:
    failed = documented.installation.coord("status", "none", "--json")
    answer, expected = json.loads(failed.stdout)["error"], shown("cli.md", "error")["error"]
    # What is pasted names the very `coord` that ran, and its data folder.
    assert "See which there are: " in answer["mend"]
    assert answer | {"mend": ""} == expected | {"mend": ""}
    assert failed.returncode == 4


def test_the_readme_shows_what_the_first_start_prints(documented: Documented) -> None:
    expected = output(text_of(ROOT / "README.md"), "make up").partition("…\n")
    begin, rows = expected[0].splitlines()[-1] + "…", expected[2].partition("\n…")[0]
    printed = documented.started.splitlines()
    assert printed[0] == begin
    assert [_LABEL.sub(r"\1", line) for line in printed[1 : 1 + len(rows.splitlines())]] == [
        _LABEL.sub(r"\1", line) for line in rows.splitlines()
    ]


def test_the_tutorial_shows_what_connecting_prints(documented: Documented, tmp_path: Path) -> None:
    command = "coord connect demo --user alice"
    stand_in = tmp_path / "claude"
    stand_in.write_text("#!/bin/sh\nexit 0\n")
    stand_in.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = documented.installation.coord(*command.split()[1:], PATH=path)
    assert PASTED.sub("coord ", done.stdout) == output(text_of(DOCS / "tutorial/two-terminals.md"), command)


def output(text: str, command: str) -> str:
    """What a page shows below a command."""
    block = next(fence.text for fence in fences(text) if f"$ {command}\n" in fence.text)
    return block.partition(f"$ {command}\n")[2].partition("\n$ ")[0]
