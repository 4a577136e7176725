"""The files for a machine of one's own, as its programs read them: the systemd unit and the rule of logrotate."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from pathlib import Path

import pytest
import structlog

from coordination.app import logs
from coordination.settings import load
from tests.acceptance.debian import program
from tests.unit.deploy.files import KNOWN
from tests.unit.docs.page import ROOT

pytestmark = pytest.mark.acceptance
UNIT = ROOT / "deploy" / "systemd" / "coordination.service"
RULE = ROOT / "deploy" / "logrotate" / "coordination"
COORD = "/opt/coordination/.venv/bin/coord"


def unit_pairs() -> list[tuple[str, str]]:
    """The directives of the unit."""
    return re.findall(r"^([A-Za-z]+)=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)


def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8")
    assert COORD in text
    unit = tmp_path / UNIT.name
    # What it starts has to exist, and who runs it; on this machine neither does.
    unit.write_text(text.replace(COORD, "/bin/true"), encoding="utf-8")
    said = _verify(unit)
    assert said == ""
    unit.write_text(text.replace(COORD, "/bin/true").replace("KillMode", "KillMood"), encoding="utf-8")
    assert "KillMood" in _verify(unit)


def _verify(unit: Path) -> str:
    command = [program("systemd-analyze", "systemd"), "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # It looks at what the unit names too, which a machine without systemd lacks.
    lines = (done.stdout + done.stderr).splitlines()
    return "\n".join(line for line in lines if unit.name in line)


def test_the_unit_gives_the_service_settings_that_exist_and_the_time_that_it_takes() -> None:
    told = dict(value.split("=", 1) for name, value in unit_pairs() if name == "Environment")
    assert set(told) <= KNOWN
    settings = load({**told, "DATABASE_URL": "postgresql://me@127.0.0.1/name"})
    directives = dict(unit_pairs())
    assert settings.stop_seconds + 15 <= int(directives["TimeoutStopSec"])
    assert directives["ExecStart"] == f"{COORD} run"
    assert str(settings.data_dir) == f"/var/lib/{directives['StateDirectory']}"
    assert "User" in directives


def test_the_unit_is_one_that_other_programs_read_too() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(UNIT)
    assert parser.sections() == ["Unit", "Service", "Install"]


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    """The rule for a folder and a user of this test."""
    text = RULE.read_text(encoding="utf-8").replace("/var/log/coordination", str(tmp_path / "log"))
    text = re.sub(r"^    su .*$", f"    su {os.environ.get('USER', 'root')} root", text, flags=re.MULTILINE)
    path = tmp_path / "rule"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return path


def _rotate(rule: Path, *options: str) -> str:
    command = [
        program("logrotate", "logrotate"),
        *options,
        "--state",
        str(rule.with_name("state")),
        str(rule),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_logrotate_understands_every_line_of_the_rule(rule: Path) -> None:
    said = _rotate(rule, "--debug")
    assert "error" not in said
    assert "rotating pattern" in said


@pytest.mark.usefixtures("logging_as_it_was")
def test_what_is_logged_after_a_rotation_stands_in_a_new_file_and_nothing_is_lost(rule: Path) -> None:
    file = rule.with_name("log") / "service.log"
    logs.configure(form="json", level="info", file=file)
    log = structlog.stdlib.get_logger("rotation")
    log.info("first")
    _rotate(rule, "--force")
    log.info("second")
    (older,) = file.parent.glob("service.log-*")
    assert '"first"' in older.read_text()
    assert '"second"' in file.read_text()
    assert '"first"' not in file.read_text()
