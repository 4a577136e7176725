"""The plugin in Claude Code: offered by a marketplace that is a folder of ours, installed, brought up to date, removed.

All of it by `claude plugin`, never by writing its files. What Claude Code has is asked first, so that what is as it
is to be is left alone; one look takes it half a second.
"""

import json
import shlex
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from coordination.cli import claude_code
from coordination.cli.output import Failure
from coordination.cli.place import coord
from coordination.cli.plugin_copy import MARKETPLACE, PLUGIN

FULL_NAME: Final = f"{PLUGIN}@{MARKETPLACE}"
CACHE: Final = f"plugins/cache/{MARKETPLACE}"
"""Where Claude Code keeps copies of its own, below its folder; it removes those that it does not need some day."""

Change = tuple[str, str]
"""What was changed (`added`, `updated`, `replaced`, `removed`, `unchanged`), and of what."""


def lines(place: Path) -> list[str]:
    """Return what a person types to do by hand what `register` does."""
    return [f"claude plugin marketplace add {shlex.quote(str(place))}", f"claude plugin install {FULL_NAME}"]


def lines_to_remove() -> list[str]:
    """Return what a person types to do by hand what `remove` does."""
    return [f"claude plugin uninstall {FULL_NAME}", f"claude plugin marketplace remove {MARKETPLACE}"]


def register(claude: str, place: Path, version: str) -> Iterator[Change]:
    """Have Claude Code offer and install the plugin in a folder, and yield what that changes.

    Raises:
        Failure: `claude` refused, or cannot be understood.
    """
    by_hand = "\n".join(["By hand:", *lines(place)])
    known = _one(claude, "name", MARKETPLACE, "marketplace", "list")
    offered = known is not None and known.get("path") == str(place)
    if known is not None and not offered:
        # One of that name from elsewhere; what it offered goes with it.
        claude_code.order(claude, "plugin", "marketplace", "remove", MARKETPLACE, mend=by_hand)
    if not offered:
        claude_code.order(claude, "plugin", "marketplace", "add", str(place), mend=by_hand)
    yield ("unchanged" if offered else "replaced" if known is not None else "added"), "marketplace"
    yield _install(claude, version, by_hand), "plugin"


def remove(claude: str) -> Iterator[Change]:
    """Have Claude Code remove the plugin and the marketplace, and yield what that changes.

    Raises:
        Failure: `claude` refused, or cannot be understood.
    """
    by_hand = "\n".join(["By hand:", *lines_to_remove()])
    found = installed(claude)
    if found is not None:
        claude_code.order(claude, "plugin", "uninstall", FULL_NAME, mend=by_hand)
    yield ("unchanged" if found is None else "removed"), "plugin"
    known = _one(claude, "name", MARKETPLACE, "marketplace", "list")
    if known is not None:
        claude_code.order(claude, "plugin", "marketplace", "remove", MARKETPLACE, mend=by_hand)
    yield ("unchanged" if known is None else "removed"), "marketplace"


def remove_copies(folder: Path) -> str:
    """Remove the copies of the plugin that Claude Code keeps in its folder, and say what that changed.

    No terminal may run that could have the plugin. What Claude Code cannot do without is none of them then.
    """
    copies = folder / CACHE / PLUGIN
    if not copies.is_dir():
        return "unchanged"
    with suppress(OSError):
        # Some day Claude Code removes what cannot be removed now.
        shutil.rmtree(copies)
        copies.parent.rmdir()
    return "unchanged" if copies.exists() else "removed"


def installed(claude: str) -> dict[str, Any] | None:
    """Return what Claude Code says of the plugin that it has for this person, in the current folder.

    Raises:
        Failure: it cannot be run, or understood.
    """
    return _one(claude, "id", FULL_NAME, "list")


def _install(claude: str, version: str, by_hand: str) -> str:
    found = installed(claude)
    if found is None:
        claude_code.order(claude, "plugin", "install", FULL_NAME, mend=by_hand)
        return "added"
    change = "unchanged"
    if found.get("version") != version:
        claude_code.order(claude, "plugin", "update", FULL_NAME, mend=by_hand)
        change = "updated"
    if not found.get("enabled", True):
        claude_code.order(claude, "plugin", "enable", FULL_NAME, mend=by_hand)
        change = "updated"
    return change


def _one(claude: str, key: str, value: str, *what: str) -> dict[str, Any] | None:
    """Return one object of what Claude Code lists, None when there is none such."""
    said = claude_code.order(claude, "plugin", *what, "--json", mend=f"See: {coord('doctor')}")
    try:
        found: Any = json.loads(said)
        return next((one for one in found if one[key] == value and one.get("scope", "user") == "user"), None)
    except (ValueError, TypeError, LookupError, AttributeError):
        raise Failure(
            f"`claude plugin {' '.join(what)} --json` printed what cannot be understood: {said[:200]!r}",
            mend="Which release is it? claude --version; this was made for 2.1.197 and newer.",
        ) from None
