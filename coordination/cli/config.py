"""`coord config`: which settings are in force and where each comes from. It changes none."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final, cast

from cyclopts import App
from pydantic import SecretStr

from coordination.app.redaction import redact
from coordination.cli.output import FOUND, OK, Json, emit, say
from coordination.domain.text import clean
from coordination.settings import FILE_NAME, VARIABLES, Examined, Problem, Settings, examine

UNSET: Final = "(none)"
HIDDEN: Final = "(hidden)"
GIVEN: Final = 60
_EXAMPLES: Final = """Examples:

    coord config show
    coord config show --json
"""


def register(app: App) -> None:
    """Add the command and what it has below."""
    config = App(name="config", help="Show the settings.", help_epilogue=_EXAMPLES)
    config.command(show, help_epilogue=_EXAMPLES)
    config.default(show)
    app.command(config)


def show(*, json: Json = False) -> int:
    """Show every setting: its value, its environment variable and where the value comes from. Passwords are masked.

    A value comes from the environment, else from coordination.toml in the data folder, else from coordination.toml in
    your configuration folder, else it is the default. COORDINATION_CONFIG names another file instead of the two.
    Exits with 5 when something cannot be used, and says what mends it.
    """
    read = examine()
    rows = list(_rows(read))
    if json:
        answer: dict[str, object] = {
            name: {"value": value, "variable": variable, "origin": origin}
            for name, value, variable, origin in rows
        }
        emit({**answer, "problems": [asdict(problem) for problem in read.problems]})
    else:
        _print(rows, read.problems)
    return FOUND if read.problems else OK


def _rows(read: Examined) -> Iterator[tuple[str, str | int | None, str, str]]:
    wrong = {problem.setting: problem.origin for problem in read.problems}
    for name, variable in VARIABLES.items():
        if name in wrong:
            yield name, None, variable, wrong[name]
        else:
            yield name, _value(read.settings, name), variable, read.settings.origin(name)


def _print(rows: Sequence[tuple[str, str | int | None, str, str]], problems: Sequence[Problem]) -> None:
    given = {problem.setting: clean(problem.given, GIVEN) or HIDDEN for problem in problems}
    shown = [("setting", "value", "variable", "from")]
    for name, value, variable, origin in rows:
        if name in given:
            shown.append((name, given[name], variable, f"{origin} (cannot be used)"))
        else:
            shown.append((name, UNSET if value in (None, "") else str(value), variable, origin))
    widths = [max(len(row[column]) for row in shown) for column in range(3)]
    for name, value, variable, origin in shown:
        say(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {variable:<{widths[2]}}  {origin}")
    say()
    say(f"In {FILE_NAME} the settings have the names of the first column.")
    for problem in problems:
        say()
        say(problem.says)
        say(f"  {problem.mend}")


def _value(chosen: Settings, name: str) -> str | int | None:
    if name == "database_url":
        return None if chosen.database_url is None else redact(chosen.database_url.get_secret_value())
    value: object = getattr(chosen, name)
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, tuple):
        return ", ".join(cast("tuple[str, ...]", value))
    return value if isinstance(value, int) or value is None else str(value)
