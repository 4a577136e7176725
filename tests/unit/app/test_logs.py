"""Every line of the log, ours or a library's, in both forms: with its request id and without secrets."""

from __future__ import annotations

import io
import json
import logging
import stat
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import structlog

from coordination.app import logs


@pytest.fixture(autouse=True)
def leave_logging_as_it_was() -> Generator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    kept = structlog.get_config()
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.configure(**kept)
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "service.log"


def records(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_a_line_of_ours_is_one_json_object_with_its_request(file: Path) -> None:
    logs.configure(form="json", level="info", file=file)
    with structlog.contextvars.bound_contextvars(request_id="abc"):
        structlog.stdlib.get_logger("ours").info("claimed", paths=2, authorization="Bearer 12345678")
    (record,) = records(file)
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "event": "claimed",
        "paths": 2,
        "authorization": "***",
        "request_id": "abc",
        "level": "info",
        "logger": "ours",
    }


def test_what_a_library_logs_gets_the_same_treatment(file: Path) -> None:
    logs.configure(form="json", level="info", file=file)
    with structlog.contextvars.bound_contextvars(request_id="abc"):
        logging.getLogger("asyncpg").warning("cannot reach %s", "postgresql://me:hunter2@host/name")
    (record,) = records(file)
    assert record["event"] == "cannot reach postgresql://me:***@host/name"
    assert (record["request_id"], record["logger"], record["level"]) == ("abc", "asyncpg", "warning")


def test_a_file_that_somebody_moved_away_is_begun_anew(file: Path) -> None:
    logs.configure(form="json", level="info", file=file)
    log = structlog.stdlib.get_logger("ours")
    log.info("before")
    older = file.rename(file.with_name("service.log-20260101"))
    log.info("after")
    assert [record["event"] for record in records(older)] == ["before"]
    assert [record["event"] for record in records(file)] == ["after"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()
    log.info("again")
    assert [record["event"] for record in records(file)] == ["again"]


def test_of_several_that_write_a_file_one_rotates_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 300)
    older = file.with_name("service.log.1")
    logs.configure(form="json", level="info", file=file, rotates=False)
    for number in range(9):
        structlog.stdlib.get_logger("ours").info("written", number=number)
    logs.rotate()
    assert not older.exists()
    logs.configure(form="json", level="info", file=file)
    logs.rotate()
    assert [record["number"] for record in records(older)] == list(range(9))
    logs.rotate()
    assert file.read_text() == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_is_redacted_too(file: Path, form: logs.Format) -> None:
    logs.configure(form=form, level="info", file=file)
    try:
        raise OSError("postgresql://me:hunter2@host/name")
    except OSError:
        structlog.stdlib.get_logger("ours").exception("failed")
        logging.getLogger("uvicorn.error").exception("failed")
    text = file.read_text(encoding="utf-8")
    assert text.count("Traceback") == 2
    assert "hunter2" not in text


def test_no_whole_virtual_user_id_reaches_the_log(file: Path) -> None:
    logs.configure(form="json", level="info", file=file)
    logging.getLogger("uvicorn.error").error("POST /mcp/v2/claude/alice__session__demo__planner")
    assert "alice" not in file.read_text(encoding="utf-8")


FORGED = "a\n2026-01-01 [info] all is well\x1b[2J\r\u202e\x9b31m"


def test_nobody_forges_a_line_or_moves_the_cursor_of_who_reads(file: Path) -> None:
    logs.configure(form="console", level="info", file=file)
    log = structlog.stdlib.get_logger("ours")
    log.info(FORGED, path=FORGED, **{"several": [FORGED]})
    logging.getLogger("library").info("%s", FORGED)
    try:
        raise ValueError(FORGED)
    except ValueError:
        log.exception("failed")
    text = file.read_text(encoding="utf-8")
    assert text.count("all is well") == 5
    assert not {"\x1b", "\r", "\u202e", "\x9b"} & set(text)
    told = [line for line in text.splitlines() if line.startswith("2026-01-01 [info]")]
    assert told == []


def test_lines_for_people_are_no_json(file: Path) -> None:
    logs.configure(form="console", level="info", file=file)
    structlog.stdlib.get_logger("ours").info("claimed", paths=2)
    line = file.read_text(encoding="utf-8")
    assert "claimed" in line
    assert "paths=2" in line
    assert not line.startswith("{")


def test_the_level_holds_for_ours_and_for_libraries(file: Path) -> None:
    logs.configure(form="json", level="warning", file=file)
    structlog.stdlib.get_logger("ours").info("quiet")
    logging.getLogger("library").info("quiet")
    logging.getLogger("library").warning("loud")
    assert [record["event"] for record in records(file)] == ["loud"]


def test_servers_and_migrations_are_heard_from_warnings_on(file: Path) -> None:
    logs.configure(form="json", level="debug", file=file)
    for name in ("uvicorn.error", "alembic.runtime.migration"):
        logging.getLogger(name).info("quiet")
        logging.getLogger(name).warning("loud")
    assert [record["event"] for record in records(file)] == ["loud", "loud"]


def test_the_file_is_private_and_rotated(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 2000)
    logs.configure(form="json", level="info", file=file)
    for number in range(200):
        structlog.stdlib.get_logger("ours").info("claimed", number=number)
    names = sorted(path.name for path in file.parent.iterdir())
    assert names == ["service.log", "service.log.1", "service.log.2", "service.log.3"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in file.parent.iterdir())
    assert all(path.stat().st_size <= 2000 for path in file.parent.iterdir())


def test_a_library_that_brings_its_own_output_is_heard_here_and_nowhere_else(file: Path) -> None:
    logs.configure(form="json", level="info", file=file)
    library, elsewhere = logging.getLogger("library.of_its_own"), io.StringIO()
    library.addHandler(logging.StreamHandler(elsewhere))
    library.propagate = False
    logs.reclaim()
    library.error("Authorization: Bearer hunter2")
    assert [record["event"] for record in records(file)] == ["Authorization: ***"]
    assert elsewhere.getvalue() == ""


def test_without_a_file_the_log_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure(form="auto", level="info", file=None)
    structlog.stdlib.get_logger("ours").info("claimed")
    out, err = capfd.readouterr()
    assert out == ""
    assert json.loads(err)["event"] == "claimed"
