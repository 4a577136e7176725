"""The two desks that each incident is played at: one without the plugin, and one with it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from coordination.repository.identity import session_of
from tests.acceptance.claude import ANYTHING, NEWER, OLDER, Claude
from tests.acceptance.gate import TOOLS, Machine
from tests.acceptance.incidents.desk import USER, Desk, make_checkout
from tests.acceptance.incidents.report import saw
from tests.acceptance.model_api import ModelApi
from tests.acceptance.service import Service, coord

__all__ = ["saw"]

Lay = Callable[[dict[str, str]], Desk]
"""Makes a desk whose checkout has these files, by name."""
At = Callable[[Path], Desk]
"""Makes a desk in a checkout."""


@pytest.fixture
def model(tmp_path: Path) -> Generator[ModelApi]:
    """The scripted model of one scene."""
    with ModelApi(tmp_path / "model.jsonl") as api:
        yield api


@pytest.fixture(params=[NEWER, OLDER])
def version(request: pytest.FixtureRequest) -> str:
    """Each pinned version of Claude Code in turn."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def bare(programs: dict[str, Path], version: str, tmp_path: Path, model: ModelApi) -> Generator[Lay]:
    """Desks where nothing is installed beside Claude Code."""
    made: list[Claude] = []

    def lay(files: dict[str, str]) -> Desk:
        checkout = make_checkout(tmp_path / "checkout", files)
        made.append(Claude(programs[version], tmp_path, checkout, model))
        made[-1].options = ANYTHING
        return Desk(made[-1], model)

    yield lay
    for claude in made:
        claude.stop()


@pytest.fixture
def connected(bare: Lay, service: Service, request: pytest.FixtureRequest) -> Lay:
    """Desks whose terminals have the service's tools, and nothing that makes them use these."""

    def lay(files: dict[str, str]) -> Desk:
        desk = bare(files)
        session = f"{request.node.path.stem}-{request.node.callspec.id}"
        desk.claude.run(coord(), "connect", session, "--user", USER, environment=service.settings)
        return Desk(desk.claude, desk.model, "mcp__coordination__", service, session)

    return lay


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Machine]:
    """A developer's machine with the gate, for all scenes."""
    with Machine(tmp_path_factory.mktemp("machine"), USER) as running:
        yield running


@pytest.fixture
def at(
    machine: Machine, programs: dict[str, Path], version: str, tmp_path: Path, model: ModelApi
) -> Generator[At]:
    """Desks with the plugin, in checkouts that are there already."""
    made: list[Claude] = []

    def at(checkout: Path) -> Desk:
        made.append(machine.claude(version, programs[version], tmp_path, checkout, model))
        return Desk(made[-1], model, TOOLS, machine.service, session_of(checkout))

    yield at
    for claude in made:
        claude.stop()


@pytest.fixture
def guarded(at: At, tmp_path: Path) -> Lay:
    """Desks with the plugin, where nothing else is configured."""
    return lambda files: at(make_checkout(tmp_path / "checkout", files))
