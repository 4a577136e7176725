"""Who runs Postgres: an ordinary user as itself, root through a user without power."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from coordination.embedded import binaries
from coordination.embedded.account import account_for
from tests.integration.embedded.conftest import Services
from tests.integration.embedded.query import ask, ask_when_back
from tests.integration.embedded.service import (
    NOBODY,
    Service,
    Watchdog,
    left_after_all_ended,
    python_for,
    running,
)

pytestmark = pytest.mark.acceptance

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture(scope="session")
def python_of_nobody() -> str:
    python = python_for(NOBODY)
    if python is None:
        pytest.skip("no Python with our packages is within the reach of an ordinary user")
    return python


@pytest.fixture
def folder_of_nobody(empty_folder: Path) -> Iterator[Path]:
    os.chown(empty_folder, NOBODY, NOBODY)
    yield empty_folder


@needs_root
@pytest.mark.parametrize("watchdog", ["signal", "pipe"])
async def test_an_ordinary_user_runs_it_as_itself(
    folder_of_nobody: Path, services: Services, python_of_nobody: str, watchdog: Watchdog
) -> None:
    folder = folder_of_nobody / 'it\'s, "new"'
    service = services.start(folder, watchdog, uid=NOBODY, python=python_of_nobody)
    answer = service.ready()
    await ask(answer.dsn, "CREATE TABLE kept AS SELECT 7 AS number")
    assert {found.uids().effective for found in running(folder_of_nobody)} == {NOBODY}
    psutil.Process(answer.pid).kill()
    assert await ask_when_back(answer.dsn, "SELECT number FROM kept") == 7
    service.kill()
    assert left_after_all_ended(folder_of_nobody) == []
    again = services.start(folder, watchdog, uid=NOBODY, python=python_of_nobody)
    assert await ask(again.ready().dsn, "SELECT number FROM kept") == 7
    assert again.stop() == 0


@needs_root
async def test_root_on_an_ordinary_users_folder_runs_it_as_that_user(
    folder_of_nobody: Path, services: Services, python_of_nobody: str
) -> None:
    first = services.start(folder_of_nobody, uid=NOBODY, python=python_of_nobody)
    first.ready()
    assert first.stop() == 0
    second = services.start(folder_of_nobody)
    second.ready()
    assert {found.uids().effective for found in running(folder_of_nobody)} == {NOBODY}
    assert second.stop() == 0
    third = services.start(folder_of_nobody, uid=NOBODY, python=python_of_nobody)
    assert await ask(third.ready().dsn, "SELECT 1") == 1


@needs_root
def test_an_ordinary_user_is_told_when_the_cluster_is_somebody_elses(
    empty_folder: Path, services: Services, python_of_nobody: str
) -> None:
    (empty_folder / "postgres").mkdir()
    os.chown(empty_folder / "postgres", 12345, 12345)
    os.chown(empty_folder, NOBODY, NOBODY)
    refused = services.start(empty_folder, uid=NOBODY, python=python_of_nobody)
    assert said_by(refused).count("belongs to uid 12345, and you are uid 65534") == 1


@needs_root
async def test_root_hands_all_power_away(folder: Path, services: Services) -> None:
    answer = services.start(folder).ready()
    programs = running(folder)
    assert {found.uids().saved for found in programs} == {NOBODY}
    assert {found.gids().saved for found in programs} == {NOBODY}
    fields = status_of(answer.pid)
    assert fields["Groups"].strip() == ""
    assert int(fields["CapEff"], 16) == 0
    assert int(fields["CapPrm"], 16) == 0


@needs_root
def test_roots_copy_of_the_programs_can_be_changed_by_root_alone(folder: Path) -> None:
    account = account_for(folder / "postgres")
    assert account
    copy = binaries.private_copy(binaries.find_binaries(), account)
    entries = [copy.package.parent, *copy.package.parent.rglob("*")]
    assert [path for path in entries if path.stat().st_uid != 0 or path.stat().st_mode & 0o022] == []
    assert binaries.private_copy(binaries.find_binaries(), account) == copy


@needs_root
def test_a_copy_that_others_can_change_is_not_used(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = account_for(folder / "postgres")
    assert account
    loose = tmp_path / "loose"
    loose.mkdir()
    loose.chmod(0o777)
    found = binaries.find_binaries()
    monkeypatch.setattr(binaries, "COPIES", (loose,))
    with pytest.raises(binaries.PostgresUnavailable, match="not a folder that only root can change"):
        binaries.private_copy(found, account)


def status_of(pid: int) -> dict[str, str]:
    """What the kernel says of a process, by field name."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return dict(line.split(":\t", 1) for line in lines)


def said_by(service: Service) -> str:
    assert service.program.stderr
    return service.program.stderr.read()
