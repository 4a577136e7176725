"""CONTRIBUTING.md: the files that it names are there, and pytest takes the options that it shows."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from tests.unit.docs.page import ROOT, fences, prose, spans, text_of

TEXT = text_of(ROOT / "CONTRIBUTING.md")
# What a run makes, and the shape of a name.
NOT_IN_THE_REPOSITORY = re.compile(r"^(\.venv|build)/|NNNN")
_PATH = re.compile(r"(?<![\w./-])[\w.-]+(?:/[\w.-]+)+/?|(?<![\w./-])[\w-]+\.(?:md|py|sql|toml|txt)\b")
_PYTEST = re.compile(r"`\.venv/bin/pytest ([^`]+)`")


def named_paths() -> list[str]:
    """Every path in code, in line or in a block."""
    code = [*(fence.text for fence in fences(TEXT)), *spans(prose(TEXT))]
    found = {path for text in code for path in _PATH.findall(text)}
    return sorted(path for path in found if not NOT_IN_THE_REPOSITORY.search(path))


def test_every_file_that_it_names_is_there() -> None:
    assert "tests/unit/domain/test_file_lock.py" in named_paths()
    assert [path for path in named_paths() if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("line", [line for line in _PYTEST.findall(TEXT) if line.startswith("-")])
def test_pytest_takes_the_options_that_it_shows(line: str) -> None:
    words = [word for word in shlex.split(line) if word != "…"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-qq", *words, __file__],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
