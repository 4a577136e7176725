"""What people meet before any Python of ours: the commands of make, and its words when a part is missing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.architecture.sources import ROOT

MAKE = shutil.which("make") or "make"
PROMISED = {
    "help",
    "up",
    "run",
    "down",
    "install",
    "uninstall",
    "test",
    "check",
    "lint",
    "types",
    "contracts",
    "coverage",
    "torture",
    "fuzz",
    "bench",
    "freeze",
    "lock",
    "clean",
}


class Checkout:
    """A folder with our Makefile and what counts as a finished set-up, in which nothing real runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "programs"
        for path in (self.programs, folder / ".venv" / "bin"):
            path.mkdir(parents=True)
        for name in ("Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, folder)
        (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
        self.program(folder / ".venv" / "bin" / "coord", 'echo "coord $* on ${PORT:-8000}"')
        (folder / ".venv" / ".python").write_text(f"{folder}\n", encoding="utf-8")
        (folder / ".venv" / ".runtime").touch()
        (folder / ".venv" / ".dev").touch()

    def program(self, path: Path, line: str) -> None:
        """Write a shell script of one line."""
        path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        path.chmod(0o755)

    def make(self, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run make there, free of the make that may run these tests."""
        environment = {"PATH": path or os.environ["PATH"], "HOME": str(self.folder)}
        return subprocess.run(
            [MAKE, "-C", str(self.folder), "--no-print-directory", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def only_python(self, version: str) -> str:
        """A PATH on which every Python is of `version`, as far as it says."""
        answer = f'case "$2" in *version_info\\[:3\\]*) echo {version};; *) exit 1;; esac'
        for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11"):
            self.program(self.programs / name, answer)
        return f"{self.programs}:/usr/bin:/bin"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def test_make_alone_lists_every_command(checkout: Checkout) -> None:
    result = checkout.make()
    listed = re.findall(r"^  (\S+) +\S", result.stdout, re.MULTILINE)
    assert result.returncode == 0
    assert set(listed) >= PROMISED
    assert len(listed) == len(set(listed))


def test_up_hands_the_port_to_the_command(checkout: Checkout) -> None:
    assert checkout.make("up", "PORT=8123").stdout == "coord up on 8123\n"


def test_a_second_start_sets_nothing_up(checkout: Checkout) -> None:
    checkout.program(checkout.folder / ".venv" / "bin" / "pip", "exit 1")
    assert checkout.make("run").stdout == "coord run on 8000\n"


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_change_of_the_packages_installs_them_again(checkout: Checkout, name: str) -> None:
    later = (checkout.folder / ".venv" / ".runtime").stat().st_mtime + 60
    os.utime(checkout.folder / name, (later, later))
    assert "-m pip install" in checkout.make("-n", "up").stdout


def test_a_folder_that_moved_is_set_up_again(checkout: Checkout) -> None:
    (checkout.folder / ".venv" / ".python").write_text("/somewhere/else\n", encoding="utf-8")
    assert "-m venv --clear" in checkout.make("-n", "up").stdout


def test_down_says_when_nothing_is_set_up(checkout: Checkout) -> None:
    shutil.rmtree(checkout.folder / ".venv")
    result = checkout.make("down")
    assert result.returncode == 0
    assert "Nothing is set up here" in result.stdout


def test_an_old_python_is_named_with_what_is_needed(checkout: Checkout) -> None:
    shutil.rmtree(checkout.folder / ".venv")
    result = checkout.make("up", path=checkout.only_python("3.9.6"))
    assert result.returncode != 0
    assert "needs Python 3.11 or newer" in result.stderr
    assert "python3 is 3.9.6" in result.stderr
    assert not (checkout.folder / ".venv").exists()


def test_a_folder_that_is_no_virtual_environment_is_left_alone(checkout: Checkout) -> None:
    mine = checkout.folder / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("keep me", encoding="utf-8")
    result = checkout.make("up", "VENV=mine", f"PYTHON={sys.executable}")
    assert result.returncode != 0
    assert "is not a virtual environment" in result.stderr
    assert (mine / "letter.txt").read_text(encoding="utf-8") == "keep me"


def test_install_links_the_command_and_uninstall_takes_it_away(checkout: Checkout) -> None:
    link = checkout.folder / "prefix" / "bin" / "coord"
    installed = checkout.make("install", f"PREFIX={link.parents[1]}")
    assert installed.returncode == 0
    assert (
        subprocess.run([link, "down"], capture_output=True, text=True, check=True).stdout
        == "coord down on 8000\n"
    )
    assert "is not on your PATH" in installed.stdout
    assert f'export PATH="{link.parent}:$PATH"' in installed.stdout
    assert checkout.make("uninstall", f"PREFIX={link.parents[1]}").stdout == f"Removed {link}\n"
    assert not link.is_symlink()
    assert not link.parent.exists()


def test_uninstall_leaves_a_folder_that_holds_more_and_one_where_programs_usually_are(
    checkout: Checkout,
) -> None:
    beside = checkout.folder / "prefix" / "bin" / "other"
    usual = checkout.folder / ".local" / "bin"
    beside.parent.mkdir(parents=True)
    beside.touch()
    for prefix in (beside.parents[1], usual.parent):
        assert checkout.make("install", f"PREFIX={prefix}").returncode == 0
        removed = checkout.make("uninstall", f"PREFIX={prefix}")
        assert (removed.returncode, removed.stderr) == (0, "")
    assert list(beside.parent.iterdir()) == [beside]
    assert list(usual.iterdir()) == []


def test_install_says_which_folder_had_the_command_before(checkout: Checkout) -> None:
    link = checkout.folder / "prefix" / "bin" / "coord"
    link.parent.mkdir(parents=True)
    link.symlink_to("/elsewhere/.venv/bin/coord")
    said = "It took the place of the link to /elsewhere/.venv/bin/coord"
    assert said in checkout.make("install", f"PREFIX={link.parents[1]}").stdout.splitlines()
    assert "took the place" not in checkout.make("install", f"PREFIX={link.parents[1]}").stdout


def test_install_says_nothing_of_the_path_when_it_is_right(checkout: Checkout) -> None:
    prefix = checkout.folder / "prefix"
    result = checkout.make("install", f"PREFIX={prefix}", path=f"{prefix}/bin:{os.environ['PATH']}")
    assert "coord --help" in result.stdout
    assert "not on your PATH" not in result.stdout


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_a_command_of_the_same_name_from_elsewhere_is_left_alone(checkout: Checkout, command: str) -> None:
    link = checkout.folder / "prefix" / "bin" / "coord"
    link.parent.mkdir(parents=True)
    link.write_text("another program", encoding="utf-8")
    result = checkout.make(command, f"PREFIX={link.parents[1]}")
    assert "made here" in result.stdout + result.stderr
    assert link.read_text(encoding="utf-8") == "another program"
