"""One real service for the tests that play what the documentation shows."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pytest

from tests.integration.installation import Installation


@dataclass(frozen=True)
class Documented:
    """A service as the documentation's reader has it.

    Attributes:
        installation: its data folder, and `coord` on it.
        url: where it answers.
        started: what `coord up` printed.
    """

    installation: Installation
    url: str
    started: str


@pytest.fixture(scope="session")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Generator[Documented]:
    """A service in the background, on a free port and a data folder of its own."""
    with Installation(tmp_path_factory.mktemp("documented")) as installation:
        started = installation.coord("up")
        url = installation.json("up")["url"]
        yield Documented(installation, url, started.stderr + started.stdout)
