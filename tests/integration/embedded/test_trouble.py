"""What can be wrong with a machine or a data folder, and what the person is told."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from coordination.embedded import EmbeddedPostgres, PostgresUnavailable, binaries, cluster
from coordination.embedded.account import account_for
from coordination.embedded.spawn import Place
from tests.integration.embedded.conftest import Services
from tests.integration.embedded.query import ask, until
from tests.integration.embedded.service import aside, left_after_all_ended

is_root = os.geteuid() == 0


def why_not(folder: Path) -> str:
    """What a start on `folder` says when it is refused; it always names the way out."""
    postgres = EmbeddedPostgres(folder)
    with pytest.raises(PostgresUnavailable) as refused:
        postgres.start()
    assert not postgres.alive()
    assert "DATABASE_URL=postgresql://" in str(refused.value)
    return str(refused.value)


async def test_an_interrupted_initdb_heals(empty_folder: Path, services: Services) -> None:
    service = services.start(empty_folder)
    await until(lambda: bool(aside(empty_folder, "/base")))
    service.kill()
    assert left_after_all_ended(empty_folder) == []
    assert aside(empty_folder) != []
    assert not (empty_folder / "postgres").exists()
    answer = services.start(empty_folder).ready()
    assert await ask(answer.dsn, "SELECT 1") == 1
    assert aside(empty_folder) == []


def test_missing_programs_are_named(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "PACKAGE", "no_such_package")
    assert "no-such-package is missing" in why_not(empty_folder)


def test_programs_for_another_platform_are_named(
    empty_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "programs_of_a_stranger"
    (folder / "pginstall18" / "bin").mkdir(parents=True)
    (folder / "__init__.py").touch()
    for name in ("postgres", "initdb"):
        program = folder / "pginstall18" / "bin" / name
        program.write_bytes(b"\x7fELF of another machine")
        program.chmod(0o755)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(binaries, "PACKAGE", folder.name)
    monkeypatch.setattr(binaries, "COPIES", (tmp_path / "copies",))
    assert "do not run on this platform" in why_not(empty_folder)


def test_a_failing_initdb_is_quoted(
    empty_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = binaries.find_binaries()
    broken = tmp_path / binaries.PACKAGE
    unused = shutil.ignore_patterns("pginstall", "include", "*.a", "pg_dump*", "psql", "ecpg")
    for name in (binaries.PACKAGE, f"{binaries.PACKAGE}.libs"):
        if (found.package.parent / name).is_dir():
            shutil.copytree(found.package.parent / name, tmp_path / name, ignore=unused)
    for catalogue in broken.rglob("postgres.bki"):
        catalogue.write_text("not a catalogue\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with (
        tempfile.TemporaryDirectory() as copies
    ):  # tmp_path is out of the reach of the user that runs Postgres
        Path(copies).chmod(0o755)
        monkeypatch.setattr(binaries, "COPIES", (Path(copies),))
        said = why_not(empty_folder)
    assert "initdb failed" in said
    assert "postgres.bki" in said
    assert [path.name for path in empty_folder.glob("postgres*")] == ["postgres.lock"]


def test_a_data_folder_that_is_a_file_is_named(empty_folder: Path) -> None:
    (empty_folder / "file").touch()
    assert f"{empty_folder / 'file'} cannot be used" in why_not(empty_folder / "file")


def test_a_folder_with_something_else_in_it_is_left_alone(empty_folder: Path) -> None:
    (empty_folder / "postgres").mkdir()
    (empty_folder / "postgres" / "letter.txt").write_text("dear reader")
    if is_root:
        shutil.chown(empty_folder / "postgres", "nobody")
    assert "holds no Postgres data" in why_not(empty_folder)
    assert (empty_folder / "postgres" / "letter.txt").read_text() == "dear reader"


def test_data_of_a_version_we_do_not_have_is_named(folder: Path) -> None:
    (folder / "postgres" / "PG_VERSION").write_text("15\n")
    said = why_not(folder)
    assert "made by Postgres 15" in said
    assert "18, 16" in said


async def test_data_of_an_older_version_is_run_by_that_version(empty_folder: Path) -> None:
    older = binaries.find_binaries(16)
    at = empty_folder / "postgres"
    account = account_for(at)
    runnable = binaries.private_copy(older, account) if account else older
    cluster.create(Place(at, account), runnable, "signal")
    postgres = EmbeddedPostgres(empty_folder)
    try:
        assert str(await ask(postgres.start(), "SHOW server_version")).startswith("16.")
        assert postgres.version.startswith("16.")
    finally:
        postgres.stop()


def test_a_broken_cluster_is_reported_with_its_own_words(folder: Path) -> None:
    (folder / "postgres" / "global" / "pg_control").write_bytes(b"\0" * 8192)
    assert "database files are incompatible with server" in why_not(folder)


@pytest.mark.skipif(not is_root, reason="only root can have a cluster of root, or of somebody else")
def test_a_cluster_of_root_is_refused_with_advice(folder: Path) -> None:
    subprocess.run(["chown", "-R", "root", str(folder / "postgres")], check=True)
    assert f"chown -R nobody {folder / 'postgres'}" in why_not(folder)


def test_a_socket_folder_that_somebody_else_made_is_refused(long_folder: Path) -> None:
    postgres = EmbeddedPostgres(long_folder)
    taken = Path(postgres.dsn.partition("host=")[2].partition("&")[0])
    taken.mkdir(mode=0o755)
    try:
        assert f"the socket folder {taken} is not a 0700 folder" in why_not(long_folder)
    finally:
        taken.rmdir()


@pytest.mark.skipif(not is_root, reason="only root can mount a small disk")
def test_a_full_disk_is_named(empty_folder: Path) -> None:
    small = empty_folder / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(small)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        assert "The disk is full: make room" in why_not(small)
    finally:
        subprocess.run(["umount", str(small)], check=True)
