"""Debian packages that tests need, installed on first use where that is possible.

What cannot be had is a skip on a laptop and a failure where everything has to be there (`CI=true`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.acceptance.claude import only_one
from tests.acceptance.conftest import CACHE

_APT = ("apt-get", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120")
# No service of the package is started: the tests start their own.
_QUIET = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


def program(name: str, package: str) -> str:
    """The path of a program, whose package is installed when it is not there; without it the test is skipped."""
    with only_one(CACHE / "apt.lock"):
        if shutil.which(name, path=_PATH) is None:
            _install(package)
    found = shutil.which(name, path=_PATH)
    if found is None:
        message = f"needs {name}: as root, apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


def _install(package: str) -> None:
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    for command in (["update"], ["install", package]):
        subprocess.run([*_APT, *command], check=False, env=_QUIET, stdout=sys.stderr)
