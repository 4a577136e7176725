"""`coord send` and `coord sessions` against the running application."""

from __future__ import annotations

import dataclasses
import shlex

import pytest

from tests.integration.cli.running import Coord, Running


async def test_a_message_reaches_the_agents_it_names(service: Running, coord: Coord) -> None:
    for name in ("impl_a", "impl_b", "planner"):
        await service.claim(service.agent(name), f"{name}.py")
    answer = await coord("send", "demo", "stop, please", "--to", "impl_a", "alice/planner")
    assert answer.exit_code == 0
    assert "Sent to alice/impl_a, alice/planner." in answer.out
    assert await service.read(service.agent("planner")) == ["stop, please"]
    assert await service.read(service.agent("impl_b")) == []


async def test_a_text_alone_goes_to_all_of_the_only_active_session(service: Running, coord: Coord) -> None:
    await service.claim(service.agent("impl_a"), "a.py")
    answer = await coord("send", "--json", "--", "-- hello [b]all[/b]")
    assert answer.json == {"session": "demo", "status": "active", "sent_to": ["alice/impl_a"]}
    assert await service.read(service.agent("impl_a")) == ["-- hello [b]all[/b]"]


async def test_a_message_to_a_stranger_is_refused_with_the_known_names(
    service: Running, coord: Coord
) -> None:
    await service.claim(service.agent("impl_a"), "a.py")
    answer = await coord("send", "demo", "hello", "--to", "nobody")
    assert answer.exit_code == 4
    assert "alice/impl_a" in answer.err
    assert "check_agent_status" not in answer.err


@pytest.mark.parametrize(
    "words",
    [["send"], ["send", "demo", ""], ["send", "demo", "x" * 1001], ["send", "a", "b", "c"], ["send", "demo"]],
)
async def test_a_message_that_cannot_be_is_refused(service: Running, coord: Coord, words: list[str]) -> None:
    await service.claim(service.agent("impl_a"), "a.py")
    assert (await coord(*words)).exit_code == 2
    assert await service.read(service.agent("impl_a")) == []


async def test_whoever_forgets_the_text_is_shown_it_behind_that_session(
    service: Running, coord: Coord
) -> None:
    await service.claim(service.agent("impl_a", "shop"), "a.py")
    for words in (["shop"], ["shop", ""]):
        answer = await coord("send", *words)
        assert answer.err.splitlines()[-1].endswith('coord send shop "Hello."')


async def test_sessions_are_listed_with_their_agents_and_locks(service: Running, coord: Coord) -> None:
    await service.claim(service.agent("planner", "one"), "a.py", "b.py")
    await service.claim(service.agent("planner", "two"), "a.py")
    for words in (["sessions"], ["sessions", "list"]):
        lines = (await coord(*words)).out.splitlines()
        assert [line.split() for line in lines[1:]] == [
            ["one", "active", "1", "2", "warn"],
            ["two", "active", "1", "1", "warn"],
        ]
    answer = await coord("sessions", "--json")
    assert [(found["id"], found["locks"]) for found in answer.json["sessions"]] == [("one", 2), ("two", 1)]


async def test_without_sessions_it_says_how_to_begin_one(coord: Coord) -> None:
    answer = await coord("sessions")
    assert answer.exit_code == 0
    assert "connect demo" in answer.out


async def test_a_session_is_closed_and_configured(service: Running, coord: Coord) -> None:
    await service.claim(service.agent("planner"), "a.py")
    assert "is closed" in (await coord("sessions", "close", "demo")).out
    answer = await coord("sessions", "set", "demo", "--across-checkouts", "block", "--json")
    assert answer.json == {"session": "demo", "status": "closed", "across_checkouts": "block"}
    events = (await coord("watch", "demo", "--once", "--json")).json
    assert events["status"] == "closed"


async def test_closing_a_session_says_what_is_still_there_and_how_to_take_it(
    service: Running, coord: Coord
) -> None:
    await service.claim(service.agent("impl_a"), "a.py", "b.py")
    await service.claim(service.agent("impl_b"), "c.py")
    told = (await coord("sessions", "close", "demo")).out
    assert "3 lock(s) and 2 active agent(s) are still there" in told
    line = told.splitlines()[-1].strip()
    assert line.endswith("revoke demo --all")
    assert (await coord(*shlex.split(line)[-3:], "--yes")).exit_code == 0
    answer = await coord("sessions", "close", "demo", "--json")
    assert (answer.json["status"], answer.json["locks"], answer.json["active"]) == ("closed", 0, 0)
    assert "still there" not in (await coord("sessions", "close", "demo")).out


@pytest.mark.parametrize(
    "words",
    [
        ["sessions", "close"],
        ["sessions", "set", "demo"],
        ["sessions", "set", "demo", "--across-checkouts", "maybe"],
    ],
)
async def test_a_wrong_command_line_is_a_usage_error(coord: Coord, words: list[str]) -> None:
    assert (await coord(*words)).exit_code == 2


async def test_a_session_that_is_not_there_cannot_be_closed(coord: Coord) -> None:
    answer = await coord("sessions", "close", "nowhere", "--json")
    assert (answer.exit_code, answer.json["error"]["code"]) == (4, "not_found")


async def test_blocking_that_is_refused_names_the_session_to_look_at(service: Running, coord: Coord) -> None:
    here, there = (
        dataclasses.replace(service.agent(name), checkout=checkout)
        for name, checkout in (("impl_a", "a" * 12), ("impl_b", "b" * 12))
    )
    await service.claim(service.agent("planner", "other"), "x.py")
    for who in (here, there):
        await service.claim(who, "a.py")
    answer = await coord("sessions", "set", "demo", "--across-checkouts", "block")
    assert answer.exit_code == 4
    line = shlex.split(answer.err.splitlines()[-1])
    assert line[-2:] == ["locks", "demo"]
    assert (await coord(*line[-2:])).exit_code == 0


async def test_whoever_writes_to_a_closed_session_is_told_that_it_is_closed(
    service: Running, coord: Coord
) -> None:
    await service.claim(service.agent("impl_a"), "a.py")
    assert "closed" not in (await coord("send", "demo", "hello")).out
    await coord("sessions", "close", "demo")
    answer = await coord("send", "demo", "hello")
    assert (answer.exit_code, "Session demo is closed" in answer.out) == (0, True)
    assert (await coord("send", "demo", "hello", "--json")).json["status"] == "closed"
