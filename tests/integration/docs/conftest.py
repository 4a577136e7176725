"""One real service for the tests that play what the documentation shows."""

from collections.abc import Generator

import pytest

from tests.acceptance.service import Service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Service]:
    """A service in the foreground, on a port and a data folder of its own."""
    with Service(tmp_path_factory.mktemp("documented")) as running:
        yield running
