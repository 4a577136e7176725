"""What is installed is what was tested: all is locked, and no lock says where packages come from."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.architecture.sources import PROJECT, ROOT

LOCK_FILES = (
    "*.lock",
    "*-lock.json",
    "*-lock.yaml",
    "npm-shrinkwrap.json",
    "constraints*.txt",
    "requirements*.txt",
)
# Folders that hold what was installed, not what we wrote.
INSTALLED = {".venv", ".git", ".acceptance", "node_modules", "build", "dist"}
ADDRESS = re.compile(r"\w+://|--(?:extra-)?index-url|--find-links|\s@\s|\bfile:", re.IGNORECASE)


def locks() -> list[Path]:
    """Every file of the project that fixes versions."""
    return [
        path
        for pattern in LOCK_FILES
        for path in ROOT.rglob(pattern)
        if not INSTALLED & set(path.relative_to(ROOT).parts)
    ]


def pins() -> list[Requirement]:
    """The lines of constraints.txt."""
    return [Requirement(line) for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()]


def declared() -> list[Requirement]:
    """What pyproject.toml asks for: to run, to build and to test."""
    groups: dict[str, list[str]] = PROJECT["dependency-groups"]
    return [
        Requirement(line)
        for lines in (PROJECT["project"]["dependencies"], *groups.values())
        for line in lines
    ]


def test_no_lock_names_a_place_to_download_from() -> None:
    found = locks()
    assert ROOT / "constraints.txt" in found
    assert [path for path in found if ADDRESS.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "line",
    ["--index-url https://example.org", "a @ file:///x", "# http://example.org", "--find-links wheels"],
)
def test_an_address_in_a_lock_is_noticed(line: str) -> None:
    assert ADDRESS.search(line)


def test_every_line_of_the_constraints_fixes_one_version() -> None:
    loose = [str(pin) for pin in pins() if [part.operator for part in pin.specifier] != ["=="]]
    assert loose == []


def test_every_dependency_is_locked_to_a_version_that_it_allows() -> None:
    locked = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins()}
    wrong = [
        str(requirement)
        for requirement in declared()
        if not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"))
    ]
    assert declared()
    assert wrong == []
