"""The import contracts of pyproject.toml hold for the tree, and each of them fails when it is broken."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path

import pytest

from tests.unit.architecture.sources import CONTRACTS, PACKAGE, ROOT, layers

# What is wrong in the broken copy: the module that offends, and the one that it must not import.
Offences = set[tuple[str, str]]


def lint(folder: Path, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package in `folder`, with a cache of its own."""
    command = [Path(sys.executable).parent / "lint-imports", "--no-logo", "--cache-dir", cache, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def offend(folder: Path, package: str, imported: str) -> tuple[str, str]:
    """Add one module that imports what it must not to `package` of the copy in `folder`."""
    place = folder.joinpath(*package.split("."))
    if place.is_dir():
        module, path = f"{package}.offender", place / "offender.py"
    else:
        module, path = package, place.with_suffix(".py")
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\nimport {imported}\n")
    return module, imported


def break_layers(folder: Path) -> Offences:
    """Import upwards from every layer to the one above it, and across every pair of siblings."""
    pairs = [pair for above, below in pairwise(layers()) for pair in product(below, above)]
    pairs += [pair for layer in layers() for pair in pairwise(layer)]
    for name in (name for layer in layers() for name in layer):
        if not (folder / "coordination" / name).is_dir():
            (folder / "coordination" / f"{name}.py").touch()
    return {offend(folder, f"coordination.{low}", f"coordination.{high}") for low, high in pairs}


def break_forbidden(identifier: str) -> Callable[[Path], Offences]:
    """A break of a "forbidden" contract: each of its sources imports each of the modules it must not."""
    contract = CONTRACTS[identifier]

    def apply(folder: Path) -> Offences:
        return {
            offend(folder, source, forbidden)
            for source in contract["source_modules"]
            for forbidden in contract["forbidden_modules"]
        }

    return apply


def break_transports(folder: Path) -> Offences:
    """Let every transport import the next one."""
    modules: list[str] = CONTRACTS["transports"]["modules"]
    return {
        offend(folder, left, right) for left, right in zip(modules, [*modules[1:], modules[0]], strict=True)
    }


def break_acyclic(folder: Path) -> Offences:
    """Two modules of one package import each other."""
    domain = folder / "coordination" / "domain"
    (domain / "hen.py").write_text("import coordination.domain.egg\n", encoding="utf-8")
    (domain / "egg.py").write_text("import coordination.domain.hen\n", encoding="utf-8")
    return {("coordination.domain", "hen"), ("coordination.domain", "egg")}


BREAKS: dict[str, Callable[[Path], Offences]] = {
    "layers": break_layers,
    "acyclic": break_acyclic,
    "transports": break_transports,
    "pure-domain": break_forbidden("pure-domain"),
    "sql": break_forbidden("sql"),
    "web-frameworks": break_forbidden("web-frameworks"),
    "settings": break_forbidden("settings"),
    "metrics": break_forbidden("metrics"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package with its contracts, free to break."""
    folder = tmp_path / "copy"
    shutil.copytree(PACKAGE, folder / "coordination", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_tree_keeps_every_contract(tmp_path: Path) -> None:
    result = lint(ROOT, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in result.stdout


def test_there_is_a_break_for_every_contract() -> None:
    assert set(BREAKS) == set(CONTRACTS)


@pytest.mark.parametrize("identifier", sorted(BREAKS))
def test_the_contract_names_every_import_that_breaks_it(identifier: str, copy: Path, tmp_path: Path) -> None:
    offences = BREAKS[identifier](copy)
    result = lint(copy, tmp_path / "cache", "--contract", identifier)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{CONTRACTS[identifier]['name']} BROKEN" in result.stdout
    unnamed = {offence for offence in offences if not all(name in result.stdout for name in offence)}
    assert not unnamed


def test_a_new_package_needs_a_place_among_the_layers(copy: Path, tmp_path: Path) -> None:
    (copy / "coordination" / "elsewhere.py").write_text(
        '"""A module that no layer names."""\n', encoding="utf-8"
    )
    result = lint(copy, tmp_path / "cache", "--contract", "layers")
    assert result.returncode == 1
    assert "elsewhere" in result.stdout
