"""`coord install`, `coord uninstall`: the plugin for all projects of this person; nothing is asked, all is told.

What each part does is known to the parts: our copy of the plugin (`plugin_copy`), Claude Code (`claude_plugin`), the
daemon (`daemon_background`, `systemd`). Nothing is started here: the first terminal starts what it needs.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from cyclopts import App

from coordination import __version__
from coordination.cli import (
    claude_code,
    claude_plugin,
    claude_running,
    claude_settings,
    daemon_background,
    plugin_copy,
    policy,
    systemd,
)
from coordination.cli.connect import ENTRY
from coordination.cli.daemon import Port, port_of
from coordination.cli.output import OK, Failure, Json, emit, say, tell
from coordination.cli.place import coord, settings
from coordination.daemon.folder import Folder, folder_in

_INSTALL_EXAMPLES: Final = """Examples:

    coord install
    coord install --port 8770
"""
_UNINSTALL_EXAMPLES: Final = """Examples:

    coord uninstall
"""

Row = tuple[str, str, str]
"""What was changed (`added`, `updated`, `replaced`, `removed`, `unchanged`), of what, and where that is."""


def register(app: App) -> None:
    """Add the commands."""
    app.command(install, help_epilogue=_INSTALL_EXAMPLES)
    app.command(uninstall, help_epilogue=_UNINSTALL_EXAMPLES)


def install(*, port: Port = None, json: Json = False) -> int:
    """Install the plugin in Claude Code, for all your projects, so that every edit is locked by itself.

    It shows what it changed. Running it again changes nothing, or brings an older copy up to date. Nothing is started:
    the first terminal starts the daemon and, unless you are logged in elsewhere, the service. Where `claude` is not on
    the PATH, the lines to run are printed, and the exit code is 1. To put `coord` on the PATH is another thing: `make
    install` in the repository.
    """
    chosen = settings()
    listens = port_of(chosen, port)
    files = plugin_copy.render(
        plugin_copy.source(), plugin_copy.pins(chosen, listens), plugin_copy.launcher()
    )
    place = plugin_copy.folder(chosen.data_dir)
    rows: list[Row] = [(plugin_copy.write(place, files), "copy of the plugin", str(place))]
    claude = claude_code.program()
    if claude is None:
        return _missing(claude_plugin.lines(place), rows, json=json)
    for change, what in claude_plugin.register(claude, place, plugin_copy.version(files)):
        rows.append((change, what, _in_claude_code(what)))
    notes = [*_notes(folder_in(chosen.data_dir), listens), _next()]
    _show(rows, notes, json=json)
    return OK


def uninstall(*, json: Json = False) -> int:
    """Remove the plugin from Claude Code, stop the daemon, and remove all that is theirs.

    The daemon gives back its leases first. The service, its data, your logins and your policy stay. While terminals run
    that have the plugin, its hooks stay for them, and hold edits to your policy: once they have ended, this command
    removes those too.
    """
    chosen = settings()
    folder = folder_in(chosen.data_dir)
    daemon_background.find(folder)
    claude = claude_code.program()
    rows: list[Row] = []
    for change, what in () if claude is None else claude_plugin.remove(claude):
        rows.append((change, what, _in_claude_code(what)))
    # Where Claude Code still has it, any terminal may.
    has_terminals = claude is None or _has_terminals(folder)
    # First what would start the daemon again: the hooks of terminals that run, and systemd.
    place = plugin_copy.folder(chosen.data_dir)
    removed = plugin_copy.remove(place, has_terminals=has_terminals)
    rows.append((removed, "copy of the plugin", str(place)))
    if not has_terminals:
        kept = claude_settings.user_folder()
        rows.append(
            (claude_plugin.remove_copies(kept), "copies of Claude Code", str(kept / claude_plugin.CACHE))
        )
    rows.append((systemd.uninstall(), "systemd unit", str(systemd.unit_file())))
    was_there = folder.path.exists()
    stopped = daemon_background.remove(folder)
    if stopped is not None:
        rows.append(("stopped", "daemon", f"process {stopped.pid}"))
    rows.append(("removed" if was_there else "unchanged", "folder of the daemon", str(folder.path)))
    with suppress(OSError):
        # Where it holds nothing else: no service ran on it.
        chosen.data_dir.rmdir()
    if claude is None:
        # The last one removes what stays for terminals until then.
        return _missing([*claude_plugin.lines_to_remove(), coord("uninstall")], rows, json=json)
    _show(rows, _left(place, rows, has_terminals=has_terminals), json=json)
    return OK


def _has_terminals(folder: Folder) -> bool:
    """Whether a terminal runs that may have the plugin: one that the daemon knows, or that the system shows."""
    daemon = daemon_background.find(folder)
    return bool(daemon is not None and (daemon_background.told(daemon) or {}).get("terminals")) or (
        claude_running.has_ours()
    )


def _in_claude_code(what: str) -> str:
    return claude_plugin.FULL_NAME if what == "plugin" else plugin_copy.MARKETPLACE


def _notes(folder: Folder, port: int) -> list[str]:
    """What a person should know of what was there before."""
    notes: list[str] = []
    entry = claude_code.entry(ENTRY, Path.cwd())
    if entry is not None and claude_code.is_ours(entry):
        notes.append(
            f"This project is connected by the entry {ENTRY} too. It goes on to work, and the plugin makes it "
            f"unnecessary: {coord('connect --remove')}"
        )
    running = daemon_background.find(folder)
    if running is not None and (running.version != __version__ or running.port != port):
        again = f"{coord('daemon stop')}; {coord('daemon start')}"
        notes.append(f"The daemon that runs is from before. To have it as it is now: {again}")
    return notes


def _next() -> str:
    return (
        "Terminals that you start from now on have the plugin. The first one starts the daemon and the service, and "
        "says so; until both answer, it says that edits are not protected.\n"
        f"Undo: {coord('uninstall')}"
    )


def _left(place: Path, rows: Sequence[Row], *, has_terminals: bool) -> list[str]:
    """What a person should know of what is still there."""
    notes: list[str] = []
    if has_terminals:
        notes.append(
            "Terminals that run have the plugin until they end. They say that they are not protected, and refuse edits "
            f"that your policy blocks. For them its hooks stay in {place}, and what Claude Code keeps in "
            f"{claude_plugin.CACHE} of its folder. When they have ended, this removes that too: {coord('uninstall')}"
        )
    elif all(change == "unchanged" for change, _, _ in rows):
        notes.append("Nothing was installed.")
    if policy.path().exists():
        notes.append(f"Your policy stays: {policy.path()}")
    return notes


def _missing(lines: Sequence[str], rows: Sequence[Row], *, json: bool) -> int:
    """Fail for want of `claude`, with the lines that do the same where it is; for people those stand alone."""
    failure = Failure(
        "`claude` is not on the PATH, so Claude Code was told nothing. Run these lines where it is:",
        mend="\n".join(lines),
        code="claude_missing",
    )
    if json:
        raise failure
    for row in rows:
        tell(_line(row, rows))
    tell(failure.message)
    for line in lines:
        say(line)
    return failure.exit_code


def _show(rows: Sequence[Row], notes: Sequence[str], *, json: bool) -> None:
    if json:
        changes = [{"change": change, "what": what, "where": where} for change, what, where in rows]
        emit({"changes": changes, "notes": notes})
        return
    for row in rows:
        say(_line(row, rows))
    for note in notes:
        say()
        say(note)


def _line(row: Row, rows: Sequence[Row]) -> str:
    width = max(len(what) for _, what, _ in rows)
    change, what, where = row
    return f"{change:<9}  {what:<{width}}  {where}"
