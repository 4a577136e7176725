"""What is read of a file that is none: nothing, and nothing of it stays open."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from coordination.repository.git_folder import GitFolder, git_folder
from coordination.repository.source import read_bounded


def write_long(place: Path) -> None:
    place.write_bytes(b"12345")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, write_long])
def test_of_a_folder_a_pipe_and_a_long_file_nothing_is_read_and_nothing_stays_open(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "odd")
    before = psutil.Process().num_fds()
    assert [read_bounded(tmp_path / "odd", 4) for _ in range(20)] == [None] * 20
    assert psutil.Process().num_fds() == before


def test_a_look_at_a_repository_leaves_nothing_open(tmp_path: Path) -> None:
    own = tmp_path / ".git"
    own.mkdir()
    before = psutil.Process().num_fds()
    assert [git_folder(tmp_path) for _ in range(20)] == [GitFolder(own, own)] * 20
    assert psutil.Process().num_fds() == before
