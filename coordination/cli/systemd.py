"""The daemon as a unit of the person's own systemd: written and enabled, started, stopped, and removed without trace.

It begins at login then, and again when it crashes, instead of with the first terminal. The unit names the interpreter
and the data folder, and no secret. Where no systemd answers for the person (macOS, most containers, `su`) nothing is
written.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import platformdirs

from coordination.cli.output import Failure
from coordination.cli.place import coord

UNIT: Final = "coordination-daemon.service"
SECONDS: Final = 30
_TELLS: Final = "Environment="
_WANTED_BY: Final = "default.target"


def unit_file() -> Path:
    """Return where the unit is, or would be."""
    return platformdirs.user_config_path("systemd") / "user" / UNIT


def unit_text(arguments: Sequence[str], variables: dict[str, str]) -> str:
    """Return the unit.

    Args:
        arguments: what runs, without the interpreter.
        variables: what it is told by its environment.
    """
    told = "".join(f"{line}\n" for line in _told(variables))
    return f"""[Unit]
Description=Coordination daemon: file locks for the Claude Code terminals of this user
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
ExecStart={" ".join(_quoted(word) for word in (sys.executable, *arguments))}
{told}UMask=0077
Restart=on-failure
RestartSec=2
# The local service, which the daemon starts when there is none, goes on without it.
KillMode=process

[Install]
WantedBy={_WANTED_BY}
"""


def answers() -> bool:
    """Whether a systemd runs for this person and can be asked."""
    return _ask("show-environment") is not None


def require() -> None:
    """Make sure that there is a systemd to ask.

    Raises:
        Failure: there is none; with what to do instead.
    """
    if answers():
        return
    raise Failure(
        "No systemd answers for your user here (`systemctl --user`), so there is nothing to install it in. Nothing was "
        "changed.",
        mend=f"It needs none: the first terminal with the plugin starts the daemon by itself.\n"
        f"To have it at once: {coord('daemon start')}\n"
        f"To have something else start it at login, have that run: {coord('daemon run')}",
        code="no_systemd",
    )


def is_for(variables: dict[str, str]) -> bool:
    """Whether the unit is there and leads to the folders that these variables name: a person may use others too."""
    try:
        lines = unit_file().read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return [line for line in lines if line.startswith(_TELLS)] == _told(variables)


def runs(pid: int) -> bool:
    """Whether a process is what systemd runs as the unit."""
    said = _ask("show", "--property=MainPID", "--value", UNIT) if unit_file().exists() else None
    return said is not None and said.strip() == str(pid)


def install(text: str) -> str:
    """Write and enable the unit, and say what that changed: `added`, `updated` or `unchanged`.

    Raises:
        Failure: systemd refused.
        OSError: the unit cannot be written.
    """
    path = unit_file()
    found = path.read_text(encoding="utf-8") if path.exists() else None
    if found != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        _order("daemon-reload")
    enabled = _ask("is-enabled", "--quiet", UNIT) is not None
    if not enabled:
        _order("enable", UNIT)
    if found is None:
        return "added"
    return "unchanged" if enabled and found == text else "updated"


def start() -> None:
    """Have systemd start the unit.

    Raises:
        Failure: it refused.
    """
    _order("start", UNIT)


def stop() -> None:
    """Have systemd stop the unit, and wait for its end.

    Raises:
        Failure: it refused.
    """
    _order("stop", UNIT)


def uninstall() -> str:
    """Stop and remove the unit, and say what that changed: `removed` or `unchanged`.

    Raises:
        Failure: systemd refused to stop it.
        OSError: it cannot be removed.
    """
    path = unit_file()
    link = path.parent / f"{_WANTED_BY}.wants" / UNIT
    if not path.exists() and not link.is_symlink():
        return "unchanged"
    there = answers()
    if there:
        _order("disable", "--now", UNIT)
    # Without systemd its link is left, which is all that enabling made.
    for one in (link, path):
        one.unlink(missing_ok=True)
    if there:
        _order("daemon-reload")
        _ask("reset-failed", UNIT)
    for folder in (link.parent, path.parent, path.parent.parent):
        with suppress(OSError):
            folder.rmdir()
    return "removed"


def _ask(*arguments: str) -> str | None:
    """Return what systemctl prints; None when it is not there, fails or says no."""
    program = shutil.which("systemctl")
    if program is None:
        return None
    try:
        done = _run(program, arguments)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _order(*arguments: str) -> None:
    program = shutil.which("systemctl")
    try:
        done = None if program is None else _run(program, arguments)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f"systemctl cannot be run: {error}.") from None
    if done is None or done.returncode != 0:
        why = "it is not on the PATH" if done is None else (done.stderr or done.stdout).strip()
        raise Failure(
            f"`systemctl --user {' '.join(arguments)}` failed: {why or 'it does not say why'}",
            mend=f"See what it says: systemctl --user status {UNIT}",
        )


def _run(program: str, arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - the system's own program, arguments of ours
        [program, "--user", *arguments], capture_output=True, text=True, check=False, timeout=SECONDS
    )


def _told(variables: dict[str, str]) -> list[str]:
    return [f"{_TELLS}{_quoted(f'{name}={value}')}" for name, value in sorted(variables.items())]


def _quoted(word: str) -> str:
    """Return a word as systemd reads it back (systemd.syntax, systemd.service: "COMMAND LINES")."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
