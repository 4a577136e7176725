"""The unit of the daemon: written, enabled and removed by systemctl, of which a stand-in notes what it is asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from coordination.cli import daemon_background, run, systemd
from coordination.cli.output import Failure
from coordination.daemon.folder import RunningDaemon, folder_in
from coordination.repository.terminal import started_at

STAND_IN = f"""#!{sys.executable}
import os, pathlib, sys
home = pathlib.Path(os.environ["HOME"])
with (home / "asked").open("a") as file:
    file.write(" ".join(sys.argv[2:]) + "\\n")
assert sys.argv[1] == "--user"
if not (home / "runs").exists():
    sys.exit("Failed to connect to bus: No medium found")
unit = home / "config/systemd/user/coordination-daemon.service"
link = unit.parent / "default.target.wants" / unit.name
verb = sys.argv[2]
if verb == "enable":
    link.parent.mkdir()
    link.symlink_to(unit)
elif verb == "disable":
    link.unlink()
elif verb == "is-enabled":
    sys.exit(not link.is_symlink())
elif verb == "show":
    print((home / "main").read_text())
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a systemd that runs."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    (tmp_path / "runs").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path


def asked(home: Path) -> list[str]:
    return (home / "asked").read_text().splitlines()


def tree(home: Path) -> set[Path]:
    return {path for path in home.rglob("*") if path.name != "asked"}


def test_it_is_written_enabled_and_left_alone_when_nothing_changes_and_removed_without_trace(
    home: Path,
) -> None:
    before = tree(home)
    text = systemd.unit_text(["-m", "coordination"], {"A": "b"})
    assert systemd.install(text) == "added"
    assert asked(home)[0] == "daemon-reload"
    assert asked(home)[-1] == "enable coordination-daemon.service"
    assert systemd.install(text) == "unchanged"
    assert systemd.install(systemd.unit_text(["-m", "coordination"], {})) == "updated"
    assert asked(home).count("daemon-reload") == 2
    assert systemd.uninstall() == "removed"
    assert "disable --now coordination-daemon.service" in asked(home)
    assert tree(home) - {home / "config"} == before
    assert systemd.uninstall() == "unchanged"


def test_where_none_answers_nothing_is_changed_and_it_is_said_what_to_do_instead(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "runs").unlink()
    before = tree(home)
    assert run(["daemon", "install", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "no_systemd"
    assert "daemon start" in error["mend"]
    assert tree(home) == before


def test_what_is_left_of_it_goes_where_systemd_does_not_answer_any_more(home: Path) -> None:
    systemd.install(systemd.unit_text([], {}))
    (home / "runs").unlink()
    assert systemd.uninstall() == "removed"
    assert not (home / "config" / "systemd").exists()


def test_a_refusal_is_told_in_its_words(home: Path) -> None:
    (home / "runs").unlink()
    with pytest.raises(Failure, match="No medium found"):
        systemd.start()


def test_words_are_written_so_that_systemd_reads_them_back(home: Path) -> None:
    text = systemd.unit_text(['a "b" $HOME %h \\'], {"X": "y z"})
    assert 'ExecStart="' + sys.executable in text
    assert r'"a \"b\" $$HOME %%h \\"' in text
    assert 'Environment="X=y z"' in text


def test_a_daemon_of_another_folder_is_not_systemds(home: Path) -> None:
    """One that was started apart, beside the one that systemd runs, is stopped alone."""
    systemd.install(systemd.unit_text([], {"COORDINATION_DATA_DIR": "/a b"}))
    assert systemd.is_for({"COORDINATION_DATA_DIR": "/a b"})
    assert not systemd.is_for({})
    for mine in (False, True):
        with subprocess.Popen(["sleep", "60"]) as program:
            daemon = RunningDaemon(program.pid, started_at(program.pid), 0, "", "1")
            (home / "main").write_text(f"{program.pid if mine else os.getpid()}")
            # What SIGTERM ended is a zombie until it is waited for.
            waiting = threading.Thread(target=program.wait)
            waiting.start()
            assert daemon_background.stop(folder_in(home / "data"), daemon)
            waiting.join()
        assert ("stop coordination-daemon.service" in asked(home)) is mine
    systemd.uninstall()
    assert not systemd.is_for({})


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_finds_nothing_wrong_with_it(home: Path) -> None:
    unit = home / systemd.UNIT
    unit.write_text(
        systemd.unit_text(["-P", "-m", "coordination", "daemon", "run"], {"COORDINATION_DATA_DIR": "/a b"})
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--user", str(unit)],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "XDG_RUNTIME_DIR": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert systemd.UNIT not in done.stderr, done.stderr
