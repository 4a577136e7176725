"""How a secret is typed, and how somebody is asked before something is done for good."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading

import pytest

from coordination.cli import entrance, place
from coordination.cli.output import Failure

ASK = """
from coordination.cli import entrance
print("got", len(entrance.secret("Token", "COORDINATION_TOKEN")))
"""
AGREE = """
from coordination.cli import entrance
print("agreed", entrance.agreed("Revoke it?", yes=False))
"""


def at_a_terminal(program: str, typed: str) -> str:
    """Run a program at a terminal, type a line as soon as it asks, and return everything that was to be seen."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COORDINATION_TOKEN": "", "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    dead = threading.Timer(30, running.kill)
    dead.start()
    try:
        answered = False
        while chunk := _read(ours):
            seen += chunk
            if not answered and (b"Token: " in seen or b"[y/N]" in seen):
                os.write(ours, f"{typed}\n".encode())
                answered = True
    finally:
        dead.cancel()
        os.close(ours)
        running.wait()
    return seen.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        # Its other end was closed.
        return b""


def test_a_secret_that_is_typed_is_not_to_be_seen() -> None:
    seen = at_a_terminal(ASK, "coord_secret")
    assert "got 12" in seen
    assert "coord_secret" not in seen


@pytest.mark.parametrize(("typed", "agreed"), [("y", True), ("", False)])
def test_nothing_is_done_for_good_unless_somebody_says_yes(typed: str, agreed: bool) -> None:
    seen = at_a_terminal(AGREE, typed)
    assert f"agreed {agreed}" in seen
    assert ("Nothing was changed." in seen) is not agreed


def test_a_secret_can_stand_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COORDINATION_TOKEN", " coord_secret\n")
    assert entrance.secret("Token", place.TOKEN_VARIABLE) == "coord_secret"


@pytest.mark.parametrize("name", ["", "a b", "a__b", "_a", "a/b"])
def test_what_can_be_no_name_is_told_with_its_option(name: str) -> None:
    entrance.check_name("--session", None)
    with pytest.raises(Failure, match="--session must be"):
        entrance.check_name("--session", name)
