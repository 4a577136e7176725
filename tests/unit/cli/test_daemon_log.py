"""The end of a log, and what comes to it, also when another file takes its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordination.cli import daemon_log


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_log, "LOOK_SECONDS", 0.0)


def test_the_last_lines_are_shown(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert daemon_log.last(log, 5) == []
    log.write_bytes(b"one\ntwo\nthr\xff\n")
    assert daemon_log.last(log, 2) == ["two", "thr\ufffd"]
    assert daemon_log.last(log, 0) == []


def test_what_comes_is_shown_once_it_is_whole_and_a_new_file_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")

    def append(text: str) -> None:
        with log.open("a") as file:
            file.write(text)

    steps = iter(
        [
            lambda: append("half"),
            lambda: append(" a line\nanother\n"),
            lambda: log.rename(tmp_path / "log.1"),
            lambda: log.write_text("fresh\n"),
            lambda: log.write_text(""),
            lambda: log.write_text("cut\n"),
        ]
    )

    def ended() -> bool:
        step = next(steps, None)
        if step is not None:
            step()
        return step is None

    assert list(daemon_log.follow(log, 1, ended)) == ["before", "half a line", "another", "fresh", "cut"]


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    looked = 0

    def ended() -> bool:
        nonlocal looked
        looked += 1
        if looked == 2:
            log.write_text("first\n")
        return looked == 3

    assert list(daemon_log.follow(log, 10, ended)) == ["first"]
