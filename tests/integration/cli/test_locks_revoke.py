"""`coord locks` and `coord revoke` against the running application."""

from __future__ import annotations

import io
import shlex

import pytest

from coordination.domain.file_lock import Operation
from tests.integration.cli.running import Coord, Running


async def locked(coord: Coord) -> list[str]:
    return [lock["path"] for lock in (await coord("locks", "demo", "--json")).json["locks"]]


async def test_locks_are_listed_with_holder_operation_time_left_and_reason(
    service: Running, coord: Coord
) -> None:
    await service.claim(service.agent("impl_a"), "src/b.py", reason="the [bold]parser[/bold]")
    await service.claim(service.agent("impl_b"), "src/a.py", operation=Operation.READ)
    lines = (await coord("locks")).out.splitlines()
    assert lines[0].split() == ["src/a.py", "read", "alice/impl_b", "14", "min", "left"]
    assert lines[1].split()[:3] == ["src/b.py", "write", "alice/impl_a"]
    assert lines[2].strip() == '"the [bold]parser[/bold]"'


async def test_without_a_lock_it_says_so(service: Running, coord: Coord) -> None:
    await service.report(service.agent("planner"), "t1", 1, "x")
    assert (await coord("locks")).out == "No file is locked in session demo.\n"


async def test_before_the_first_session_there_is_no_lock_and_that_is_no_failure(coord: Coord) -> None:
    answer = await coord("locks")
    assert (answer.exit_code, answer.out.splitlines()[0]) == (
        0,
        "No file is locked: no session was begun yet.",
    )
    assert (await coord("locks", "--json")).json == {"session": None, "locks": []}


async def test_paths_are_revoked_and_shown(service: Running, coord: Coord) -> None:
    await service.claim(service.agent("impl_a"), "a.py", "b.py", "c.py")
    answer = await coord("revoke", "demo", "./a.py", "b.py", "--yes")
    assert answer.exit_code == 0
    assert "Taken: 2 lock(s)" in answer.out
    assert "a.py" in answer.out
    assert await locked(coord) == ["c.py"]


async def test_a_single_path_is_revoked_in_the_only_active_session(service: Running, coord: Coord) -> None:
    await service.claim(service.agent("impl_a"), "a.py", "b.py")
    answer = await coord("revoke", "a.py", "--yes", "--json")
    assert [lock["path"] for lock in answer.json["revoked"]] == ["a.py"]
    assert await locked(coord) == ["b.py"]


@pytest.mark.parametrize("agent", ["impl_a", "alice/impl_a"])
async def test_the_locks_of_one_agent_are_revoked(service: Running, coord: Coord, agent: str) -> None:
    await service.claim(service.agent("impl_a"), "a.py", "b.py")
    await service.claim(service.agent("impl_b"), "c.py")
    assert (await coord("revoke", "--agent", agent, "--yes")).exit_code == 0
    assert await locked(coord) == ["c.py"]


async def test_all_locks_are_revoked(service: Running, coord: Coord) -> None:
    await service.claim(service.agent("impl_a"), "a.py")
    await service.claim(service.agent("impl_b"), "c.py")
    assert (await coord("revoke", "demo", "--all", "--yes")).exit_code == 0
    assert await locked(coord) == []


@pytest.mark.parametrize(
    ("typed", "left"), [("y\n", []), ("n\n", ["a.py"]), ("\n", ["a.py"]), ("", ["a.py"])]
)
async def test_a_person_is_asked_first_and_silence_means_no(
    service: Running, coord: Coord, monkeypatch: pytest.MonkeyPatch, typed: str, left: list[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    await service.claim(service.agent("impl_a"), "a.py")
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    answer = await coord("revoke", "demo", "a.py")
    assert "a.py" in answer.out
    assert "Take 1 lock(s)" in answer.err
    assert answer.exit_code == (1 if left else 0)
    assert await locked(coord) == left


async def test_where_nobody_can_be_asked_nothing_is_taken(
    service: Running, coord: Coord, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.claim(service.agent("impl_a"), "a.py")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    for words in (["revoke", "demo", "a.py"], ["revoke", "demo", "a.py", "--json"]):
        answer = await coord(*words)
        assert answer.exit_code == 2
        assert "--yes" in answer.out + answer.err
    assert await locked(coord) == ["a.py"]


@pytest.mark.parametrize(
    "words",
    [
        ["revoke", "demo"],
        ["revoke"],
        ["revoke", "demo", "a.py", "--all"],
        ["revoke", "demo", "--all", "--agent", "impl_a"],
    ],
)
async def test_a_command_that_does_not_say_what_to_take_takes_nothing(
    service: Running, coord: Coord, words: list[str]
) -> None:
    await service.claim(service.agent("impl_a"), "a.py")
    answer = await coord(*words, "--yes")
    assert answer.exit_code == 2
    assert await locked(coord) == ["a.py"]


async def test_an_agent_that_is_not_there_is_refused(service: Running, coord: Coord) -> None:
    await service.claim(service.agent("impl_a"), "a.py")
    answer = await coord("revoke", "demo", "--agent", "nobody", "--yes")
    assert answer.exit_code == 4
    assert "no agent nobody" in answer.err
    assert await locked(coord) == ["a.py"]


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a\x00b"])
async def test_a_path_that_cannot_be_is_refused(service: Running, coord: Coord, path: str) -> None:
    await service.claim(service.agent("impl_a"), "a.py")
    assert (await coord("revoke", "demo", path)).exit_code == 2
    assert (await coord("revoke", "demo", path, "--yes")).exit_code == 4
    assert await locked(coord) == ["a.py"]


async def test_a_path_that_is_not_locked_is_named_with_the_session_to_look_at(
    service: Running, coord: Coord
) -> None:
    await service.claim(service.agent("impl_a"), "a.py", "b.py")
    answer = await coord("revoke", "demo", "src/app.py", "--yes")
    lines = answer.out.splitlines()
    assert (answer.exit_code, lines[0]) == (0, "src/app.py is not locked in session demo.")
    assert shlex.split(lines[-1])[-2:] == ["locks", "demo"]
    partly = await coord("revoke", "demo", "a.py", "src/app.py", "--yes")
    assert "Taken: 1 lock(s)" in partly.out
    assert "src/app.py is not locked in session demo." in partly.out
    assert "a.py is not locked" not in partly.out.replace("src/app.py", "")
    gone = await coord("revoke", "demo", "./a.py", "b.py", "--yes", "--json")
    assert gone.json["not_locked"] == ["a.py"]
    unasked = await coord("revoke", "demo", "src/app.py")
    assert (unasked.exit_code, unasked.out.splitlines()[0]) == (0, lines[0])


async def test_an_agent_and_a_session_without_locks_are_named(service: Running, coord: Coord) -> None:
    await service.claim(service.agent("impl_b"), "b.py")
    await service.report(service.agent("impl_a"), "t1", 1, "x")
    said = (await coord("revoke", "demo", "--agent", "impl_a", "--yes")).out
    assert said.startswith("alice/impl_a has no lock in session demo.\n")
    said = (await coord("revoke", "demo", "b.py", "--agent", "impl_a", "--yes")).out
    assert said.startswith("b.py is not locked by alice/impl_a in session demo.\n")
    await coord("revoke", "demo", "--all", "--yes")
    assert (await coord("revoke", "demo", "--all", "--yes")).out.startswith(
        "Nothing is locked in session demo.\n"
    )
