"""A login stays usable: renewed in time, by one terminal at a time, and never taken for over while it is not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from coordination.client import fresh_login, login_file, supabase_login
from coordination.client.errors import RequestRefused, ServiceUnavailable
from coordination.client.fresh_login import MARGIN_SECONDS
from coordination.client.login_file import Login, Refreshable
from coordination.client.supabase_login import Project
from tests.supabase.project import API_KEY, SupabaseProject

SERVICE = "https://team.example.org"
ROOT = Path(__file__).parents[3]
TERMINAL = """
import asyncio, pathlib, sys
from coordination.client import fresh_login, login_file
folder = pathlib.Path(sys.argv[1])
login = login_file.read(folder)
print("read", flush=True)
sys.stdin.readline()
print(asyncio.run(fresh_login.fresh(folder, login)).supabase.access_token)
"""


@pytest.fixture
async def login(supabase: SupabaseProject, tmp_path: Path) -> Login:
    """A login that is written down and has to be renewed."""
    project = Project(supabase.url, API_KEY)
    await supabase_login.send_code(project, "ann@example.org")
    session = await supabase_login.verify_code(
        project, "ann@example.org", supabase.log_in.codes["ann@example.org"]
    )
    due = Login(SERVICE, user="ann", supabase=replace(session, expires_at=time.time() + MARGIN_SECONDS - 1))
    login_file.write(tmp_path, due)
    return due


def _session(login: Login | None) -> Refreshable:
    assert login is not None
    assert login.supabase is not None
    return login.supabase


async def test_a_token_of_the_service_is_sent_as_it_is(tmp_path: Path) -> None:
    plain = Login(SERVICE, token="coord_" + "x" * 43)
    assert fresh_login.credential(plain) == plain.token
    assert await fresh_login.fresh(tmp_path, plain, refused=plain.token or "") == plain


async def test_a_session_that_is_good_for_a_while_is_left_alone(
    login: Login, supabase: SupabaseProject, tmp_path: Path
) -> None:
    good = replace(login, supabase=replace(_session(login), expires_at=time.time() + MARGIN_SECONDS + 60))
    assert fresh_login.credential(good) == _session(login).access_token
    assert await fresh_login.fresh(tmp_path, good) == good
    assert supabase.log_in.spent == 0


async def test_a_session_is_renewed_before_it_ends_and_written_down(login: Login, tmp_path: Path) -> None:
    assert fresh_login.credential(login) is None
    other = Login("https://other.example.org", token="coord_" + "x" * 43)
    login_file.write(tmp_path, other)
    renewed = await fresh_login.fresh(tmp_path, login)
    assert _session(renewed).refresh_token != _session(login).refresh_token
    assert renewed.user == "ann"
    assert login_file.read(tmp_path, SERVICE) == renewed
    assert login_file.read(tmp_path) == other, "which login is the default stays as it was"


async def test_what_another_terminal_renewed_is_taken_as_it_is(
    login: Login, supabase: SupabaseProject, tmp_path: Path
) -> None:
    first = await fresh_login.fresh(tmp_path, login)
    assert await fresh_login.fresh(tmp_path, login) == first
    assert supabase.log_in.spent == 1


async def test_what_the_service_refused_is_renewed_although_it_should_live(
    login: Login, supabase: SupabaseProject, tmp_path: Path
) -> None:
    first = await fresh_login.fresh(tmp_path, login)
    second = await fresh_login.fresh(tmp_path, first, refused=_session(first).access_token)
    assert _session(second).refresh_token != _session(first).refresh_token
    # Another terminal that heard the same has it from the file.
    assert await fresh_login.fresh(tmp_path, first, refused=_session(first).access_token) == second
    assert supabase.log_in.spent == 2


async def test_terminals_that_find_it_due_at_once_spend_one_refresh_token(
    login: Login, supabase: SupabaseProject, tmp_path: Path
) -> None:
    pipe = subprocess.PIPE
    terminals = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", TERMINAL, str(tmp_path)),
            stdin=pipe,
            stdout=pipe,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(2)
    ]
    for terminal in terminals:
        assert terminal.stdout is not None
        assert await terminal.stdout.readline() == b"read\n"
    said = await asyncio.gather(*(terminal.communicate(b"\n") for terminal in terminals))
    assert [terminal.returncode for terminal in terminals] == [0, 0]
    kept = _session(login_file.read(tmp_path)).access_token
    assert [output.decode().strip() for output, _ in said] == [kept, kept]
    assert supabase.log_in.spent == 1


async def test_a_terminal_that_died_before_it_wrote_costs_no_login(login: Login, tmp_path: Path) -> None:
    await supabase_login.renew(_session(login))
    assert await fresh_login.fresh(tmp_path, login)


async def test_a_login_that_is_over_says_how_to_begin_another(login: Login, tmp_path: Path) -> None:
    await supabase_login.end(_session(login))
    with pytest.raises(RequestRefused) as refused:
        await fresh_login.fresh(tmp_path, login)
    assert refused.value.code == supabase_login.ENDED
    assert refused.value.next_call == f"coord login {SERVICE}"
    assert login_file.read(tmp_path) == login


async def test_a_login_that_was_removed_meanwhile_is_not_written_again(login: Login, tmp_path: Path) -> None:
    login_file.forget(tmp_path, SERVICE)
    with pytest.raises(RequestRefused, match="removed"):
        await fresh_login.fresh(tmp_path, login)
    assert login_file.logins(tmp_path) == []


async def test_a_login_that_was_replaced_meanwhile_is_taken(login: Login, tmp_path: Path) -> None:
    other = Login(SERVICE, token="coord_" + "y" * 43)
    login_file.write(tmp_path, other)
    assert await fresh_login.fresh(tmp_path, login) == other


async def test_an_outage_leaves_the_login_as_it_is(
    login: Login, supabase: SupabaseProject, tmp_path: Path
) -> None:
    supabase.away = 503
    with pytest.raises(ServiceUnavailable):
        await fresh_login.fresh(tmp_path, login)
    assert login_file.read(tmp_path) == login
    supabase.away = 0
    assert await fresh_login.fresh(tmp_path, login)


async def test_a_terminal_that_never_ends_its_turn_is_not_waited_for_for_ever(
    login: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh_login, "TURN_SECONDS", 0.0)
    async with fresh_login._turn(tmp_path, SERVICE):
        with pytest.raises(ServiceUnavailable, match="Another terminal"):
            await fresh_login.fresh(tmp_path, login)
    assert await fresh_login.fresh(tmp_path, login), "and the turn was given back"


async def test_services_do_not_wait_for_each_other(login: Login, tmp_path: Path) -> None:
    async with fresh_login._turn(tmp_path, "https://other.example.org"):
        assert await asyncio.wait_for(fresh_login.fresh(tmp_path, login), 20)
