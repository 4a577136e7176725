"""What Claude Code's settings files say that keeps our hooks from being called, or changes what they meet.

Claude Code tells nobody when it skips hooks, and one entry of a wrong shape drops others of the file without a word
(docs/explanation/hooks.md). So the files are read as it reads them: of the person, of the project and its local one,
and the managed ones. Nothing is changed, and what is harmless is not named.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coordination.cli.claude_plugin import FULL_NAME
from coordination.cli.plugin_copy import PLUGIN
from coordination.domain.text import clean
from coordination.repository.checkout import find_top_level

MANAGED: Final = Path(
    "/Library/Application Support/ClaudeCode" if sys.platform == "darwin" else "/etc/claude-code"
)
MODES: Final = {"CLAUDE_CODE_SIMPLE": "--bare", "CLAUDE_CODE_SAFE_MODE": "--safe-mode"}
"""Variables that have Claude Code start without hooks, and the options that set them."""
OUR_TOOLS: Final = f"mcp__plugin_{PLUGIN}"
_LEADS_ASTRAY: Final = re.compile(
    r"HOME|PATH|COORDINATION_.*|XDG_.*|CLAUDE_CONFIG_DIR|BASH_ENV|ENV|LD_.*|DYLD_.*"
)
"""Variables that lead what a hook starts elsewhere, when a repository sets them."""
_SHOWN: Final = 120

Kind = Literal["user", "project", "local", "managed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a settings file that stands in the way of the gate.

    Attributes:
        says: what and where, in plain words.
        mend: what to do about it.
        silences: whether our hooks may not be called at all because of it.
    """

    says: str
    mend: str
    silences: bool


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _Hook(_Part):
    type: str
    command: str | None = None
    timeout: float | None = None


class _Matched(_Part):
    matcher: str | None = None
    hooks: list[_Hook]


class _Permissions(_Part):
    allow: list[str] = []
    deny: list[str] = []
    ask: list[str] = []


class _Settings(_Part):
    """The parts that concern us; the rest is Claude Code's."""

    hooks: dict[str, list[_Matched]] = {}
    permissions: _Permissions = _Permissions()
    env: dict[str, str | int | float | bool] = {}
    plugins: Annotated[dict[str, bool | list[str]], Field(alias="enabledPlugins")] = {}
    no_hooks: Annotated[bool, Field(alias="disableAllHooks")] = False
    managed_hooks_only: Annotated[bool, Field(alias="allowManagedHooksOnly")] = False


def user_folder() -> Path:
    """Return where Claude Code keeps what is the person's."""
    return folder_by(os.environ)


def folder_by(environment: Mapping[str, str]) -> Path:
    """Return where Claude Code keeps what is the person's, when it was started with these variables."""
    home = environment.get("HOME") or Path.home()
    return Path(environment.get("CLAUDE_CONFIG_DIR") or Path(home) / ".claude")


def files(folder: Path, managed: Path = MANAGED) -> list[tuple[Kind, Path]]:
    """Return the settings files that a terminal in `folder` has; each that is there, once.

    Args:
        folder: where the terminal starts.
        managed: where an administrator puts theirs.
    """
    found: list[tuple[Kind, Path]] = [("user", user_folder() / "settings.json")]
    for project in dict.fromkeys((folder.resolve(), find_top_level(folder) or folder.resolve())):
        found.append(("project", project / ".claude/settings.json"))
        found.append(("local", project / ".claude/settings.local.json"))
    found.append(("managed", managed / "managed-settings.json"))
    found.extend(("managed", path) for path in sorted(managed.glob("managed-settings.d/*.json")))
    once: dict[Path, tuple[Kind, Path]] = {}
    for kind, path in found:
        if os.path.lexists(path):
            once.setdefault(path.resolve(), (kind, path))
    return list(once.values())


def findings(settings: Sequence[tuple[Kind, Path]], environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look through settings files, and through the variables that terminals started here would have.

    Args:
        settings: the files (`files`).
        environment: the variables.
    """
    for variable, option in MODES.items():
        if environment.get(variable, "0") not in {"", "0", "false"}:
            says = f"{variable} is set here: terminals start without hooks, as with {option}"
            yield Finding(says, f"unset {variable}", silences=True)
    for kind, path in settings:
        yield from _findings(kind, path)


def beside_ours(settings: Sequence[tuple[Kind, Path]]) -> list[Path]:
    """Return the files that have hooks of their own before edits: they may change an edit after ours has looked."""
    found: list[Path] = []
    for _, path in settings:
        with suppress(ValidationError, OSError):
            hooks = _read(path).hooks.get("PreToolUse", [])
            if any(_matches(matched.matcher, "Write") and matched.hooks for matched in hooks):
                found.append(path)
    return found


def _read(path: Path) -> _Settings:
    return _Settings.model_validate_json(path.read_bytes() or b"{}")


def _findings(kind: Kind, path: Path) -> Iterator[Finding]:
    whole = kind in {"user", "managed"}
    try:
        read = _read(path)
    except ValidationError as error:
        yield Finding(
            f"{path} is not as Claude Code wants it, which then drops more of it than that: {_first(error)}",
            f"Mend it there, and look what Claude Code says: claude doctor. The file: {path}",
            silences=whole,
        )
        return
    except OSError as error:
        yield Finding(f"{path} cannot be read: {error.strerror}", f"Look what it is: {path}", silences=whole)
        return
    yield from _silencing(kind, path, read)
    yield from _astray(kind, path, read)


def _silencing(kind: Kind, path: Path, read: _Settings) -> Iterator[Finding]:
    if read.no_hooks:
        yield Finding(
            f"{path} switches all hooks off (disableAllHooks), so no edit is guarded",
            f'Take "disableAllHooks" out of {path}',
            silences=True,
        )
    if read.managed_hooks_only and kind == "managed":
        yield Finding(
            f"{path} allows only hooks that your administrator manages (allowManagedHooksOnly)",
            f"Ask who administers {path} to install the plugin for all",
            silences=True,
        )
    if read.plugins.get(FULL_NAME) is False:
        yield Finding(
            f"{path} switches the plugin off (enabledPlugins)",
            f'Take "{FULL_NAME}" out of {path}'
            if kind != "user"
            else f"Type: claude plugin enable {FULL_NAME}",
            silences=True,
        )
    for variable, option in MODES.items():
        if str(read.env.get(variable, "0")).lower() not in {"", "0", "false"}:
            yield Finding(
                f"{path} sets {variable}: terminals start without hooks, as with {option}",
                f"Take {variable} out of {path}",
                silences=True,
            )


def _astray(kind: Kind, path: Path, read: _Settings) -> Iterator[Finding]:
    denied = [rule for rule in read.permissions.deny if rule.startswith(OUR_TOOLS)]
    if denied:
        yield Finding(
            f"{path} denies our tools ({clean(', '.join(denied), _SHOWN)}); edits are guarded all the same",
            f"Take that out of permissions.deny in {path}",
            silences=False,
        )
    if kind not in {"project", "local"}:
        return
    names = sorted(name for name in read.env if _LEADS_ASTRAY.fullmatch(name))
    if names:
        yield Finding(
            f"{path} sets {clean(', '.join(names), _SHOWN)} for every terminal of this project. Hooks do not believe "
            "it; what agents start with `coord` does",
            f"Take that out of env in {path}",
            silences=False,
        )


def _matches(matcher: str | None, tool: str) -> bool:
    if matcher in {None, "", "*"}:
        return True
    try:
        return re.fullmatch(str(matcher), tool) is not None
    except re.error:
        return False


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in found["loc"]) or "the whole file"
    return clean(f"{where}: {found['msg']}", 2 * _SHOWN)
