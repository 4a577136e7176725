"""A real PgBouncer in front of a cluster, in either mode: it stands in for Supabase's poolers, which are not to be had.

Its configuration is the plain one: in the startup message it takes nothing of us that it does not take of everybody.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.acceptance.claude import only_one
from tests.acceptance.service import free_port, wait_until
from tests.acceptance.supabase.programs import CACHE, Missing, apt_install

PROGRAM = Path("/usr/sbin/pgbouncer")
BACKENDS = 3
"""Fewer than the connections that ask, so that they must share."""


def installed() -> Path:
    """Return the program of PgBouncer, installed with apt when absent.

    Raises:
        Missing: it cannot be had here.
    """
    with only_one(CACHE / "apt.lock"):
        if not PROGRAM.exists():
            apt_install(["pgbouncer"])
    return PROGRAM


@contextmanager
def pooled(dsn: str, mode: str, *, backends: int = BACKENDS) -> Generator[str]:
    """Yield the URL of the same database through a PgBouncer in this mode."""
    parts = urlsplit(dsn)
    port = free_port()
    home = Path(tempfile.mkdtemp(prefix="coordination-pgbouncer-"))
    home.chmod(0o755)
    (home / "users").write_text(f'"{parts.username}" "{parts.password}"\n', encoding="utf-8")
    log = home / "log"
    log.touch(mode=0o666)
    log.chmod(0o666)
    lines = [
        "[databases]",
        f"* = host={parts.hostname} port={parts.port}",
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = trust",
        f"auth_file = {home / 'users'}",
        f"pool_mode = {mode}",
        f"default_pool_size = {backends}",
        f"logfile = {log}",
        # It refuses to be root.
        *(["user = nobody"] if os.geteuid() == 0 else []),
    ]
    (home / "ini").write_text("\n".join(lines) + "\n", encoding="utf-8")
    program = subprocess.Popen([installed(), "-q", str(home / "ini")], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: "process up" in log.read_text(encoding="utf-8"), 10.0, "PgBouncer to be ready")
        yield parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()
    finally:
        program.terminate()
        program.wait(10)
        shutil.rmtree(home, ignore_errors=True)


__all__ = ["BACKENDS", "Missing", "installed", "pooled"]
