"""`coord config`: which settings are in force and where each comes from. It changes none."""

from typing import Final

from cyclopts import App

from coordination.app.redaction import redact
from coordination.cli.output import OK, Json, emit, say
from coordination.cli.place import settings
from coordination.settings import FILE_NAME, VARIABLES, Settings

UNSET: Final = "(none)"
_EXAMPLES: Final = """Examples:

    coord config show
    coord config show --json
"""


def register(app: App) -> None:
    """Add the command and what it has below."""
    config = App(name="config", help="Show the settings.")
    config.command(show, help_epilogue=_EXAMPLES)
    config.default(show)
    app.command(config)


def show(*, json: Json = False) -> int:
    """Show every setting: its value, its environment variable and where the value comes from. Passwords are masked.

    A value comes from the environment, else from coordination.toml in the data folder, else from coordination.toml in
    your configuration folder, else it is the default. COORDINATION_CONFIG names another file instead of the two.
    """
    chosen = settings()
    rows = [
        (name, _value(chosen, name), variable, chosen.origin(name)) for name, variable in VARIABLES.items()
    ]
    if json:
        emit(
            {
                name: {"value": value, "variable": variable, "origin": origin}
                for name, value, variable, origin in rows
            }
        )
        return OK
    head = ("setting", "value", "variable", "from")
    shown = [head, *((name, UNSET if value is None else str(value), *rest) for name, value, *rest in rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(head) - 1)]
    for name, value, variable, origin in shown:
        say(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {variable:<{widths[2]}}  {origin}")
    say()
    say(f"In {FILE_NAME} the settings have the names of the first column.")
    return OK


def _value(chosen: Settings, name: str) -> str | int | None:
    if name == "database_url":
        return None if chosen.dsn is None else redact(chosen.dsn)
    value: object = getattr(chosen, name)
    return value if isinstance(value, int) or value is None else str(value)
