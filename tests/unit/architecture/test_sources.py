"""House rules that no linter knows: size, names, the environment, and reasons beside exceptions."""

import ast
import re
import tokenize
from pathlib import Path

import pytest

from tests.unit.architecture.sources import PACKAGE, ROOT, definitions, layers, named, python_files, syntax

LONGEST_MODULE = 300
# design.md, section 1: words that say nothing. `handler` says nothing only when it stands alone.
BANNED_WORDS = {"manager", "helper", "util", "common", "data", "process", "processor"}
BANNED_NAMES = {"handler", "handle"}
# What Postgres and the settings call the place where a cluster lives.
DATA_FOLDER = re.compile(r"data_?(?=folder|dir)", re.IGNORECASE)
# Names that a library calls, which nobody here can choose.
FOREIGN_NAMES = {"data_received", "pipe_data_received", "process_exited"}
BELOW_SETTINGS = [name for layer in layers()[layers().index(["settings"]) + 1 :] for name in layer]
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}
EXCEPTION = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*)?|(?:pyright|type):\s*ignore(?:\[[^\]]*\])?)"
)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")  # the words that this test looks for: see below
FIRST_WORD = re.compile(r"\w")


def words(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name, singular and in lower case."""
    found = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    return {word.lower() for word in found} | {word.lower().removesuffix("s") for word in found}


def is_banned(name: str) -> bool:
    """Whether a name of a file, class or function says nothing about what it names."""
    return bool(words(DATA_FOLDER.sub("", name)) & BANNED_WORDS) or name.lower().strip("_") in BANNED_NAMES


def comments(path: Path) -> dict[int, str]:
    """Every comment of a file by its line."""
    with path.open("rb") as file:
        return {
            token.start[0]: token.string
            for token in tokenize.tokenize(file.readline)
            if token.type == tokenize.COMMENT
        }


def has_reason(line: int, match: re.Match[str], found: dict[int, str]) -> bool:
    """Whether words follow the exception, or a comment stands alone on the line above."""
    return bool(FIRST_WORD.search(match.string[match.end() :])) or line - 1 in found


def environment_reads(path: Path) -> set[int]:
    """The lines of a file that read the environment of the process."""
    lines: set[int] = set()
    for node in ast.walk(syntax(path)):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=attribute) if attribute in ENVIRONMENT:
                lines.add(node.lineno)
            case ast.ImportFrom(module="os", names=names) if {name.name for name in names} & ENVIRONMENT:
                lines.add(node.lineno)
            case _:
                pass
    return lines


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    lengths = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    assert lengths
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    folders = {parent for path in python_files() for parent in path.relative_to(ROOT).parents}
    names = [path.relative_to(ROOT).with_suffix("") for path in python_files()] + sorted(folders)
    assert [str(path) for path in names if is_banned(path.name)] == []


def test_no_class_and_no_function_has_a_name_that_says_nothing() -> None:
    banned = [
        f"{named(path)}:{line} {name}"
        for path in python_files()
        for line, name in definitions(path)
        # The name of a test is a sentence, and may say any word.
        if not name.startswith("test_") and name not in FOREIGN_NAMES and is_banned(name)
    ]
    assert banned == []


@pytest.mark.parametrize(
    "name",
    ["lock_manager", "LockManager", "helpers", "utils", "common", "DataStore", "process_locks", "_handler"],
)
def test_a_name_that_says_nothing_is_noticed(name: str) -> None:
    assert is_banned(name)


@pytest.mark.parametrize(
    "name",
    ["file_lock", "metadata", "data_folder", "processing", "exception_handler", "HTTPClient", "claims"],
)
def test_a_name_in_the_words_of_the_field_passes(name: str) -> None:
    assert not is_banned(name)


def test_every_package_says_what_it_is_for() -> None:
    packages = sorted({path.parent for path in PACKAGE.rglob("*.py")})
    silent = [
        named(package)
        for package in packages
        if not (package / "__init__.py").is_file() or not ast.get_docstring(syntax(package / "__init__.py"))
    ]
    assert packages
    assert silent == []


def test_nothing_below_settings_reads_the_environment() -> None:
    readers = [
        f"{named(path)}:{line}"
        for layer in BELOW_SETTINGS
        for path in sorted((PACKAGE / layer).rglob("*.py"))
        for line in sorted(environment_reads(path))
    ]
    assert readers == []


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['A']\n", "import os\nos.getenv('A')\n", "from os import environ\n"]
)
def test_reading_the_environment_is_noticed(source: str, tmp_path: Path) -> None:
    path = tmp_path / "reader.py"
    path.write_text(source, encoding="utf-8")
    assert environment_reads(path)


def test_every_exception_to_a_rule_has_its_reason_beside_it() -> None:
    bare = [
        f"{named(path)}:{line} {comment}"
        for path in python_files()
        for found in [comments(path)]
        for line, comment in found.items()
        if (match := EXCEPTION.search(comment)) and not has_reason(line, match, found)
    ]
    assert bare == []


def test_nothing_is_left_for_later() -> None:
    unfinished = [
        f"{named(path)}:{line} {comment}"
        for path in python_files()
        if path != Path(__file__)
        for line, comment in comments(path).items()
        if UNFINISHED.search(comment)
    ]
    assert unfinished == []


def test_every_acceptance_test_is_marked_as_one() -> None:
    modules = sorted((ROOT / "tests" / "acceptance").rglob("test_*.py"))
    unmarked = [named(path) for path in modules if not marks_acceptance(syntax(path))]
    assert unmarked == []


def marks_acceptance(tree: ast.Module) -> bool:
    """Whether the module says `pytestmark = pytest.mark.acceptance`, alone or in a list."""
    return any(
        isinstance(statement, ast.Assign)
        and "pytestmark" in ast.dump(statement)
        and "acceptance" in ast.dump(statement)
        for statement in tree.body
    )
