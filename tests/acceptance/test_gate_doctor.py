"""`coord doctor` after `coord install`, with the real Claude Code: the gate fires, or the doctor says what is wrong."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.claude import NEWER, OLDER, Claude
from tests.acceptance.model_api import ModelApi
from tests.acceptance.service import coord, free_port

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(300),
    pytest.mark.slow(reason="a service, a daemon and real clients start"),
]


class Machine:
    """A person's machine, where the plugin is installed and the daemon and the service run."""

    def __init__(self, claude: Claude) -> None:
        self.claude = claude
        self.variables = {"PORT": str(free_port())}
        self.user = claude.home / ".claude" / "settings.json"
        self.project = claude.checkout / ".claude" / "settings.json"

    def coord(self, *words: str) -> str:
        return self.claude.run(coord(), *words, environment=self.variables)

    def failed(self) -> dict[str, str]:
        """What the doctor finds wrong, by name; what it found of the gate stands in `gate`."""
        self.gate = ""
        try:
            said = self.coord("doctor", "--json")
        except subprocess.CalledProcessError as found:
            assert found.returncode == 5, found.stderr
            said = str(found.output)
        checks: list[dict[str, Any]] = json.loads(said)["checks"]
        self.gate = next(f"{one['state']}: {one['found']}" for one in checks if one["name"] == "gate")
        assert all(one["mend"] for one in checks if one["state"] == "failed")
        return {one["name"]: one["found"] for one in checks if one["state"] == "failed"}

    def sessions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.coord("sessions", "--json"))["sessions"]
        return found

    def write(self, path: Path, content: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)


@pytest.fixture(params=[NEWER, OLDER])
def machine(request: pytest.FixtureRequest, programs: dict[str, Path], tmp_path: Path) -> Generator[Machine]:
    checkout = tmp_path / "project"
    checkout.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=checkout, check=True)
    with ModelApi(tmp_path / "model.jsonl") as model:
        one = Machine(Claude(programs[request.param], tmp_path, checkout, model))
        (one.claude.home / ".local" / "share").mkdir(parents=True)
        one.coord("install", "--port", str(free_port()))
        one.coord("up")
        one.coord("daemon", "start")
        try:
            yield one
        finally:
            one.coord("daemon", "stop")
            one.coord("down")
        assert model.outside == []


def _all_hooks_off(machine: Machine) -> None:
    machine.write(machine.project, '{"disableAllHooks": true}')


def _plugin_off(machine: Machine) -> None:
    machine.claude.run("claude", "plugin", "disable", "coord@coordination")


def _settings_broken(machine: Machine) -> None:
    machine.write(machine.user, machine.user.read_text().rstrip().removesuffix("}"))


def _settings_malformed(machine: Machine) -> None:
    settings = json.loads(machine.user.read_text())
    machine.write(machine.user, json.dumps(settings | {"permissions": {"allow": "Edit"}}))


def _daemon_stopped(machine: Machine) -> None:
    machine.coord("daemon", "stop")


HARMS: list[tuple[Callable[[Machine], None], set[str], str]] = [
    (_all_hooks_off, {"Claude Code settings"}, "skipped"),
    (_plugin_off, {"plugin", "Claude Code settings"}, "skipped"),
    (_settings_broken, {"plugin", "Claude Code settings"}, "skipped"),
    (_settings_malformed, {"plugin", "Claude Code settings"}, "skipped"),
    (_daemon_stopped, {"daemon"}, "skipped"),
]


def test_after_the_installation_it_fires_and_after_each_harm_the_doctor_says_what_is_wrong(
    machine: Machine,
) -> None:
    assert machine.failed() == {}
    assert machine.gate.startswith("ok: fires: ")
    # Nothing is left of it but a closed session, in which nobody holds anything.
    (session,) = machine.sessions()
    assert (session["id"], session["status"], session["locks"]) == ("coord-doctor-gate", "closed", 0)
    well = machine.user.read_text()
    for harm, names, gate in HARMS:
        harm(machine)
        failed = machine.failed()
        assert set(failed) == names, harm
        assert machine.gate.startswith(gate), harm
        machine.write(machine.user, well)
        machine.project.unlink(missing_ok=True)
    machine.coord("daemon", "start")
    assert machine.failed() == {}

    pinned_to_one_that_goes(machine)
    failed = machine.failed()
    assert "python-that-goes" in failed["interpreter"]
    # The hooks do with another one meanwhile.
    assert machine.gate.startswith("ok: fires: ")


def pinned_to_one_that_goes(machine: Machine) -> None:
    """Leave the plugin with an interpreter that is gone, as after an update of Python."""
    (pinned,) = machine.claude.home.rglob("plugin/coord/hooks/pinned")
    away = machine.claude.home / "python-that-goes"
    lines = pinned.read_text().splitlines()
    kept = [line for line in lines if not line.startswith("interpreter=")]
    pinned.write_text("\n".join([*kept, f"interpreter={away}"]) + "\n")
