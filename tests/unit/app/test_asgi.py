"""The application for an ASGI server that somebody else starts: made when it is asked for, and in hosted mode only."""

from __future__ import annotations

import importlib
import signal
from typing import Any

import pytest
from fastapi import FastAPI

from coordination.app import asgi, logs


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in ("COORDINATION_MODE", "DATABASE_URL", "HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COORDINATION_DATA_DIR", str(tmp_path_factory.mktemp("asgi")))


def test_its_import_reads_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "none")
    assert importlib.reload(asgi).__name__ == "coordination.app.asgi"
    with pytest.raises(AttributeError):
        asgi.__getattr__("application")


def test_local_mode_is_refused_with_what_to_do() -> None:
    with pytest.raises(SystemExit, match=r"set COORDINATION_MODE=hosted.*coord run"):
        asgi.app  # noqa: B018 - asking is what makes it


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COORDINATION_MODE", "hosted")
    with pytest.raises(SystemExit, match="COORDINATION_MODE: the hosted mode needs a database"):
        asgi.app  # noqa: B018 - as above


def test_in_hosted_mode_it_is_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COORDINATION_MODE", "hosted")
    monkeypatch.setenv("HOST", "0.0.0.0")  # noqa: S104 - what platforms set
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@127.0.0.1:1/name")

    def configure(**_: object) -> None:
        """Leave the logs of these tests as they are."""

    monkeypatch.setattr(logs, "configure", configure)
    assert isinstance(asgi.app, FastAPI)


def test_what_stops_waiting_calls_hears_the_signal_before_the_server_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[str] = []

    def servers(_number: int, _frame: object) -> None:
        heard.append("server")

    handlers: dict[int, Any] = dict.fromkeys((signal.SIGTERM, signal.SIGINT), servers)
    monkeypatch.setattr(signal, "getsignal", handlers.__getitem__)
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    asgi._hear(lambda: heard.append("ours"))
    handlers[signal.SIGTERM](signal.SIGTERM, None)
    assert heard == ["ours", "server"]
