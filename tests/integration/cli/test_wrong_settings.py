"""Settings that cannot be used: told before anything starts, and no reason to leave a service running."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordination.cli import run


@pytest.mark.parametrize("command", ["up", "run", "migrate", "connect demo", "status"])
def test_a_wrong_setting_is_told_before_anything_starts(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COORDINATION_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOST", "192.0.2.1")
    assert run([*command.split(), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "setting"
    assert error["message"].startswith("HOST: ")
    assert "unset HOST" in error["mend"]
    assert not (tmp_path / "data").exists()
