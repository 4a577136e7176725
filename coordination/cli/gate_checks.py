"""What `coord doctor` looks at in the gate: does a terminal that is started here have its edits guarded?

Claude Code goes on without a word where a hook is missing, is not called, or fails. So the plugin, the settings that
could silence it and the daemon are looked at one by one; then an edit is tried that must be refused. Where no plugin
is installed there is no gate, which is no fault. What each line means is in docs/how-to/mend-the-gate.md.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

import psutil

from coordination import __version__
from coordination.app import port
from coordination.cli import (
    claude_running,
    claude_settings,
    daemon_background,
    gate_round_trip,
    place,
    target,
)
from coordination.cli.checks import Check
from coordination.cli.claude_settings import Finding
from coordination.cli.daemon import port_of
from coordination.cli.daemon_port import HOST
from coordination.cli.output import Failure
from coordination.cli.place import coord
from coordination.cli.plugin_checks import Plugin, find, plugin_checks
from coordination.cli.probe import ask
from coordination.cli.reach import person
from coordination.daemon.folder import RunningDaemon, folder_in
from coordination.settings import Settings

_OPTIONS: Final = re.compile(r"--bare|--safe-mode|--restricted|--setting-sources(=.*)?")
_SHOWN: Final = 5


def gate_checks(chosen: Settings, folder: Path) -> Iterator[Check]:
    """Look at the gate of a terminal that would be started in a folder."""
    plugin = find(chosen)
    if plugin is None:
        yield Check("plugin", "skipped", f"not installed: {coord('install')}")
        return
    calls = True
    for check in plugin_checks(chosen, plugin, folder):
        calls = calls and not (check.name == "plugin" and check.state == "failed")
        yield check
    files = claude_settings.files(folder)
    found = list(claude_settings.findings(files, os.environ))
    yield from _settings(found, len(files), claude_settings.beside_ours(files))
    yield _terminals()
    daemon, check = _daemon(chosen)
    yield check
    yield _port(chosen, daemon)
    if not calls or any(one.silences for one in found):
        yield Check("gate", "skipped", "it cannot fire: Claude Code does not call it, see above")
    elif daemon is None:
        yield Check("gate", "skipped", "it cannot fire without the daemon")
    else:
        yield _gate(chosen, plugin)


def _settings(found: Sequence[Finding], files: int, beside: Sequence[Path]) -> Iterator[Check]:
    name = "Claude Code settings"
    for one in found:
        yield Check(name, "failed", one.says, one.mend)
    if not found:
        others = f"; {beside[0]} has hooks before edits too, which ours does not see" if beside else ""
        yield Check(name, "ok", f"nothing in {files} file(s) silences the hooks{others}")


def _terminals() -> Check:
    """Look for terminals that run without hooks, because they were started so."""
    name = "terminals"
    found = [f"process {pid} ({how})" for pid, how in _without_hooks()]
    if not found:
        return Check(name, "ok", "none that runs was started without hooks")
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    said = f"started without hooks, so not guarded: {', '.join(found[:_SHOWN])}{more}"
    return Check(name, "failed", said, "Start them again without that option, as `claude`")


def _without_hooks() -> Iterator[tuple[int, str]]:
    """Yield the terminals of this person that run without hooks, each with the option or variable."""
    for one in claude_running.terminals():
        with suppress(psutil.Error, OSError):
            how = _option(one.cmdline()) or _variable(one)
            if how:
                yield one.pid, how


def _option(words: Sequence[str]) -> str:
    for at, word in enumerate(words):
        if not _OPTIONS.fullmatch(word):
            continue
        if word.startswith("--setting-sources"):
            sources = word.partition("=")[2] or "".join(words[at + 1 : at + 2])
            if "user" in sources.split(","):
                continue
        return word
    return ""


def _variable(one: psutil.Process) -> str:
    has = one.environ()
    return next((name for name in claude_settings.MODES if has.get(name, "0") not in {"", "0", "false"}), "")


def _daemon(chosen: Settings) -> tuple[RunningDaemon | None, Check]:
    name, again = "daemon", f"{coord('daemon stop')}; {coord('daemon start')}"
    try:
        found = daemon_background.find(folder_in(chosen.data_dir))
    except Failure as failure:
        return None, Check(name, "failed", failure.message, failure.mend)
    if found is None:
        said = "it does not run, so edits are not guarded; the next terminal starts it"
        return None, Check(name, "failed", said, f"Or start it: {coord('daemon start')}")
    if not daemon_background.answers(found):
        return None, Check(name, "failed", f"process {found.pid} does not answer hooks", f"Again: {again}")
    if found.version != __version__:
        said = f"release {found.version} runs, this command is {__version__}"
        return found, Check(name, "failed", said, f"Start it anew: {again}")
    return found, Check(name, "ok", f"process {found.pid}, release {found.version}")


def _port(chosen: Settings, daemon: RunningDaemon | None) -> Check:
    """Look whether the plugin's tools find the daemon, and the daemon the service."""
    name = "daemon port"
    try:
        wanted = port_of(chosen, None)
    except Failure as failure:
        return Check(name, "failed", failure.message, failure.mend)
    if daemon is None and port.is_free(HOST, wanted):
        return Check(name, "skipped", f"{wanted}, free; no daemon to ask")
    if daemon is not None and daemon.port != wanted:
        said = f"the daemon has {daemon.port}, and the plugin looks for it at {wanted}: no tools"
        return Check(name, "failed", said, f"{coord('daemon stop')}; {coord('daemon start')}")
    return _at(name, wanted) if daemon is not None else _taken(name, wanted)


def _at(name: str, number: int) -> Check:
    health = _health(number)
    if not health.keys() >= {"service", "terminals"}:
        return _taken(name, number)
    if health["service"] != "reachable":
        said = f"{number}, and the daemon says of the service: {health['service']}; edits are not guarded"
        return Check(name, "failed", said, f"See what it says: {coord('daemon logs')}")
    return Check(name, "ok", f"{number}, the service is reachable, {health['terminals']} terminal(s)")


def _health(number: int) -> dict[str, Any]:
    reply = ask(f"http://{HOST}:{number}/health", timeout=2.0)
    answer = None if reply is None else reply.json()
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}


def _taken(name: str, number: int) -> Check:
    said = f"{number} is taken by {port.held_by(number)}: edits are guarded, but the plugin has no tools"
    free = port.free_port(HOST, number)
    other = f" Or take another: {coord(f'install --port {free}')}" if free else ""
    return Check(name, "failed", said, f"Stop that program.{other}")


def _gate(chosen: Settings, plugin: Plugin) -> Check:
    try:
        fired = gate_round_trip.fire(plugin, folder_in(chosen.data_dir).path)
    except gate_round_trip.DidNotFire as error:
        mend = f"See what the daemon says: {coord('daemon logs')}"
        return Check("gate", "failed", f"does not fire: {error}", mend)
    finally:
        _close(chosen)
    allowed, refused = round(fired.allowed_seconds * 1000), round(fired.refused_seconds * 1000)
    said = f"fires: an edit of a held file was refused in {refused} ms; one of a free file passed in {allowed} ms"
    return Check("gate", "ok", said)


def _close(chosen: Settings) -> None:
    """Close the session in which it was tried, so that nobody takes it for work; where that is let be done."""
    from coordination.client.errors import ClientError  # noqa: PLC0415 - with httpx, where there is a gate at all
    from coordination.client.service import ServiceClient  # noqa: PLC0415 - as above

    with suppress(Failure, ClientError):
        found = target.meant(chosen)
        workspace = None if found.remote is None else found.remote.workspace
        with ServiceClient(found.url, found.token, workspace=workspace) as client:
            client.user = place.user() if found.remote is None else found.remote.user
            client.configure(gate_round_trip.SESSION, person(client), status="closed")
