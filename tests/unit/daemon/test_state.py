"""What the daemon knows survives its restart, stays bounded, and is begun anew when its file is broken."""

import os
import re
import sqlite3
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from coordination.daemon import state_file
from coordination.daemon.local_agent import LocalAgent, TerminalKey
from coordination.daemon.state import KnownTerminal, State
from coordination.daemon.state_file import KEPT_SECONDS, MOST_ROWS, PRUNED_AFTER, StateUnusable


def reopened(state: State, folder: Path) -> State:
    state.close()
    return State(folder / "state.sqlite")


def run(folder: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(folder / "state.sqlite", isolation_level=None)
    connection.execute(statement, values)
    connection.close()


def age(folder: Path, seconds: float) -> None:
    """Make everything older than it is."""
    for table in MOST_ROWS:
        run(folder, f"UPDATE {table} SET at = at - ?", seconds)  # noqa: S608 - the names of our own tables


def test_names_are_found_again_after_a_restart(state: State, first: LocalAgent, tmp_path: Path) -> None:
    sub = replace(first, name="impl_a.explore-1", subagent="ag1", parent="impl_a")
    state.keep_name(first, "claude-1")
    state.keep_name(sub)
    again = reopened(state, tmp_path)
    assert again.name_in_claude_session("demo", "claude-1") == "impl_a"
    assert again.name_in_terminal("demo", first.terminal) == "impl_a"
    assert again.name_of_subagent("demo", "impl_a", "ag1") == "impl_a.explore-1"
    assert again.names("demo") == {"impl_a", "impl_a.explore-1"}
    assert again.problem == ""
    again.close()


def test_a_name_is_that_of_one_session_and_one_key(state: State, first: LocalAgent) -> None:
    state.keep_name(first, "claude-1")
    assert state.name_in_claude_session("other", "claude-1") is None
    assert state.name_in_claude_session("demo", "claude-2") is None
    assert state.name_in_terminal("demo", TerminalKey(first.terminal.pid, "9.99")) is None
    assert state.name_of_subagent("demo", "impl_a", "claude-1") is None
    assert state.names("other") == frozenset()


def test_the_last_name_counts(state: State, first: LocalAgent) -> None:
    state.keep_name(first, "claude-1")
    state.keep_name(replace(first, name="impl_z"), "claude-1")
    assert state.name_in_claude_session("demo", "claude-1") == "impl_z"


def test_terminals_are_known_with_their_sessions_in_order(
    state: State, first: LocalAgent, tmp_path: Path
) -> None:
    other = TerminalKey(11, "2.25")
    for key, claude in ((first.terminal, "b"), (other, "c"), (first.terminal, "a"), (first.terminal, "b")):
        state.keep_terminal(key, claude)
    again = reopened(state, tmp_path)
    assert set(again.terminals()) == {KnownTerminal(first.terminal, ("a", "b")), KnownTerminal(other, ("c",))}
    again.forget_terminal(first.terminal)
    assert again.terminals() == (KnownTerminal(other, ("c",)),)
    again.close()


def test_what_was_read_and_written_is_known_by_reader_and_path(
    state: State, first: LocalAgent, second: LocalAgent, tmp_path: Path
) -> None:
    state.keep_read(first.id, "/a\udcff", b"1")
    state.keep_read(first.id, "/a\udcff", b"2")
    state.keep_write(second, "/a\udcff", b"3")
    again = reopened(state, tmp_path)
    assert again.digest_read(first.id, "/a\udcff") == b"2"
    assert again.digest_read(second.id, "/a\udcff") is None
    assert again.digest_read(first.id, "/b") is None
    written = again.last_write("/a\udcff")
    assert written is not None
    assert (written.digest, written.session, written.agent) == (b"3", "demo", "alice/impl_b")
    assert again.last_write("/b") is None
    again.close()


def test_what_is_older_than_two_weeks_goes_and_what_is_used_stays(
    state: State, first: LocalAgent, tmp_path: Path
) -> None:
    state.keep_name(first, "claude-1")
    state.keep_terminal(first.terminal, "claude-1")
    state.keep_read(first.id, "/a", b"1")
    state.keep_write(first, "/a", b"1")
    age(tmp_path, KEPT_SECONDS - 60)
    assert state.name_in_claude_session("demo", "claude-1") == "impl_a"
    age(tmp_path, 120)
    again = reopened(state, tmp_path)
    assert again.name_in_claude_session("demo", "claude-1") == "impl_a"
    assert again.name_in_terminal("demo", first.terminal) is None
    assert (again.terminals(), again.digest_read(first.id, "/a"), again.last_write("/a")) == ((), None, None)
    again.close()


def test_the_oldest_go_when_there_are_too_many(
    tmp_path: Path, first: LocalAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(state_file.MOST_ROWS, "reads", 10)
    state = State(tmp_path / "state.sqlite")
    for number in range(PRUNED_AFTER):
        state.keep_read(first.id, f"/{number}", b"1")
    kept = [number for number in range(PRUNED_AFTER) if state.digest_read(first.id, f"/{number}")]
    assert len(kept) < 20
    assert PRUNED_AFTER - 1 in kept
    state.close()


def test_the_file_is_for_its_owner_alone(state: State, first: LocalAgent, tmp_path: Path) -> None:
    state.keep_name(first)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert set(modes) == {"state.sqlite", "state.sqlite-wal", "state.sqlite-shm"}
    assert set(modes.values()) == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").touch(0o644)
    State(tmp_path / "state.sqlite").close()
    assert stat.S_IMODE((tmp_path / "state.sqlite").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_broken_file_is_set_aside_and_begun_anew(tmp_path: Path, first: LocalAgent, content: bytes) -> None:
    file = tmp_path / "state.sqlite"
    file.write_bytes(content)
    state = State(file)
    assert re.search("broken.*set aside as state.sqlite.broken.*begun anew", state.problem)
    assert (tmp_path / "state.sqlite.broken").read_bytes() == content
    state.keep_name(first, "claude-1")
    again = reopened(state, tmp_path)
    assert again.name_in_claude_session("demo", "claude-1") == "impl_a"
    assert again.problem == ""
    again.close()


def test_a_file_of_another_version_is_begun_anew(state: State, first: LocalAgent, tmp_path: Path) -> None:
    state.keep_name(first, "claude-1")
    state.close()
    run(tmp_path, "PRAGMA user_version=99")
    again = State(tmp_path / "state.sqlite")
    assert "version 99" in again.problem
    assert again.names("demo") == frozenset()
    again.close()


def test_a_file_that_breaks_while_it_is_open_is_begun_anew(
    state: State, first: LocalAgent, tmp_path: Path
) -> None:
    for number in range(500):
        state.keep_read(first.id, f"/{number}", b"1" * 100)
    state.close()
    state = State(tmp_path / "state.sqlite")
    # Else the pages that it remembers would do.
    state._file._connection.execute("PRAGMA shrink_memory")
    with (tmp_path / "state.sqlite").open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        file.write(b"\xff" * size)
    assert state.digest_read(first.id, "/3") is None
    assert "begun anew" in state.problem
    state.keep_read(first.id, "/3", b"2")
    assert state.digest_read(first.id, "/3") == b"2"
    state.close()


def test_a_file_that_cannot_be_had_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(StateUnusable, match="cannot be opened"):
        State(tmp_path / "gone" / "state.sqlite")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateUnusable, match="cannot be opened"):
        State(tmp_path / "link")


def test_a_file_that_is_in_use_is_not_set_aside(state: State, first: LocalAgent, tmp_path: Path) -> None:
    state.keep_read(first.id, "/a", b"1")
    other = sqlite3.connect(tmp_path / "state.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StateUnusable, match="locked"):
        state.keep_read(first.id, "/a", b"2")
    other.execute("ROLLBACK")
    other.close()
    assert state.digest_read(first.id, "/a") == b"1"
    assert state.problem == ""


def test_threads_may_write_at_once(state: State, first: LocalAgent) -> None:
    failed: list[BaseException] = []

    def write(part: int) -> None:
        try:
            for number in range(100):
                state.keep_read(first.id, f"/{part}/{number}", b"1")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert all(state.digest_read(first.id, f"/{part}/{number}") for part in range(4) for number in range(100))
