"""A short folder for sockets, and a hook that is installed in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.daemon.hook import Hook


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of ours whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="hook-") as name:
        yield Path(name)


@pytest.fixture
def hook(folder: Path) -> Hook:
    """A hook that looks for its daemon and its policy in the folder."""
    pinned = {
        "socket": str(folder / "daemon" / "socket"),
        "policy": str(folder / "policy"),
        "coord": str(folder / "coord"),
    }
    return Hook(folder / "hooks", pinned)
