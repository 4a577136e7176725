"""Which programs of Postgres are used for which server, and that no password is on their command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordination.app import postgres_programs
from coordination.app.postgres_programs import NAMES, ProgramsMissing, address, crosses_network, find

SECRET = "p%40ss%2Fword"  # noqa: S105 - of no database
REMOTE = f"postgresql://coordination:{SECRET}@db.example.com:5432/team"


def install(folder: Path, major: int) -> Path:
    """Put programs into a folder that say they are of a version."""
    folder.mkdir(parents=True)
    for name in NAMES:
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {major}.1'\n", encoding="utf-8")
        program.chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only what a test installs below its folder is there."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(postgres_programs, "FOLDERS", (f"{tmp_path}/package/*/bin",))


def test_the_password_is_in_the_environment_and_not_in_the_address() -> None:
    for dsn in (REMOTE, "postgresql://coordination@db.example.com/team?password=p%40ss%2Fword"):
        url, environment = address(dsn)
        assert "word" not in url
        assert environment["PGPASSWORD"] == "p@ss/word"


def test_the_environment_of_the_caller_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere.example.com")
    monkeypatch.setenv("PGPASSWORD", "of another one")
    assert not {name for name in address("postgresql:///team")[1] if name.startswith("PG")}


def test_over_a_network_the_certificate_is_verified_unless_the_url_says_otherwise() -> None:
    assert "sslmode=verify-full" in address(REMOTE)[0]
    assert "sslmode=require" in address(f"{REMOTE}?sslmode=require")[0]
    assert "sslmode" not in address("postgresql://u@127.0.0.1/team")[0]


def test_what_libpq_does_not_know_is_left_out() -> None:
    assert "pgbouncer" not in address(f"{REMOTE}?pgbouncer=true&connect_timeout=3")[0]
    assert "connect_timeout=3" in address(f"{REMOTE}?pgbouncer=true&connect_timeout=3")[0]


@pytest.mark.parametrize(
    ("dsn", "crosses"),
    [
        (REMOTE, True),
        ("postgresql://u@10.0.0.7/team", True),
        ("postgresql://u@127.0.0.1/team", False),
        ("postgresql://u@[::1]/team", False),
        ("postgresql://u@localhost/team", False),
        ("postgresql:///team", False),
        ("postgresql://u@/team?host=/run/postgresql", False),
        ("postgresql://u@/team?host=db.example.com", True),
    ],
)
def test_a_socket_and_a_loopback_address_cross_no_network(dsn: str, crosses: bool) -> None:
    assert crosses_network(dsn) is crosses


def test_the_oldest_installation_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    install(tmp_path / "path", 15)
    install(tmp_path / "package" / "18" / "bin", 18)
    newer = install(tmp_path / "package" / "17" / "bin", 17)
    assert find(REMOTE, 16).folder == newer
    assert find(REMOTE, 15).major == 15


def test_one_that_lacks_a_program_or_does_not_run_counts_for_nothing(tmp_path: Path) -> None:
    (install(tmp_path / "package" / "17" / "bin", 17) / "psql").unlink()
    (install(tmp_path / "package" / "18" / "bin", 18) / "pg_dump").write_text("no program", encoding="utf-8")
    with pytest.raises(ProgramsMissing, match="found: none"):
        find(REMOTE, 16)


def test_those_of_the_embedded_postgres_serve_this_machine_alone(tmp_path: Path) -> None:
    install(tmp_path / "path", 15)
    assert find("postgresql:///team", 18).major == 18
    with pytest.raises(ProgramsMissing, match=r"Postgres 18, .* found: 15 in"):
        find(REMOTE, 18)
