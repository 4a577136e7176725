"""Data folders and services for the tests of the embedded Postgres."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordination.embedded import EmbeddedPostgres
from tests.integration.embedded.service import Service, Watchdog, left_after_all_ended


def quick_disk() -> Path | None:
    """A disk in memory with enough room for a few clusters, if there is one.

    What a SIGKILL leaves behind is the same there as on a real disk; a power cut is not what these tests try.
    """
    memory = Path("/dev/shm")  # noqa: S108 - only below a folder of our own
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
    return memory if roomy else None


@pytest.fixture
def empty_folder() -> Iterator[Path]:
    """A 0700 data folder with a short path and nothing in it; at the end nothing may run there."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir=quick_disk(), ignore_cleanup_errors=True) as name:
        yield Path(name)
        assert left_after_all_ended(Path(name)) == []


@pytest.fixture(scope="session")
def made_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose cluster was made and cleanly stopped; to be copied, not used."""
    folder = tmp_path_factory.mktemp("made")
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    postgres.stop()
    return folder


@pytest.fixture
def folder(made_folder: Path, empty_folder: Path) -> Path:
    """A data folder with a cluster in it, ready to be started."""
    subprocess.run(["cp", "-a", str(made_folder / "postgres"), str(empty_folder)], check=True)
    return empty_folder


class Services:
    """The services that a test starts."""

    def __init__(self) -> None:
        self.started: list[Service] = []

    def start(
        self,
        folder: Path,
        watchdog: Watchdog = "auto",
        *,
        uid: int | None = None,
        python: str = sys.executable,
    ) -> Service:
        self.started.append(Service(folder, watchdog, uid=uid, python=python))
        return self.started[-1]


@pytest.fixture
def services(empty_folder: Path) -> Iterator[Services]:  # the folder is checked after these have ended
    """Start services; they are gone at the end of the test."""
    services = Services()
    yield services
    for service in services.started:
        service.end()


@pytest.fixture
def long_folder(empty_folder: Path) -> Path:
    """A data folder whose socket would not fit below it."""
    return empty_folder / ("d" * 60) / ("e" * 60)
