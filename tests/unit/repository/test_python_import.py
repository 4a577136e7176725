"""Which files Python's imports mean: packages, relative names, source folders, several projects in one repository."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordination.repository.python_import import PythonImports

FLAT = (
    *("app/__init__.py", "app/core.py", "app/io/__init__.py", "app/io/read.py", "app/io/write.pyi", "run.py"),
    *("tests/test_core.py", "tests/helpers.py", "docs/index.md"),
)
SRC = (
    "pyproject.toml",
    "src/lib/__init__.py",
    "src/lib/a.py",
    "src/lib/space/deep/b.py",
    "tests/test_a.py",
    "tool.py",
)
SEVERAL = (
    *("one/pyproject.toml", "one/shared/__init__.py", "one/shared/x.py", "one/main.py"),
    *("two/pyproject.toml", "two/shared/__init__.py", "two/shared/x.py", "two/main.py", "two/src/own/y.py"),
)


@pytest.mark.parametrize(
    ("files", "path", "text", "found"),
    [
        (FLAT, "run.py", "app.core", ["app/core.py"]),
        (FLAT, "run.py", "app", ["app/__init__.py"]),
        (FLAT, "run.py", "app.core:run,stop", ["app/core.py", "app/core.py"]),
        (FLAT, "run.py", "app:core,io,name", ["app/core.py", "app/io/__init__.py", "app/__init__.py"]),
        (FLAT, "run.py", "app.io:*", ["app/io/__init__.py"]),
        (FLAT, "run.py", "app.core.attribute", ["app/core.py"]),
        (FLAT, "app/core.py", ".io.read:lines", ["app/io/read.py"]),
        (FLAT, "app/io/read.py", "..:core", ["app/core.py"]),
        (FLAT, "app/io/read.py", ".:write", ["app/io/write.pyi"]),
        (FLAT, "app/io/read.py", "...:core", []),
        (FLAT, "app/io/read.py", ".....:core", []),
        (FLAT, "tests/test_core.py", "helpers:x", ["tests/helpers.py"]),
        (FLAT, "tests/test_core.py", "tests.helpers:x", ["tests/helpers.py"]),
        (FLAT, "app/io/read.py", "app.core:x", ["app/core.py"]),
        (FLAT, "run.py", "os.path", []),
        (FLAT, "run.py", "docs.index", []),
        (FLAT, "run.py", "", []),
        (FLAT, "run.py", ".", []),
        (SRC, "tests/test_a.py", "lib.a:f", ["src/lib/a.py"]),
        (SRC, "tests/test_a.py", "lib.space.deep.b", ["src/lib/space/deep/b.py"]),
        (SRC, "tests/test_a.py", "lib.space.deep:b", ["src/lib/space/deep/b.py"]),
        (SRC, "src/lib/a.py", "lib.space.deep.b", ["src/lib/space/deep/b.py"]),
        (SRC, "tests/test_a.py", "tool", ["tool.py"]),
        (SEVERAL, "one/main.py", "shared.x", ["one/shared/x.py"]),
        (SEVERAL, "two/main.py", "shared.x", ["two/shared/x.py"]),
        (SEVERAL, "two/main.py", "own.y:z", ["two/src/own/y.py"]),
        (SEVERAL, "one/main.py", "own.y:z", []),
    ],
)
def test_an_import_means_the_nearest_file(
    files: tuple[str, ...], path: str, text: str, found: list[str]
) -> None:
    assert list(PythonImports(files).resolve(path, [text])) == found


@given(
    st.lists(st.text("ab/._", min_size=1, max_size=9).map(lambda name: f"{name}.py"), max_size=8),
    st.lists(st.text("ab.:,*", max_size=9), max_size=5),
)
def test_only_files_of_the_repository_are_found(files: list[str], imports: list[str]) -> None:
    for path in files:
        assert set(PythonImports(files).resolve(path, imports)) <= set(files)
