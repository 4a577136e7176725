"""docs/reference/cli.md names every command, argument, option, exit code and failure code, and nothing else."""

import ast
import re
import shlex
from collections.abc import Iterator

import pytest
from cyclopts import App

from coordination.cli import output
from coordination.cli.commands import app
from coordination.client import errors as client_errors
from coordination.client import supabase_login
from tests.unit.docs.page import (
    REFERENCE,
    ROOT,
    fences,
    headings,
    names,
    pages,
    rows,
    section,
    spans,
    text_of,
)

PAGE = text_of(REFERENCE / "cli.md")
ERRORS = text_of(REFERENCE / "errors.md")
# What every command has; the page says it once, for `coord`.
GENERAL = {"--help", "-h", "--version"}

_COORD = re.compile(r"(?:\$ )?(?:[A-Z_]+=\S+ )*coord (.+)")
_MAKE = re.compile(r"`(?:[A-Z]+=\S+ )?make ([a-z-]+)|^(?:\$ )?make ([a-z-]+)", re.MULTILINE)


def commands(group: App, path: str) -> Iterator[tuple[str, App]]:
    """Every command below a group by the words that call it."""
    for name, command in group.resolved_commands().items():
        if not name.startswith("-"):
            yield f"{path} {name}", command
            yield from commands(command, f"{path} {name}")


COMMANDS = dict(commands(app, "coord"))


def own_part(title: str) -> str:
    """The section of a command without those of the commands below it."""
    return re.split(r"^### ", section(PAGE, title), flags=re.MULTILINE)[0]


def test_every_command_has_its_section_and_nothing_else_has() -> None:
    documented = [title for level in (2, 3) for title in headings(PAGE, level) if title.startswith("coord ")]
    assert sorted(documented) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_argument_and_option_of_a_command_has_its_row_and_nothing_else_has(command: str) -> None:
    taken = [name for argument in COMMANDS[command].assemble_argument_collection() for name in argument.names]
    assert names(own_part(command)) == taken


def test_what_the_program_itself_takes_has_its_rows() -> None:
    options = {name for name in app.resolved_commands() if name.startswith("-")} | GENERAL
    assert set(names(own_part("coord"))) == options


def test_every_exit_code_has_its_row_and_nothing_else_has() -> None:
    codes = {value for name, value in vars(output).items() if name.isupper() and type(value) is int}
    assert {int(code) for code in names(section(PAGE, "Exit codes").split("With `--json`")[0])} == codes


def test_every_failure_code_has_its_row_with_its_exit_code_unless_it_is_one_of_the_service() -> None:
    documented = {(spans(code)[0], int(exit_code)) for code, exit_code, _ in _failure_rows()}
    of_the_service = set(names(ERRORS))
    found = {(code, number) for code, number in failures() if code not in of_the_service} | {
        (client_errors.ServiceUnreachable.default_code, output.UNREACHABLE),
        (client_errors.ServiceUnavailable.default_code, output.UNREACHABLE),
        (client_errors.RequestRefused.default_code, output.REFUSED),
        ("not_understood", output.REFUSED),
        (client_errors.UnsafeAddress.default_code, output.USAGE),
        (supabase_login.REFUSED, output.REFUSED),
        (supabase_login.ENDED, output.REFUSED),
        ("login_timed_out", output.REFUSED),
    }
    # `not_ready` is a word of the health pages too, where it has no exit code.
    assert documented == found | {("not_ready", output.FAILED)}


def failures() -> Iterator[tuple[str, int]]:
    """Every code that a command fails with, and the exit code beside it."""
    yield "failed", output.FAILED
    for module in sorted((ROOT / "coordination/cli").glob("*.py")):
        for node in ast.walk(ast.parse(text_of(module))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Failure":
                given = {keyword.arg: keyword.value for keyword in node.keywords}
                code = given.get("code")
                if isinstance(code, ast.Constant):
                    named = given.get("exit_code")
                    yield (
                        str(code.value),
                        vars(output)[named.id] if isinstance(named, ast.Name) else output.FAILED,
                    )


def _failure_rows() -> list[list[str]]:
    return [row for row in rows(section(PAGE, "Exit codes")) if len(row) == 3]


def shown_commands() -> Iterator[list[str]]:
    """Every command line of `coord` that a page shows, without what stands before and behind it."""
    for page in pages():
        for fence in fences(text_of(page)):
            for line in fence.text.splitlines() if fence.language in {"console", "sh", "text"} else ():
                match = _COORD.match(line)
                if match:
                    yield shlex.split(re.split(" [<>] ", match[1])[0], comments=True)


@pytest.mark.parametrize("tokens", list(shown_commands()), ids=" ".join)
def test_every_command_line_on_a_page_is_one_that_the_command_takes(tokens: list[str]) -> None:
    app.parse_args(tokens, exit_on_error=False, print_error=False)


def test_every_make_target_on_a_page_is_one_that_the_makefile_has() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {name for page in pages() for found in _MAKE.findall(text_of(page)) for name in found if name}
    assert named
    assert named <= targets
