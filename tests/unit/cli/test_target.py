"""Which service a command talks to: what is local stays local, and a credential is for the service beside it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from coordination.app import running
from coordination.app.running import RunningService
from coordination.cli import place, target
from coordination.cli.output import Failure
from coordination.client import login_file
from coordination.client.login_file import Login, Refreshable

ONE, OTHER = "https://one.example.com", "https://other.example.com"
VARIABLES = (
    "COORDINATION_URL",
    "COORDINATION_TOKEN",
    "COORDINATION_WORKSPACE",
    "COORDINATION_CONFIG",
    "PORT",
    "COORDINATION_DATA_DIR",
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def log_in(url: str, workspace: str | None = None) -> None:
    login_file.write(target.folder(), Login(url, workspace, "alice", "coord_kept"))


def meant() -> place.Target:
    return target.meant(place.settings())


def run_locally(*, hosted: bool = False, public_url: str | None = None) -> None:
    pid = os.getpid()
    started = running.started_at(pid)
    assert started is not None
    found = RunningService(pid, started, "http://127.0.0.1:8123", 8123, "own", None, False, "1")
    found = replace(found, hosted=hosted, public_url=public_url)
    running.record(place.settings().data_dir, found)


def test_without_variables_and_logins_it_is_the_local_one() -> None:
    assert meant() == place.local_target(place.settings())
    assert meant().remote is None


def test_a_local_service_that_runs_is_meant_whoever_is_logged_in() -> None:
    log_in(ONE)
    run_locally()
    assert meant().url == "http://127.0.0.1:8123"
    assert meant().remote is None


@pytest.mark.parametrize(("variable", "value"), [("PORT", "8200"), ("COORDINATION_DATA_DIR", "data")])
def test_a_local_service_that_is_named_is_meant_though_it_does_not_run(
    monkeypatch: pytest.MonkeyPatch, home: Path, variable: str, value: str
) -> None:
    log_in(ONE)
    monkeypatch.setenv(variable, str(home / value) if value == "data" else value)
    assert meant().remote is None


def test_else_it_is_the_service_where_one_logged_in_last() -> None:
    log_in(OTHER)
    log_in(ONE, workspace="w1")
    found = meant()
    assert (found.url, found.bearer) == (ONE, "coord_kept")
    # A token is of one workspace.
    assert found.remote == place.Remote("alice", None, True)


def test_a_login_is_the_same_one_however_often_its_session_is_renewed() -> None:
    """The daemon compares it with the one it has, to notice another one."""

    def token(user: str, access: str) -> object:
        session = Refreshable("https://project.example", "key", access, "refresh", 4e9)
        login_file.write(target.folder(), Login(ONE, "w1", user, supabase=session))
        return meant().token

    first = token("alice", "first")
    assert first == token("alice", "second")
    assert first != token("bob", "second")
    assert meant().bearer == "second"


def test_the_variables_name_a_service_though_a_local_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    run_locally()
    log_in(ONE)
    monkeypatch.setenv("COORDINATION_URL", f"{OTHER}/")
    monkeypatch.setenv("COORDINATION_TOKEN", "coord_given")
    found = meant()
    assert (found.url, found.bearer) == (OTHER, "coord_given")
    assert found.remote == place.Remote(None, None, False)


def test_a_service_that_is_named_without_a_token_is_reached_with_the_login_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(ONE)
    log_in(OTHER)
    monkeypatch.setenv("COORDINATION_URL", ONE.upper())
    found = meant()
    assert (found.url, found.bearer) == (ONE, "coord_kept")


def test_a_login_is_never_sent_to_another_service(monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(ONE)
    for url in (OTHER, f"{ONE}.evil.example", f"{ONE}:8443", f"{ONE}/prefix"):
        monkeypatch.setenv("COORDINATION_URL", url)
        assert meant().bearer is None


def test_a_token_without_a_service_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(ONE)
    monkeypatch.setenv("COORDINATION_TOKEN", "coord_given")
    with pytest.raises(Failure, match="does not say for which service") as caught:
        meant()
    assert f"COORDINATION_URL={ONE}" in caught.value.mend


@pytest.mark.parametrize(
    "url", ["example.com", "ftp://example.com", "https://", "https://alice:secret@example.com"]
)
def test_what_is_no_address_of_a_service_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("COORDINATION_URL", url)
    with pytest.raises(Failure) as caught:
        meant()
    assert caught.value.exit_code == 2


def test_the_workspace_is_that_of_the_login_unless_a_variable_names_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = Refreshable("https://x.supabase.co", "key", "jwt", "again", 4e9)
    login = Login(ONE, workspace="w1", user="alice", supabase=session)
    login_file.write(target.folder(), login)
    assert meant().remote == place.Remote("alice", "w1", True)
    assert meant().bearer == "jwt"
    monkeypatch.setenv("COORDINATION_WORKSPACE", "w2")
    # There the person may have another name.
    assert meant().remote == place.Remote(None, "w2", True)


def test_commands_about_logins_need_one_and_do_not_care_what_runs_here() -> None:
    run_locally()
    with pytest.raises(Failure, match="not logged in anywhere") as caught:
        target.hosted()
    assert caught.value.code == "not_logged_in"
    log_in(ONE)
    assert target.hosted().url == ONE
    with pytest.raises(Failure, match=f"not logged in at {OTHER}"):
        target.hosted(OTHER)


def test_a_login_file_that_others_can_read_is_not_used() -> None:
    log_in(ONE)
    (target.folder() / login_file.FILE_NAME).chmod(0o644)
    with pytest.raises(Failure, match="open to other users"):
        meant()


def test_lines_to_paste_keep_the_service_and_the_workspace_and_never_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COORDINATION_URL", ONE)
    monkeypatch.setenv("COORDINATION_WORKSPACE", "w1")
    monkeypatch.setenv("COORDINATION_TOKEN", "coord_given")
    line = place.coord("status")
    assert line.startswith(f"COORDINATION_URL={ONE} COORDINATION_WORKSPACE=w1 ")
    assert "coord_given" not in line


def test_which_service_is_meant_is_said_unless_it_is_the_local_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    target.tell_which(meant())
    assert capsys.readouterr().err == ""
    log_in(ONE)
    target.tell_which(meant())
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"At {ONE} as alice:\n")


def test_a_hosted_service_that_runs_here_is_reached_with_the_login_there() -> None:
    log_in("http://127.0.0.1:8123")
    log_in(ONE)
    run_locally(hosted=True)
    found = meant()
    assert (found.url, found.bearer) == ("http://127.0.0.1:8123", "coord_kept")
    assert found.service is not None
    assert found.remote == place.Remote("alice", None, True)


def test_one_that_listens_on_every_address_is_looked_for_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COORDINATION_MODE", "hosted")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1/name")
    monkeypatch.setenv("HOST", "0.0.0.0")  # noqa: S104 - what is tested
    monkeypatch.setenv("PORT", "8200")
    assert meant().url == "http://127.0.0.1:8200"


def test_whoever_runs_a_hosted_service_may_be_logged_in_at_its_public_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(ONE)
    run_locally(hosted=True)
    assert meant().url == ONE
    monkeypatch.setenv("PORT", "8123")
    found = meant()
    assert (found.url, found.bearer) == ("http://127.0.0.1:8123", None)
    assert found.remote == place.Remote(None, None, False)


def test_the_login_at_its_public_address_is_that_of_a_hosted_service_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(ONE)
    log_in(OTHER)
    run_locally(hosted=True, public_url=ONE)
    monkeypatch.setenv("PORT", "8123")
    found = meant()
    assert (found.url, found.bearer) == (ONE, "coord_kept")
    assert found.service is not None
