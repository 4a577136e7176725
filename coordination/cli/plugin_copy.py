"""Our own copy of the plugin, in the data folder: the plugin, and what it must know of this machine.

A file `pinned` beside the hook program says which interpreter runs it, where `coord`, the daemon's socket and the
person's policy are. It stands in no repository and no environment, so nobody but the person decides that. The port
stands in the address of the plugin's server. The version of the copy ends in a digest of all of it: Claude Code
replaces what it has exactly when something changed. Newer releases (2.1.330) read the copy where it lies, older ones
(2.1.197) copy it once more.
"""

import hashlib
import json
import os
import shlex
import shutil
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import coordination
from coordination.app.command_line import program
from coordination.cli import target
from coordination.cli.output import Failure
from coordination.cli.place import folder_variables
from coordination.client import private_file
from coordination.client.private_file import UnusableFile
from coordination.daemon.folder import PORT, check, folder_in
from coordination.settings import Settings

MARKETPLACE: Final = "coordination"
PLUGIN: Final = "coord"
NAME: Final = "plugin"
POLICY: Final = "policy"
PINNED: Final = "hooks/pinned"
LAUNCHER: Final = "hooks/coord"
LEFT: Final = frozenset({f"{PLUGIN}/hooks/run.sh", f"{PLUGIN}/hooks/hook.py", f"{PLUGIN}/{PINNED}"})
"""What answers edits in terminals that run when the copy is removed."""
MANIFEST: Final = ".claude-plugin/plugin.json"
_SERVER: Final = ".mcp.json"
_LEFT_OUT: Final = frozenset({"__pycache__", "pinned"})
_PLACES: Final = ("coordination/clients/claude_code", "clients/claude_code")

Files = Mapping[str, bytes]
"""What is to be there: contents by path below the folder."""


def folder(data_dir: Path) -> Path:
    """Return where the copy is, or would be."""
    return data_dir / NAME


def source() -> Path:
    """Return the plugin as it comes: in the package, or in the repository beside it.

    Raises:
        Failure: it is in neither.
    """
    above = Path(coordination.__file__).parents[1]
    found = next((above / place for place in _PLACES if (above / place / MANIFEST).is_file()), None)
    if found is None:
        raise Failure(
            f"The plugin is not in this installation: there is no {_PLACES[0]} below {above}.",
            mend="Install coordination again, from its wheel or its repository.",
        )
    return found


def pins(chosen: Settings, port: int) -> dict[str, str]:
    """Return what the copy says of this machine, by the names that the hook program knows."""
    found = {
        "interpreter": sys.executable,
        "socket": str(folder_in(chosen.data_dir).socket),
        "policy": str(target.folder() / POLICY),
        "port": str(port),
        "installed": str(folder(chosen.data_dir) / PLUGIN / MANIFEST),
    }
    coord = _program()
    if coord is not None:
        found["coord"] = coord
    if coord is not None and folder_variables():
        found["coord"] = str(folder(chosen.data_dir) / PLUGIN / LAUNCHER)
    return found


def launcher() -> bytes | None:
    """Return what starts `coord` with the folders that it has here, None where those are the usual ones.

    The hook program starts it with none of a terminal's environment.
    """
    coord, variables = _program(), folder_variables()
    if coord is None or not variables:
        return None
    told = "".join(f"{name}={shlex.quote(value)} " for name, value in sorted(variables.items()))
    return f'#!/bin/sh\nexec env {told}{shlex.quote(coord)} "$@"\n'.encode(errors="surrogateescape")


def render(plugin: Path, pinned: Mapping[str, str], launching: bytes | None = None) -> Files:
    """Return the copy of a plugin, with the marketplace that offers it.

    Args:
        plugin: the plugin as it comes.
        pinned: what it must know of this machine (`pins`).
        launching: what starts `coord` (`launcher`).

    Raises:
        Failure: a path of this machine cannot be written into it.
    """
    files = files_of(plugin)
    files[PINNED] = _pinned(pinned)
    if launching is not None:
        files[LAUNCHER] = launching
    usual, wanted = f"127.0.0.1:{PORT}/", f"127.0.0.1:{pinned.get('port', PORT)}/"
    files[_SERVER] = files[_SERVER].replace(usual.encode(), wanted.encode())
    manifest: dict[str, Any] = json.loads(files[MANIFEST])
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    manifest["version"] = f"{manifest.get('version', coordination.__version__)}+{digest.hexdigest()[:8]}"
    files[MANIFEST] = _json(manifest)
    offer = {"name": PLUGIN, "description": manifest.get("description", ""), "source": f"./{PLUGIN}"}
    marketplace = {
        "name": MARKETPLACE,
        "description": "The plugin as it was installed on this machine.",
        "owner": manifest.get("author", {"name": MARKETPLACE}),
        "plugins": [offer],
    }
    return {".claude-plugin/marketplace.json": _json(marketplace)} | {
        f"{PLUGIN}/{name}": content for name, content in files.items()
    }


def files_of(plugin: Path) -> dict[str, bytes]:
    """Return the files of a plugin as it comes."""
    files: dict[str, bytes] = {}
    for path in sorted(plugin.rglob("*")):
        name = path.relative_to(plugin)
        if path.is_file() and _LEFT_OUT.isdisjoint(name.parts):
            files[name.as_posix()] = path.read_bytes()
    return files


def below_plugin(files: Files) -> dict[str, bytes]:
    """Return those files of a copy that are the plugin's, by their paths below its folder."""
    start = f"{PLUGIN}/"
    return {name.removeprefix(start): content for name, content in files.items() if name.startswith(start)}


def version(files: Files) -> str:
    """Return the version of a copy."""
    return str(json.loads(files[f"{PLUGIN}/{MANIFEST}"])["version"])


def write(place: Path, files: Files) -> str:
    """Bring the copy to what it is to be, and say what that changed: `added`, `updated` or `unchanged`.

    Each file is replaced as a whole, because terminals run from it meanwhile.

    Raises:
        Failure: others could change it: its folder, or the one above, is not ours alone to write.
        OSError: it cannot be written.
    """
    _require_ours(place)
    known = _found(place)
    if known == files:
        return "unchanged"
    for name, content in files.items():
        if known.get(name) != content:
            _make(place, (place / name).parent)
            private_file.write(place / name, content)
            if name == f"{PLUGIN}/{LAUNCHER}":
                (place / name).chmod(0o700)
    for name in known.keys() - files.keys():
        (place / name).unlink()
    return "updated" if f"{PLUGIN}/{MANIFEST}" in known else "added"


def remove(place: Path, *, has_terminals: bool) -> str:
    """Remove the copy, and say what that changed: `removed` or `unchanged`.

    Terminals that run have the plugin until they end, and Claude Code (2.1.330 and 2.1.197) takes a hook whose plugin's
    folder is gone for one that agrees. So for them what answers edits stays; without the manifest it knows that it was
    removed, judges by the policy alone, and starts no daemon.

    Args:
        place: the copy.
        has_terminals: whether terminals run that may have it.

    Raises:
        OSError: it cannot be removed.
    """
    stays = LEFT if has_terminals else frozenset[str]()
    gone = [name for name in _found(place) if name not in stays]
    for name in gone:
        (place / name).unlink()
    for one in sorted((path for path in place.rglob("*") if path.is_dir()), reverse=True):
        with suppress(OSError):
            one.rmdir()
    with suppress(OSError):
        place.rmdir()
    return "removed" if gone else "unchanged"


def pinned_port(data_dir: Path) -> int | None:
    """Return the port that the copy was made for, None when there is none."""
    copy = folder(data_dir) / PLUGIN
    with suppress(OSError, ValueError):
        lines = (copy / PINNED).read_text(encoding="utf-8").splitlines() if (copy / MANIFEST).exists() else []
        return next((int(line.removeprefix("port=")) for line in lines if line.startswith("port=")), None)
    return None


def _program() -> str | None:
    """Return the program `coord` by its path, None where it runs as a module of an interpreter only."""
    named = shutil.which(program()) if program() == PLUGIN else program()
    return os.path.abspath(named) if named is not None and os.path.isfile(named) else _beside()


def _beside() -> str | None:
    beside = Path(sys.executable).with_name(PLUGIN)
    return str(beside) if beside.is_file() else None


def _pinned(pinned: Mapping[str, str]) -> bytes:
    for name, value in pinned.items():
        if "\n" in value or value != value.strip():
            raise Failure(f"The path of {name} has a line end or a space at its end: {value!r}")
    return "".join(f"{name}={value}\n" for name, value in sorted(pinned.items())).encode(
        errors="surrogateescape"
    )


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _found(place: Path) -> dict[str, bytes]:
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _require_ours(place: Path) -> None:
    """Make sure that nobody else can put files there: Claude Code runs them as the person."""
    try:
        if os.path.lexists(place):
            check(place)
        above = place.parent.stat()
    except FileNotFoundError:
        return
    except UnusableFile as error:
        raise Failure(str(error), code="unsafe_folder") from None
    if above.st_uid not in {0, os.geteuid()} or above.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Failure(
            f"{place.parent}: others may write there, and so change what Claude Code runs as you.",
            mend=f"When they did nothing there: chmod go-w {shlex.quote(str(place.parent))}",
            code="unsafe_folder",
        )


def _make(place: Path, below: Path) -> None:
    """Make a folder of the copy, and those above it, for us alone."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for one in reversed([below, *below.parents]):
        if one.is_relative_to(place):
            one.mkdir(mode=0o700, exist_ok=True)
