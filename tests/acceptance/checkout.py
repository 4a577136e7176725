"""A real repository to work in: a well-known pure-Python project from PyPI, under git.

It is fetched once and kept in the cache; a test gets a clone of its own, so it may change what it likes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.acceptance.claude import only_one

PROJECT, VERSION = "pygments", "2.21.0"
"""Several hundred modules without a compiled part; its lexers are what several people would share out."""


def fetch(cache: Path) -> Path:
    """Return the repository in `cache`, after downloading and committing it there if it is not there yet.

    Raises:
        subprocess.CalledProcessError: pip or git failed; its message is on standard error.
    """
    repository = cache / f"{PROJECT}-{VERSION}"
    with only_one(cache / f"{PROJECT}.lock"):
        if not repository.exists():
            _download(cache / "download", repository)
    return repository


def clone(repository: Path, folder: Path) -> Path:
    """Return `folder` as a clone of `repository`."""
    subprocess.run(["git", "clone", "--quiet", repository, folder], check=True, stdout=sys.stderr)
    return folder.resolve()


def _download(fresh: Path, repository: Path) -> None:
    shutil.rmtree(fresh, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    sdist = ["--no-binary", PROJECT, "--dest", str(fresh), f"{PROJECT}=={VERSION}"]
    subprocess.run([*pip, *sdist], check=True, stdout=sys.stderr)
    with tarfile.open(next(fresh.glob("*.tar.gz"))) as archive:
        archive.extractall(fresh, filter="data")
    project = next(path for path in fresh.iterdir() if path.is_dir())
    author = ["-c", "user.name=Acceptance", "-c", "user.email=acceptance@localhost"]
    for command in (
        ["init", "--quiet"],
        ["add", "--all"],
        [*author, "commit", "--quiet", "-m", "As released"],
    ):
        subprocess.run(["git", *command], cwd=project, check=True, stdout=sys.stderr)
    project.rename(repository)
