"""Asking git about a repository that may be hostile: nothing that its configuration names is ever run.

A repository brings its own configuration along when it was unpacked and not cloned, and git runs much of what stands
there: hooks, a file system monitor, filters of content, a pager, programs that fetch. Each is switched off from
outside, which counts more than any file. Answers are bytes, parted by NUL, because names may hold anything. Nothing is
written.
"""

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SECONDS: Final = 60.0
MOST_BYTES: Final = 256 * 1024 * 1024
"""Of one answer: the names of over a million files."""
_SAFE: Final = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.bare=false",
    "diff.external=",
    "log.showSignature=false",
    "log.showRoot=true",
    "protocol.allow=never",
    "submodule.recurse=false",
)
_CONFIGURATION: Final = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH")
_FILTERS: Final = r"^filter\..*\.(clean|smudge|process|required)$"
_SAID: Final = 4000
_DUBIOUS: Final = "dubious ownership"


class RepositoryUnreadable(Exception):
    """The folder cannot be indexed; the message says why and what helps, in plain words."""


class Git:
    """Runs git in one working tree.

    Args:
        top: the real path of the tree's top level.
        environment: the variables of whoever asks; those that would lead git elsewhere are left out.
        reads_content: whether a command will look into files of the tree. Only then are filters of content run, and
            only then is git asked which there are, to switch them off.

    Raises:
        RepositoryUnreadable: git is not installed, or refuses this repository.
    """

    def __init__(self, top: Path, environment: Mapping[str, str], *, reads_content: bool = True) -> None:
        self._top = top
        self._environment = _safe(environment)
        self._command = [
            "git",
            "--no-pager",
            "--no-replace-objects",
            "--literal-pathspecs",
            f"--work-tree={top}",
        ]
        self._command += [part for setting in _SAFE for part in ("-c", setting)]
        if reads_content:
            self._environment |= _overrides(
                self.ask("config", "-z", "--name-only", "--get-regexp", _FILTERS, fine=(0, 1))
            )

    def ask(
        self,
        *arguments: str,
        seconds: float = SECONDS,
        fine: tuple[int, ...] = (0,),
        most: int = MOST_BYTES,
        partly: bool = False,
    ) -> bytes:
        """Run one command and return what it prints.

        Args:
            arguments: the command and its options, none of which comes from the repository.
            seconds: how long it may take.
            fine: the exit codes that are no failure.
            most: how many bytes it may print.
            partly: of an answer that takes too long or is too large, return what came.

        Raises:
            RepositoryUnreadable: git is not installed, fails, takes too long or prints too much.
        """
        with tempfile.TemporaryFile() as errors:
            try:
                # The program is git as the user's PATH finds it, and the arguments are our own.
                process = subprocess.Popen(  # noqa: S603 - see above
                    [*self._command, *arguments],
                    cwd=self._top,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                )
            except FileNotFoundError:
                raise RepositoryUnreadable("git is not installed, or not on the PATH.") from None
            answer, ended = _read(process, seconds, most)
            errors.seek(0)
            said = errors.read(_SAID).decode(errors="replace")
        if not ended and not partly:
            limits = f"{seconds:g} seconds and {most // 1024**2} MiB"
            raise RepositoryUnreadable(f"git {arguments[0]} takes more than {limits}.")
        if ended and process.returncode not in fine:
            raise RepositoryUnreadable(_why(arguments[0], said))
        return answer


def _read(process: subprocess.Popen[bytes], seconds: float, most: int) -> tuple[bytes, bool]:
    """Return what a process prints, and whether it came to its end within its bounds; afterwards it has ended."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        with process:
            # Not None, because it is a pipe.
            answer = process.stdout.read(most + 1) if process.stdout is not None else b""
            if len(answer) > most:
                process.kill()
    finally:
        timer.cancel()
    return answer[:most], len(answer) <= most and not late.is_set()


def _safe(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what would lead git elsewhere, as in a hook, and in which nothing asks."""
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith("GIT_") or name in _CONFIGURATION
    }
    # A relative entry would be looked up in the repository, where anything may lie under the name of git.
    places = (place for place in kept.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(place))
    return kept | {
        "PATH": os.pathsep.join(places) or os.devnull,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_PAGER": "cat",
        "LC_ALL": "C",
    }


def _overrides(names: bytes) -> dict[str, str]:
    """Return the variables that empty these settings; as options, names with `=` inside would be read wrongly."""
    found = [os.fsdecode(name) for name in names.split(b"\0") if name]
    variables = {"GIT_CONFIG_COUNT": str(len(found))}
    for number, name in enumerate(found):
        variables[f"GIT_CONFIG_KEY_{number}"] = name
        variables[f"GIT_CONFIG_VALUE_{number}"] = "false" if name.endswith(".required") else ""
    return variables


def _why(command: str, said: str) -> str:
    if _DUBIOUS in said:
        return (
            "git refuses this repository, because its folder belongs to another user."
            " Run it as that user, or allow the folder: git config --global --add safe.directory FOLDER"
        )
    first = re.sub(r"^(fatal|error): ", "", said.strip().partition("\n")[0])
    return f"git {command} failed: {first or 'it gave no reason'}."
