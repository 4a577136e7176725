"""What `coord doctor` looks at in the plugin: that Claude Code has it and means it, and that it is what was installed.

Whether its hooks are let work by other settings is in `claude_settings`, whether they work at all in `gate_checks`.
"""

import json
import os
import shlex
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from coordination.cli import claude_code, claude_plugin, claude_settings, plugin_copy, policy
from coordination.cli.checks import Check
from coordination.cli.connect import ENTRY
from coordination.cli.output import Failure
from coordination.cli.place import coord
from coordination.daemon.folder import folder_in
from coordination.daemon.person_policy import PersonPolicy
from coordination.settings import Settings

HOOKS: Final = "hooks/hooks.json"
PYTHONS: Final = (
    *("/usr/bin/python3", "/usr/local/bin/python3", "/opt/homebrew/bin/python3"),
    "~/.local/bin/python3",
)
"""Where `hooks/run.sh` looks for an interpreter, in this order, when the one that is pinned does not work."""
_RUNS_SECONDS: Final = 10.0
_SHOWN: Final = 5
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Plugin:
    """The plugin as it is on this machine.

    Attributes:
        root: the folder whose hooks terminals run.
        records: where Claude Code says that it installed it, one for each scope; empty when it has it no more.
        pinned: what it knows of this machine, by name; empty when `coord install` did not make it.
    """

    root: Path
    records: tuple[Mapping[str, Any], ...]
    pinned: Mapping[str, str]


def find(chosen: Settings) -> Plugin | None:
    """Return the plugin, None where neither Claude Code has it nor a copy of it is there."""
    copy = plugin_copy.folder(chosen.data_dir) / plugin_copy.PLUGIN
    records = _records()
    if (copy / HOOKS).is_file():
        return Plugin(copy, records, _pinned(copy))
    # Where `coord uninstall` removed it, hooks of it stay for terminals that run, without the manifest.
    if not records and not (copy / plugin_copy.MANIFEST).exists():
        return None
    root = Path(str(records[0].get("installPath", copy))) if records else copy
    return Plugin(root, records, _pinned(root))


def plugin_checks(chosen: Settings, plugin: Plugin, folder: Path) -> Iterator[Check]:
    """Look at it, at what runs it, at the person's policy, and at what is registered beside it.

    Args:
        chosen: the settings.
        plugin: what was found.
        folder: where a terminal would be started.
    """
    yield _enabled(plugin)
    yield _copy(chosen, plugin)
    yield _interpreter(plugin)
    yield _policy()
    yield _registered(folder)


def _records() -> tuple[Mapping[str, Any], ...]:
    try:
        known: Any = json.loads(
            (claude_settings.user_folder() / "plugins/installed_plugins.json").read_bytes()
        )
        entries = cast("list[Any]", known["plugins"][claude_plugin.FULL_NAME])
        return tuple(cast("dict[str, Any]", one) for one in entries if isinstance(one, dict))
    except (OSError, ValueError, LookupError, TypeError):
        return ()


def _pinned(root: Path) -> dict[str, str]:
    try:
        lines = (root / plugin_copy.PINNED).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return {}
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _enabled(plugin: Plugin) -> Check:
    again = f"Install it: {coord('install')}"
    if not plugin.records:
        return Check("plugin", "failed", f"Claude Code does not have it; {plugin.root} is unused", again)
    if all(record.get("scope", "user") != "user" for record in plugin.records):
        found = (
            "Claude Code has it for single projects only: other projects and fresh worktrees are not guarded"
        )
        return Check("plugin", "failed", found, again)
    claude = claude_code.program()
    if claude is None:
        return Check(
            "plugin", "ok", "installed; `claude` is not on the PATH, so nobody says whether it is on"
        )
    try:
        said = claude_plugin.installed(claude)
    except Failure as failure:
        return Check("plugin", "failed", failure.message, failure.mend)
    if said is None or not said.get("enabled", True):
        found = "Claude Code has it switched off: no hook of it is called"
        mend = (
            "If a settings file is named below, mend that first. "
            f"Then: claude plugin enable {claude_plugin.FULL_NAME}"
        )
        return Check("plugin", "failed", found, mend)
    return Check("plugin", "ok", f"{said.get('version')}, installed and switched on")


def _copy(chosen: Settings, plugin: Plugin) -> Check:
    name = "plugin files"
    writable = [path for path in (plugin.root, *sorted(plugin.root.rglob("*"))) if _is_of_others(path)]
    if writable:
        found = f"{writable[0]}: others may write it, and so change what Claude Code runs as you"
        mend = f"Look at it, then: chmod -R go-w {shlex.quote(str(plugin.root))} && {coord('install')}"
        return Check(name, "failed", found, mend)
    try:
        changed = _changed(plugin)
    except Failure as failure:
        return Check(name, "failed", failure.message, failure.mend)
    again = f"Bring it up to date: {coord('install')}"
    if changed:
        found = f"not as this release installs them: {', '.join(changed[:_SHOWN])}"
        return Check(name, "failed", found, again)
    if not plugin.pinned:
        return Check(name, "ok", f"{plugin.root}, as they come; nothing is pinned")
    meant = {
        "socket": str(folder_in(chosen.data_dir).socket),
        "policy": str(policy.path()),
    }
    for what, path in meant.items():
        if plugin.pinned.get(what) != path:
            found = f"they know the {what} as {plugin.pinned.get(what)}, and here it is {path}"
            return Check(name, "failed", found, again)
    return Check(name, "ok", f"{plugin.root}, unchanged, and yours alone to write")


def _changed(plugin: Plugin) -> list[str]:
    """Return which files are not what this release makes of what is pinned; the version has a digest of that, too."""
    launcher = plugin.root / plugin_copy.LAUNCHER
    launching = launcher.read_bytes() if launcher.is_file() else None
    source = plugin_copy.source()
    wanted = (
        plugin_copy.files_of(source)
        if not plugin.pinned
        else plugin_copy.below_plugin(plugin_copy.render(source, plugin.pinned, launching))
    )
    there = {
        path.relative_to(plugin.root).as_posix(): path
        for path in plugin.root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return [
        name
        for name in sorted(wanted.keys() | there.keys())
        if name not in there or name not in wanted or there[name].read_bytes() != wanted[name]
    ]


def _is_of_others(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    writable = not stat.S_ISLNK(found.st_mode) and bool(found.st_mode & _OTHERS)
    return writable or found.st_uid not in {0, os.geteuid()}


def _interpreter(plugin: Plugin) -> Check:
    name = "interpreter"
    pinned = plugin.pinned.get("interpreter")
    python = pinned or next((one for one in PYTHONS if os.access(Path(one).expanduser(), os.X_OK)), None)
    if python is None:
        found = f"no python3 to run the hooks in {', '.join(PYTHONS)}; on the PATH they do not look"
        return Check(name, "failed", found, f"Pin one: {coord('install')}")
    try:
        subprocess.run(  # noqa: S603 - what the hooks run, asked for nothing
            [Path(python).expanduser(), "-I", "-S", "-c", "pass"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_RUNS_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        what = f"{python} does not run: {getattr(error, 'strerror', None) or error}"
        instead = f"; the hooks look for one in {', '.join(PYTHONS)}, and guard nothing where there is none"
        return Check(name, "failed", f"{what}{instead}", f"Pin one that runs: {coord('install')}")
    return Check(name, "ok", f"{python}{', pinned' if pinned else ', where the hooks look for one'}")


def _policy() -> Check:
    path = policy.path()
    problem = PersonPolicy(path).read().problem
    if problem:
        return Check("policy", "failed", problem, f"Look at it: {coord('policy')}\nThe file: {path}")
    there = f"{path}" if path.exists() else "none, so edits that nobody can guard pass with a warning"
    return Check("policy", "ok", there)


def _registered(folder: Path) -> Check:
    entry = claude_code.entry(ENTRY, folder)
    if entry is not None and claude_code.is_ours(entry):
        found = f"this project has the entry {ENTRY} beside the plugin: every tool is there twice"
        return Check("registrations", "failed", found, f"Take it away: {coord('connect --remove')}")
    return Check("registrations", "ok", "the plugin alone")
