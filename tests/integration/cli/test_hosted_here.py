"""A hosted service and whoever runs it on one machine: `coord` there comes in with the login, as anywhere."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pytest

from coordination.app import running
from coordination.app.running import RunningService
from tests.integration.cli.hosted import Person


@pytest.fixture
def operator(bob: Person) -> Person:
    """Somebody on whose data folder the service runs."""
    url, started = bob.service.url, running.started_at(os.getpid())
    assert started is not None
    port = urlsplit(url).port
    assert port is not None
    record = RunningService(os.getpid(), started, url, port, "embedded", None, False, "1", hosted=True)
    running.record(bob.home / "data" / "coordination", record)
    return bob


async def test_without_a_login_one_is_told_to_log_in(operator: Person) -> None:
    answer = await operator("status")
    assert answer.exit_code == 4
    assert f"You are not logged in at {operator.service.url}.\nLog in: " in answer.err
    assert answer.err.endswith(f"coord login {operator.service.url}\n")


async def test_with_one_the_commands_come_in(operator: Person) -> None:
    await operator.bootstrap()
    answer = await operator.done("status")
    assert "no session was begun yet" in answer.out
    assert f"At {operator.service.url} as bob:" in answer.err


async def test_the_doctor_looks_at_the_machine_and_at_what_the_login_opens(operator: Person) -> None:
    before = {one["name"]: one for one in (await operator("doctor", "--json")).json["checks"]}
    assert before["port"]["state"] == "ok"
    assert before["service"]["state"] == "ok"
    assert before["credential"]["state"] == "skipped"
    assert f"coord login {operator.service.url}" in before["credential"]["found"]
    assert not {"Claude Code (modern)", "Cursor"} & before.keys()
    await operator.bootstrap()
    after = {one["name"]: one["state"] for one in (await operator("doctor", "--json")).json["checks"]}
    assert {after[name] for name in ("port", "credential", "member", "Claude Code (modern)", "Cursor")} == {
        "ok"
    }
