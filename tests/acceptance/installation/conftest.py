"""One data folder for the tests that start and stop services as a person does, each as a process of its own."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.integration.installation import Installation


@pytest.fixture(scope="session")
def shared_installation(tmp_path_factory: pytest.TempPathFactory) -> Generator[Installation]:
    """A data folder for all tests that start a service on it: the first start makes a database, which takes seconds."""
    with Installation(tmp_path_factory.mktemp("installation")) as one:
        yield one


@pytest.fixture
def installation(shared_installation: Installation) -> Generator[Installation]:
    """The shared data folder, on which nothing runs before and after a test."""
    yield shared_installation
    for service in shared_installation.services():
        shared_installation.coord("down", PORT=str(service.port))
