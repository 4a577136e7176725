"""Which terminals of this person run: processes of Claude Code, as far as the system shows them. It changes nothing."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from coordination.cli import claude_settings

_PROGRAM: Final = "claude"


def terminals() -> Iterator[psutil.Process]:
    """Yield the processes of Claude Code that are this person's."""
    me = os.geteuid()
    for one in psutil.process_iter():
        with suppress(psutil.Error, OSError, IndexError):
            if one.uids().effective == me and _PROGRAM in {one.name(), Path(one.cmdline()[0]).name}:
                yield one


def has_ours() -> bool:
    """Return whether a terminal runs that may have the plugin: one with the folder that Claude Code has here.

    Of one that does not show its variables it is not known, so it may.
    """
    ours = claude_settings.user_folder().resolve()
    return any(_folder(one) in {None, ours} for one in terminals())


def _folder(one: psutil.Process) -> Path | None:
    try:
        return claude_settings.folder_by(one.environ()).resolve()
    except (psutil.Error, OSError):
        return None
