"""Why a database is away: each kind in words, with its place and without its password."""

from __future__ import annotations

import errno
import socket
import ssl

import asyncpg
import pytest

from coordination.store.away import why_away

DSN = "postgresql://me:hunter2@db.example:6543/name"
REFUSED = f"[Errno {errno.ECONNREFUSED}] Connect call failed ('::1', 1)"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), "connection refused"),
        (OSError(f"Multiple exceptions: {REFUSED}, {REFUSED}"), "connection refused"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "the host's name is not known"),
        (TimeoutError(), "no answer in time"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to host"),
        (ssl.SSLError(1, "hunter2"), "TLS failed (SSLError)"),
        (asyncpg.InterfaceError(f"no such thing: {DSN}"), "the connection failed (InterfaceError)"),
        (OSError("hunter2"), "the connection failed (OSError)"),
    ],
)
def test_each_kind_is_said_in_words_with_its_place(error: Exception, why: str) -> None:
    said = why_away(error, DSN)
    assert said.endswith(f"{why}: db.example:6543")
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("dsn", "where"),
    [
        ("postgresql://me@127.0.0.1/name", "127.0.0.1:5432"),
        ("postgresql://me@[::1]:1/name", "[::1]:1"),
        ("postgresql:///name?host=/run/postgres", "local socket"),
    ],
)
def test_the_place_is_told_in_full(dsn: str, where: str) -> None:
    assert why_away(TimeoutError(), dsn) == f"no answer in time: {where}"


def test_a_place_that_cannot_be_read_is_left_out() -> None:
    assert why_away(TimeoutError(), "postgresql://me:hunter2@host:port/name") == "no answer in time"
