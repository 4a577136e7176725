"""The wheel is whole: it holds the migrations and the SQL functions, and needs nothing of the source tree."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.unit.architecture.sources import PACKAGE, ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree by its own build backend."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def expected(folder: Path, prefix: str) -> set[str]:
    """The files below `folder` as the wheel should name them."""
    return {
        f"{prefix}/{path.relative_to(folder).as_posix()}"
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_plugin_as_a_marketplace(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    package = tmp_path / "coordination"
    (plugin,) = json.loads((package / ".claude-plugin" / "marketplace.json").read_bytes())["plugins"]
    inside = {
        path.relative_to(package / plugin["source"]) for path in (package / plugin["source"]).rglob("*")
    }
    source = ROOT / plugin["source"]
    assert Path("hooks/hook.py") in inside
    assert inside >= {
        path.relative_to(source) for path in source.rglob("*") if "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_its_sql_and_the_migrations(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package, migrations = (
        expected(PACKAGE, "coordination"),
        expected(ROOT / "migrations", "coordination/migrations"),
    )
    assert any(name.startswith("coordination/store/functions/") for name in package)
    assert any(name.startswith("coordination/migrations/versions/") for name in migrations)
    assert names >= package | migrations


def test_the_wheel_holds_nothing_but_the_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"coordination"}
    assert [name for name in names if "__pycache__" in name] == []


def test_an_unpacked_wheel_starts_the_command_without_the_tree(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    program = "import coordination, coordination.cli; print(coordination.__file__)"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(result.stdout.strip()).is_relative_to(tmp_path)
