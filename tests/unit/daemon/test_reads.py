"""Whether a file is still as an agent knows it, on a real disk."""

import os
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.reads import MOST_HASHED, Changed, Reads
from coordination.daemon.state import State
from coordination.daemon.state_file import StateUnusable


@pytest.fixture
def reads(state: State) -> Reads:
    return Reads(state)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "a.py"
    made.write_bytes(b"1")
    return made


def reader(agent: LocalAgent) -> str:
    """The conversation of an agent."""
    return f"{agent.session}/{agent.id}"


def put(file: Path, content: bytes) -> None:
    """Change a file as somebody does whom no hook sees."""
    file.write_bytes(content)


def remove(file: Path) -> None:
    file.unlink()


def replace_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


async def read(reads: Reads, agent: LocalAgent, file: Path) -> None:
    await reads.before_read(reader(agent), file)
    await reads.after_read(reader(agent), file)


async def write(reads: Reads, agent: LocalAgent, file: Path, content: bytes) -> None:
    put(file, content)
    await reads.after_write(reader(agent), file, agent)


async def test_a_file_that_nobody_touched_has_not_changed(
    reads: Reads, first: LocalAgent, file: Path
) -> None:
    await read(reads, first, file)
    assert await reads.changed(reader(first), file) is None


async def test_what_an_agent_never_read_cannot_have_changed_for_it(
    reads: Reads, first: LocalAgent, second: LocalAgent, file: Path
) -> None:
    await read(reads, second, file)
    put(file, b"2")
    assert await reads.changed(reader(first), file) is None
    assert await reads.changed(reader(replace(second, session="other")), file) is None


async def test_who_changed_it_is_told(
    reads: Reads, first: LocalAgent, second: LocalAgent, file: Path
) -> None:
    await read(reads, first, file)
    await read(reads, second, file)
    await write(reads, second, file, b"2")
    changed = await reads.changed(reader(first), file)
    assert changed is not None
    assert changed.by == "alice/impl_b"
    assert await reads.changed(reader(second), file) is None


async def test_reading_it_again_makes_it_known(
    reads: Reads, first: LocalAgent, second: LocalAgent, file: Path
) -> None:
    await read(reads, first, file)
    await write(reads, second, file, b"2")
    await read(reads, first, file)
    assert await reads.changed(reader(first), file) is None


async def test_an_agent_knows_what_it_wrote_itself(reads: Reads, first: LocalAgent, file: Path) -> None:
    await read(reads, first, file)
    await write(reads, first, file, b"2")
    assert await reads.changed(reader(first), file) is None
    await write(reads, first, file, b"3")
    assert await reads.changed(reader(first), file) is None


async def test_a_change_by_nobody_known_has_the_time_of_the_file(
    reads: Reads, first: LocalAgent, second: LocalAgent, file: Path
) -> None:
    await write(reads, second, file, b"2")
    await read(reads, first, file)
    put(file, b"3")
    os.utime(file, (1000, 1000))
    assert await reads.changed(reader(first), file) == Changed(None, 1000.0)
    assert await reads.changed(reader(second), file) == Changed(None, 1000.0)


async def test_a_change_between_the_two_looks_at_a_read_counts(
    reads: Reads, first: LocalAgent, file: Path
) -> None:
    await reads.before_read(reader(first), file)
    put(file, b"2")
    await reads.after_read(reader(first), file)
    assert await reads.changed(reader(first), file) is not None


async def test_of_two_reads_at_once_no_change_is_missed(reads: Reads, first: LocalAgent, file: Path) -> None:
    await reads.before_read(reader(first), file)
    await reads.before_read(reader(first), file)
    await reads.after_read(reader(first), file)
    put(file, b"2")
    await reads.after_read(reader(first), file)
    assert await reads.changed(reader(first), file) is not None


async def test_a_read_of_which_only_the_end_was_seen_counts(
    reads: Reads, first: LocalAgent, file: Path
) -> None:
    await reads.after_read(reader(first), file)
    assert await reads.changed(reader(first), file) is None
    put(file, b"2")
    assert await reads.changed(reader(first), file) is not None


async def test_after_its_own_write_an_earlier_read_does_not_come_back(
    reads: Reads, first: LocalAgent, file: Path
) -> None:
    await read(reads, first, file)
    await write(reads, first, file, b"2")
    await reads.after_read(reader(first), file)
    assert await reads.changed(reader(first), file) is None


async def test_the_same_content_again_is_no_change(reads: Reads, first: LocalAgent, file: Path) -> None:
    await read(reads, first, file)
    remove(file)
    put(file, b"1")
    os.utime(file, (1000, 1000))
    assert await reads.changed(reader(first), file) is None


async def test_that_it_was_removed_or_made_is_a_change(reads: Reads, first: LocalAgent, file: Path) -> None:
    await read(reads, first, file)
    remove(file)
    os.utime(file.parent, (1000, 1000))
    assert await reads.changed(reader(first), file) == Changed(None, 1000.0)
    await reads.after_write(reader(first), file, first)
    assert await reads.changed(reader(first), file) is None
    put(file, b"")
    assert await reads.changed(reader(first), file) is not None


async def test_two_ways_to_a_file_are_one(reads: Reads, first: LocalAgent, file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file.parent)
    await read(reads, first, link / "a.py")
    put(file, b"2")
    assert await reads.changed(reader(first), file) is not None


async def test_a_large_file_is_known_by_its_content_up_to_the_bound(
    reads: Reads, first: LocalAgent, file: Path
) -> None:
    os.truncate(file, 1024 * 1024)
    await read(reads, first, file)
    os.utime(file, (1000, 1000))
    assert await reads.changed(reader(first), file) is None
    os.truncate(file, MOST_HASHED + 1)
    await read(reads, first, file)
    assert await reads.changed(reader(first), file) is None
    os.utime(file, (2000, 2000))
    assert await reads.changed(reader(first), file) == Changed(None, 2000.0)


async def test_a_pipe_is_not_waited_for(reads: Reads, first: LocalAgent, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    await read(reads, first, tmp_path / "pipe")
    assert await reads.changed(reader(first), tmp_path / "pipe") is None


async def test_a_file_that_became_a_folder_has_changed_and_stays_open_for_nobody(
    reads: Reads, first: LocalAgent, file: Path
) -> None:
    await reads.after_read(reader(first), file)
    replace_by_folder(file)
    before = psutil.Process().num_fds()
    for _ in range(20):
        assert await reads.changed(reader(first), file) is not None
    assert psutil.Process().num_fds() == before


async def test_what_was_read_before_a_restart_is_known_after_it(
    reads: Reads, state: State, first: LocalAgent, file: Path, tmp_path: Path
) -> None:
    await read(reads, first, file)
    state.close()
    again = State(tmp_path / "state.sqlite")
    assert await Reads(again).changed(reader(first), file) is None
    put(file, b"2")
    assert await Reads(again).changed(reader(first), file) is not None
    again.close()


async def test_what_cannot_be_kept_is_known_all_the_same(
    reads: Reads, state: State, first: LocalAgent, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StateUnusable("the disk is full")

    await read(reads, first, file)
    with monkeypatch.context() as patch:
        patch.setattr(state._file, "write", full)
        put(file, b"2")
        await read(reads, first, file)
        assert await reads.changed(reader(first), file) is None
        await write(reads, first, file, b"3")
    assert await reads.changed(reader(first), file) is None
    put(file, b"4")
    assert await reads.changed(reader(first), file) is not None
    await read(reads, first, file)
    assert await Reads(state).changed(reader(first), file) is None
