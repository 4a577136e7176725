"""The daemon's folder is its owner's alone, its socket has a path that fits, and one daemon runs on it."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from coordination.client.private_file import UnusableFile
from coordination.daemon import single
from coordination.daemon.folder import Folder, RunningDaemon, folder_in
from coordination.daemon.single import AlreadyRunning, is_taken, only_one
from coordination.daemon.socket_path import PATH_MAX

HOLD = """
import sys
from pathlib import Path
from coordination.daemon.folder import folder_in
from coordination.daemon.single import only_one
with only_one(folder_in(Path(sys.argv[1]))):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    found = folder_in(tmp_path / "data")
    found.prepare()
    return found


def me(folder: Folder) -> RunningDaemon:
    started = f"{psutil.Process().create_time():.2f}"
    return RunningDaemon(os.getpid(), started, 0, str(folder.socket), "1.2.3")


def test_it_is_made_for_its_owner_alone_and_made_once(folder: Folder) -> None:
    folder.prepare()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert folder.path.name == "daemon"


def test_one_that_others_may_enter_is_refused_and_left_as_it_is(folder: Folder) -> None:
    folder.path.chmod(0o750)
    with pytest.raises(UnusableFile, match=r"open to other users.*chmod 700"):
        folder.prepare()
    with pytest.raises(UnusableFile, match="open to other users"):
        folder.find()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o750


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "daemon").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnusableFile, match="is no folder"):
        folder_in(tmp_path).prepare()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_one_of_somebody_else_is_refused(folder: Folder) -> None:
    os.chown(folder.path, 12345, 12345)
    with pytest.raises(UnusableFile, match="belongs to another user"):
        folder.prepare()


def test_below_a_deep_folder_the_socket_has_a_short_private_one(tmp_path: Path) -> None:
    deep = folder_in(tmp_path / ("d" * 90))
    other = folder_in(tmp_path / ("e" * 90))
    try:
        deep.prepare()
        assert len(os.fsencode(deep.socket)) <= PATH_MAX
        assert stat.S_IMODE(deep.socket.parent.stat().st_mode) == 0o700
        assert deep.socket != other.socket
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(deep.socket))
        deep.forget()
        assert not deep.socket.exists()
        deep.socket.parent.chmod(0o755)
        with pytest.raises(UnusableFile, match="open to other users"):
            deep.prepare()
    finally:
        deep.socket.parent.rmdir()
    assert folder_in(Path("/short")).socket == Path("/short/daemon/socket")


def test_who_runs_is_found_by_the_record_while_that_very_one_lives(folder: Folder) -> None:
    assert folder.find() is None
    mine = me(folder)
    folder.record(mine)
    assert folder.find() == mine
    assert stat.S_IMODE(folder.running.stat().st_mode) == 0o600
    folder.record(replace(mine, started=f"{float(mine.started) - 60:.2f}"))
    assert folder.find() is None
    folder.running.write_text("{}")
    assert folder.find() is None
    assert folder_in(folder.path / "nowhere").find() is None


def test_a_record_that_others_can_write_is_refused(folder: Folder) -> None:
    folder.record(me(folder))
    folder.running.chmod(0o666)
    with pytest.raises(UnusableFile, match="open to other users"):
        folder.find()


def test_who_only_looks_whether_one_runs_keeps_nobody_from_being_it(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with only_one(folder):
        assert is_taken(folder)
    assert not is_taken(folder)
    looking = os.open(folder.lock, os.O_RDWR)
    fcntl.flock(looking, fcntl.LOCK_SH)

    def stop_looking(_seconds: float) -> None:
        os.close(looking)

    # The look is over when it is tried again.
    monkeypatch.setattr(single.time, "sleep", stop_looking)
    with only_one(folder):
        assert is_taken(folder)


def test_the_second_is_told_who_runs_and_after_a_crash_the_folder_is_free(folder: Folder) -> None:
    command = [sys.executable, "-c", HOLD, str(folder.path.parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning, match="just starting"), only_one(folder):
            pass
        folder.record(me(folder))
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"), only_one(folder):
            pass
        first.kill()
    with only_one(folder):
        assert folder.find() == me(folder)
    assert folder.find() is None
