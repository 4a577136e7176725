"""How every command answers: short text for people, the same as JSON for machines, and an exit code.

    code  meaning
    0     done, or already so
    1     failed: the message says why and what to do
    2     usage: the command line or a setting is wrong; nothing was done
    3     the service does not run, or does not answer
    4     the service answered and refused; the message is its own
    5     looked, and found something to mend (`coord migrate --check`, `config show`, `doctor`)
    130   interrupted by Ctrl-C

Answers go to standard output, progress and failures to standard error; with `--json` a failure is an object too,
`{"error": {"code", "message", "mend"}}`, on standard output. What a person may paste is never wrapped nor
coloured inside. It decides nothing, and asks nobody.
"""

from __future__ import annotations

import json as json_text
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from cyclopts import Parameter

if TYPE_CHECKING:
    from rich.console import Console

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
REFUSED: Final = 4
FOUND: Final = 5
INTERRUPTED: Final = 130

JSON_FLAG: Final = "--json"

Json: TypeAlias = Annotated[
    bool, Parameter(name=JSON_FLAG, negative="", show_default=False, help="Answer in JSON, for machines.")
]
"""The flag that every command takes: `def status(..., *, json: Json = False)`."""


class Failure(Exception):
    """A command cannot do what it was asked; `main` prints it and exits with its code.

    Args:
        message: what went wrong, in plain words; may have several lines.
        mend: what to do about it, or "".
        exit_code: one of the table above.
        code: a stable word for machines, such as `unreachable`; of a refusal the service's own.
    """

    def __init__(
        self, message: str, *, mend: str = "", exit_code: int = FAILED, code: str = "failed"
    ) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend
        self.exit_code = exit_code
        self.code = code


def emit(answer: Mapping[str, object] | Sequence[object]) -> None:
    """Print an answer as JSON to standard output. Values that JSON lacks (paths, times) become text."""
    say(as_json_text(answer, indent=2))


def as_json_text(answer: object, *, indent: int | None = None) -> str:
    """Return JSON that standard output can carry: as it is, else with escapes, never with marks in place of letters."""
    text = json_text.dumps(answer, indent=indent, ensure_ascii=False, default=str)
    if _printable(text, sys.stdout.encoding) == text:
        return text
    return json_text.dumps(answer, indent=indent, default=str)


def say(text: str = "") -> None:
    """Print a line for a person exactly as it is: not wrapped, not coloured, fit to be pasted."""
    sys.stdout.write(f"{_printable(text, sys.stdout.encoding)}\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """Print a line about the course of things to standard error."""
    sys.stderr.write(f"{_printable(text, sys.stderr.encoding)}\n")
    sys.stderr.flush()


def console(*, errors: bool = False) -> Console:
    """The rich console for tables, styles and live views; colours only where the terminal has them."""
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second that only tables cost

    return Console(stderr=errors, highlight=False)


def facts(rows: Sequence[tuple[str, str]]) -> None:
    """Print aligned pairs of a name and a value, one a line, for a person."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        say(f"  {name:<{width}}  {value}".rstrip())


@contextmanager
def progress(text: str, *, quiet: bool) -> Generator[None]:
    """Show that something takes its time: a spinner on a terminal, one line elsewhere, nothing when quiet.

    Args:
        text: what is being waited for.
        quiet: show nothing, usually the value of `--json`.
    """
    if quiet:
        yield
    elif sys.stderr.isatty():
        with console(errors=True).status(text):
            yield
    else:
        tell(f"{text} …")
        yield


@contextmanager
def show_progress(*, quiet: bool) -> Generator[Callable[[str, int], Callable[[int], None]]]:
    """Show how far something with several stages is: a bar on a terminal, nothing elsewhere or when quiet.

    Args:
        quiet: show nothing, usually the value of `--json`.

    Yields:
        What begins a stage, by its name and number of steps (0 when that is not known), and returns what is told of
        steps that are done.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda name, steps: lambda done: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415 - as above

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=console(errors=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def stage(name: str, steps: int) -> Callable[[int], None]:
            bar.reset(task, description=name, total=steps or None)
            return lambda done: bar.advance(task, done)

        yield stage


def report(failure: Failure, *, json: bool) -> int:
    """Print a failure for whoever asked, and return its exit code."""
    if json:
        error = {"code": failure.code, "message": failure.message, "mend": failure.mend}
        emit({"error": error})
    else:
        tell(failure.message)
        if failure.mend:
            tell(failure.mend)
    return failure.exit_code


def _printable(text: str, encoding: str) -> str:
    """Keep what the stream can carry: a terminal in the C locale must not end a command."""
    return text.encode(encoding, errors="replace").decode(encoding)
