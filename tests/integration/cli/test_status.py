"""`coord status` against the running application."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from coordination.app import running
from coordination.domain.file_lock import Claim, Operation, Wait
from coordination.domain.path import normalise_all
from coordination.repository.identity import session_of
from coordination.store import file_lock as store
from tests.integration.cli.running import Coord, Running, program


async def test_agents_tasks_locks_and_waits_are_shown(service: Running, coord: Coord) -> None:
    await service.claim(service.agent("planner"), "src/app.py", reason="the start")
    await service.report(service.agent("planner"), "t1", 70, "half of it")
    wanted = Claim(normalise_all(["src/app.py"]), Operation.WRITE, 900)
    await store.claim(service.core.database, service.agent("impl_a"), wanted, Wait.QUEUE)
    answer = await coord("status")
    assert answer.exit_code == 0
    assert "Session demo: 2 agent(s), 2 active, 1 lock(s), 1 waiting" in answer.out
    assert "t1  started  ███████░░░ 70%" in answer.out
    assert '"half of it"' in answer.out
    assert "min left" in answer.out
    assert "waits  src/app.py for alice/planner" in answer.out
    assert "!" not in answer.out


async def test_the_same_in_json_is_the_status_of_the_service_with_warnings(
    service: Running, coord: Coord
) -> None:
    await service.claim(service.agent("planner"), "src/app.py")
    answer = await coord("status", "demo", "--json")
    found = answer.json
    assert [agent["agent_id"] for agent in found["agents"]] == ["alice/planner"]
    assert found["agents"][0]["locks"][0]["path"] == "src/app.py"
    assert (found["session"], found["service"], found["warnings"]) == ("demo", "ok", [])


async def test_an_agent_that_was_shown_the_tools_long_ago_and_never_called_is_a_warning(
    service: Running, coord: Coord
) -> None:
    await service.claim(service.agent("idle"), "a.py")
    await service.core.database.fetch(
        "UPDATE claude_code_agents SET tools_called_at = NULL, tools_listed_at = now() - interval '9 minutes'"
    )
    answer = await coord("status", "--json")
    assert len(answer.json["warnings"]) == 1
    assert "alice/idle was shown the tools 9 min ago and has called none" in answer.json["warnings"][0]
    assert "! alice/idle was shown" in (await coord("status")).out


async def test_a_degraded_service_is_a_warning(own_service: Running, coord: Coord) -> None:
    await own_service.claim(own_service.agent("planner"), "a.py")
    own_service.core.feed._looked_at -= 60
    answer = await coord("status", "--json")
    assert answer.json["service"] == "degraded"
    assert "degraded" in answer.json["warnings"][0]


async def test_one_agent_can_be_looked_at(service: Running, coord: Coord) -> None:
    await service.claim(service.agent("impl_a"), "a.py")
    await service.claim(service.agent("impl_b"), "b.py")
    answer = await coord("status", "--agent", "impl_b", "--json")
    assert [agent["name"] for agent in answer.json["agents"]] == ["impl_b"]


async def test_before_the_first_session_it_says_how_to_begin_one(coord: Coord) -> None:
    answer = await coord("status")
    assert (answer.exit_code, answer.err) == (0, "")
    assert "no session was begun yet" in answer.out
    assert "connect demo" in answer.out
    assert (await coord("status", "--json")).json == {
        "session": None,
        "agents": [],
        "service": "ok",
        "warnings": [],
    }


@pytest.mark.parametrize("command", ["status", "locks", "watch"])
async def test_with_several_active_sessions_one_has_to_be_named(
    service: Running, coord: Coord, command: str
) -> None:
    await service.claim(service.agent("planner", "one"), "a.py")
    await service.claim(service.agent("planner", "two"), "a.py")
    answer = await coord(command)
    assert answer.exit_code == 2
    assert "2 active sessions: one, two" in answer.err
    lines = [line.strip() for line in answer.err.splitlines() if line.startswith("  ")]
    assert [shlex.split(line)[-2:] for line in lines] == [[command, "one"], [command, "two"]]
    await coord("sessions", "close", "one")
    assert (await coord("status", "--json")).json["session"] == "two"


async def test_of_several_active_sessions_that_of_the_working_folder_is_meant(
    service: Running, coord: Coord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    mine = session_of(tmp_path)
    for session in ("another", mine):
        await service.claim(service.agent("impl_a", session), "a.py")
    monkeypatch.chdir(tmp_path)
    assert (await coord("status", "--json")).json["session"] == mine
    await coord("sessions", "close", mine)
    assert (await coord("status", "--json")).json["session"] == "another"


async def test_of_many_active_sessions_five_are_offered_each_with_all_that_was_typed(
    service: Running, coord: Coord
) -> None:
    for number in range(7):
        await service.claim(service.agent("planner", f"s{number}"), "a.py")
    answer = await coord("send", "Lunch, at noon.", "--to", "impl_a")
    lines = [line.strip() for line in answer.err.splitlines() if line.startswith("  ")]
    expected = [["send", f"s{number}", "Lunch, at noon.", "--to", "impl_a"] for number in range(5)]
    assert [shlex.split(line)[-5:] for line in lines[:-1]] == expected
    assert shlex.split(lines[-1])[-1] == "sessions"


async def test_beside_a_silent_port_the_one_that_answers_is_named_with_the_line_that_asks_it(
    service: Running, coord: Coord, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.claim(service.agent("planner"), "src/app.py")
    answering = service.environment["PORT"]
    folder = Path(service.environment["COORDINATION_DATA_DIR"])
    started = running.started_at(os.getpid())
    assert started is not None
    record = running.RunningService(
        os.getpid(), started, service.url, int(answering), "own", None, False, "1"
    )
    running.record(folder, record)
    try:
        monkeypatch.setenv("PORT", "1")
        answer = await coord("locks", "demo", "--json")
        assert (answer.exit_code, answer.json["error"]["code"]) == (3, "unreachable")
        (line,) = [line for line in answer.json["error"]["mend"].splitlines() if f"port {answering}" in line]
        done = await asyncio.to_thread(
            subprocess.run, ["sh", "-c", line.partition(": ")[2]], capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout)["locks"][0]["path"] == "src/app.py"
        connected = await coord("connect", "demo", "--print")
        assert shlex.split(connected.err.partition(": ")[2]) == [
            *shlex.split(line.partition(": ")[2])[:-3],
            "connect",
            "demo",
            "--print",
        ]
        examined = await coord("doctor", "--json")
        (check,) = [check for check in examined.json["checks"] if check["name"] == "service"]
        assert f"PORT={answering}" in check["mend"]
    finally:
        running.forget(folder, os.getpid())


@pytest.mark.parametrize("session", ["nowhere", "../x", "a b", "x" * 300, "\u202e", "", ".", "..", "%2e"])
@pytest.mark.parametrize("command", ["status", "sessions close"])
async def test_a_session_that_is_not_there_is_refused(coord: Coord, command: str, session: str) -> None:
    answer = await coord(*command.split(), session, "--json")
    assert answer.exit_code == 4
    assert answer.json["error"]["code"] == "not_found"


async def test_a_session_may_be_called_by_dots(service: Running, coord: Coord) -> None:
    await service.claim(service.agent("planner", ".."), "a.py")
    assert (await coord("status", "..", "--json")).json["session"] == ".."


async def test_an_agent_that_is_not_there_is_not_shown_as_an_empty_session(
    service: Running, coord: Coord
) -> None:
    await service.claim(service.agent("impl_a"), "a.py")
    answer = await coord("status", "demo", "--agent", "nobody")
    assert (answer.exit_code, answer.out) == (4, "")
    assert answer.err.startswith("There is no agent nobody in session demo.\n")
    assert shlex.split(answer.err)[-3:] == ["status", "demo", "--all"]


async def test_what_the_terminal_cannot_show_is_still_json(service: Running) -> None:
    await service.claim(service.agent("impl_a"), "\u00e9\u2192.py")
    environment = {**os.environ, **service.environment, "PYTHONIOENCODING": "ascii"}
    for words in (["status", "demo", "--json"], ["watch", "demo", "--once", "--json"]):
        done = await asyncio.to_thread(
            subprocess.run, [*program(), *words], env=environment, capture_output=True, text=True, check=False
        )
        assert json.loads(done.stdout)["agents"][0]["locks"][0]["path"] == "\u00e9\u2192.py", done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["status", "demo"],
        ["watch", "demo", "--once"],
        ["locks", "demo"],
        ["sessions"],
        ["send", "demo", "hello"],
        ["revoke", "demo", "--all", "--yes"],
    ],
)
def test_a_service_that_does_not_run_is_never_all_clear(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from coordination.cli import run  # noqa: PLC0415 - as the program does, after the environment is set

    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("COORDINATION_DATA_DIR", str(tmp_path))
    assert run(words) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "No service answers at http://127.0.0.1:1." in printed.err
    assert "it is not known who is here and who holds what" in printed.err
    assert "coord up" in printed.err


@pytest.mark.parametrize("words", [["plan", "demo"], ["tasks", "demo"], ["prompt", "impl_a", "demo"]])
def test_without_a_service_it_is_not_known_what_was_asked(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from coordination.cli import run  # noqa: PLC0415 - as above

    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("COORDINATION_DATA_DIR", str(tmp_path))
    assert run(words) == 3
    told = capsys.readouterr().err
    assert "it is not known who is to do what" in told
    assert "who holds what" not in told


async def test_a_service_without_its_database_is_never_all_clear(own_service: Running, coord: Coord) -> None:
    await own_service.claim(own_service.agent("planner"), "a.py")
    own_service.move_database("postgresql://nobody@127.0.0.1:9/nowhere")
    for words in (["status", "demo"], ["locks", "demo"], ["sessions"]):
        answer = await coord(*words)
        assert (answer.exit_code, answer.out) == (3, "")
        assert "not known who is here" in answer.err
        assert "coord doctor" in answer.err or "doctor" in answer.err


async def test_a_name_that_no_session_can_have_is_told_as_such(service: Running, coord: Coord) -> None:
    await service.claim(service.agent("impl_a"), "a.py")
    answer = await coord("status", "a/b", "--json")
    assert (answer.exit_code, answer.json["error"]["code"]) == (4, "not_found")
    assert answer.json["error"]["message"] == 'There is no session "a/b": its name cannot hold a slash.'
    assert answer.json["error"]["mend"].endswith(" sessions")


@pytest.mark.parametrize(
    "words",
    [
        ["status", "demo"],
        ["watch", "demo", "--once"],
        ["locks", "demo"],
        ["send", "demo", "hello"],
        ["revoke", "demo", "a.py", "--yes"],
        ["sessions", "close", "demo"],
        ["sessions", "set", "demo", "--across-checkouts", "block"],
    ],
)
async def test_a_session_that_nobody_joined_yet_is_named_with_how_it_begins(
    coord: Coord, words: list[str]
) -> None:
    answer = await coord(*words)
    lines = answer.err.splitlines()
    assert (answer.exit_code, answer.out) == (4, "")
    assert lines[0] == 'Session "demo" has nobody yet.'
    assert "start claude in the connected folder" in lines[1]
    assert "/mcp" in lines[1]
    assert shlex.split(lines[-1])[-1] == "sessions"


@pytest.mark.parametrize("words", [["status"], ["locks"], ["sessions"], ["watch"]])
async def test_without_any_session_it_is_said_that_the_first_terminal_begins_one(
    coord: Coord, words: list[str]
) -> None:
    answer = await coord(*words)
    assert "start claude in the connected folder" in answer.out + answer.err
