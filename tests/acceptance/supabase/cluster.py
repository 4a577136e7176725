"""A Postgres that looks like a Supabase project: the superuser is `supabase_admin`, and `postgres` is none.

One cluster for each major version that is tested: Debian's 15, and the 16 and 18 that the embedded Postgres brings.
It listens on loopback alone, with passwords, because PostgREST and the Supabase CLI connect by TCP. The platform's own
services (GoTrue, Realtime, Storage, Supavisor) are not there: the shim stands in for what SQL sees of them.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from coordination.embedded.account import account_for
from coordination.embedded.binaries import FOLDERS, find_binaries, private_copy
from coordination.embedded.spawn import Child, Place, choose_guard, spawn
from coordination.embedded.watchdog import PATIENCE
from coordination.store import migration
from tests.acceptance.service import free_port, wait_until
from tests.acceptance.supabase.programs import debian_postgres

MAJORS = (15, *sorted(FOLDERS))
"""The versions of Postgres on which everything about Supabase is tried."""
SHIM = Path(__file__).parent
PASSWORD = "loopback"  # noqa: S105 - of clusters that live for one test run
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "fsync": "off",
    "full_page_writes": "off",
}
_numbers = itertools.count(1)


class Cluster:
    """A running server of one major version; `started` makes one."""

    def __init__(self, major: int, port: int) -> None:
        self.major = major
        self._port = port
        self._templates: dict[str, str] = {}

    def dsn(self, database: str, user: str = "postgres") -> str:
        """Return the URL of a database: for `postgres`, whom people and migrations get, or another role."""
        return f"postgresql://{user}:{PASSWORD}@127.0.0.1:{self._port}/{database}?sslmode=disable"

    @contextmanager
    def database(self, *, migrated: bool = False) -> Generator[str]:
        """Yield the URL of a new database of `postgres`, as a project begins, or with our newest schema in it."""
        name = f"project_{next(_numbers)}"
        template = self._template("migrated" if migrated else "project")
        self.administer("supabase_admin", f"CREATE DATABASE {name} TEMPLATE {template} OWNER postgres")
        try:
            yield self.dsn(name)
        finally:
            self.administer("supabase_admin", f"DROP DATABASE {name} WITH (FORCE)")

    def administer(self, database: str, *scripts: str) -> None:
        """Run scripts as the superuser."""

        async def run() -> None:
            connection = await asyncpg.connect(self.dsn(database, "supabase_admin"))
            try:
                for script in scripts:
                    await connection.execute(script)
            finally:
                await connection.close()

        _wait_for(run())

    def _template(self, kind: str) -> str:
        if kind not in self._templates:
            name = f"template_{kind}"
            if kind == "project":
                self.administer("supabase_admin", f"CREATE DATABASE {name} OWNER postgres")
                self.administer(name, (SHIM / "shim_schemas.sql").read_text(encoding="utf-8"))
            else:
                template = self._template("project")
                self.administer(
                    "supabase_admin", f"CREATE DATABASE {name} TEMPLATE {template} OWNER postgres"
                )
                _wait_for(migration.migrate(self.dsn(name)))
            self._templates[kind] = name
        return self._templates[kind]


def _wait_for(work: Coroutine[object, object, object]) -> None:
    """Wait for `work` in a thread: a test may run in a loop of its own."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


@contextmanager
def started(major: int) -> Generator[Cluster]:
    """Yield a running cluster, with the roles of the platform, and stop it at the end."""
    memory = Path("/dev/shm")  # noqa: S108 - a new folder of our own below it
    home = Path(tempfile.mkdtemp(prefix="coordination-test-", dir=memory if memory.is_dir() else None))
    home.chmod(0o711)
    folder = home / "postgres"
    folder.mkdir(mode=0o700)
    account = account_for(home) if os.geteuid() != 0 else account_for(home / "none")
    if account:
        os.chown(folder, account.uid, account.gid)
    place = Place(folder, account)
    programs = _programs(major, place)
    cluster = Cluster(major, free_port())
    log_file = home / "log"
    server: Child | None = None
    try:
        with log_file.open("wb") as log:
            _make(programs, place)
            settings = {**_SETTINGS, "port": str(cluster._port)}
            options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
            command = [str(programs / "postgres"), "-D", place.pgdata, *options]
            server = spawn(command, place, guard=choose_guard("auto"), stdout=log)
        wait_until(
            lambda: "ready to accept connections" in log_file.read_text(), 30.0, "Postgres to be ready"
        )
        cluster.administer("postgres", (SHIM / "shim_roles.sql").read_text(encoding="utf-8"))
        cluster.administer("postgres", "CREATE DATABASE supabase_admin")
        yield cluster
    finally:
        if server is not None:
            server.stop(PATIENCE)
        shutil.rmtree(home, ignore_errors=True)


def _programs(major: int, place: Place) -> Path:
    """Return the folder of this version's programs, which the account of the cluster can run."""
    if major not in FOLDERS:
        return debian_postgres()
    found = find_binaries(major)
    return (private_copy(found, place.account) if place.account else found).postgres.parent


def _make(programs: Path, place: Place) -> None:
    """Make the cluster, with a superuser who has a password."""
    locale = ("--encoding=UTF8", "--locale=C.UTF-8")
    auth = ("--username=supabase_admin", "--auth-local=reject", "--auth-host=scram-sha-256")
    initdb = [str(programs / "initdb"), f"--pgdata={place.pgdata}", *locale, *auth, "--no-sync"]
    _run(initdb, place, "")
    single = [str(programs / "postgres"), "--single", "-D", place.pgdata, "template1"]
    _run(single, place, f"ALTER ROLE supabase_admin PASSWORD '{PASSWORD}';\n")


def _run(command: list[str], place: Place, text: str) -> None:
    child = spawn(command, place, guard=choose_guard("auto"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    output, _ = child.program.communicate(text.encode(), timeout=60)
    child.let_go()
    if child.program.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{output.decode(errors='replace')}")
