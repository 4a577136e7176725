"""What acceptance tests stand on: the pinned clients, a real checkout, the running service."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.acceptance.checkout import fetch
from tests.acceptance.claude import NEWER, OLDER, NpmMissing, install
from tests.acceptance.service import Service

CACHE = Path(__file__).parents[2] / ".acceptance"


@pytest.fixture(scope="session")
def programs() -> dict[str, Path]:
    """The program of each pinned version of Claude Code, installed on first use."""
    try:
        return {version: install(version, CACHE) for version in (NEWER, OLDER)}
    except NpmMissing as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The real repository that checkouts are cloned from."""
    return fetch(CACHE)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Service]:
    """One running service for all tests; they keep apart by the names of their sessions."""
    with Service(tmp_path_factory.mktemp("service")) as running:
        yield running
