"""A real PostgREST in front of a project's database, and the tokens that it believes."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import jwt

from tests.acceptance.service import free_port, wait_until
from tests.migration.tenants import PEOPLE

SECRET = "the-secret-of-a-project-that-lives-for-one-test"  # noqa: S105 - as it says
START_SECONDS = 30.0


def token(person: str, *, secret: str = SECRET) -> str:
    """A person's token, as Supabase Auth signs it for projects with a shared secret."""
    return jwt.encode({"sub": PEOPLE[person], "role": "authenticated"}, secret, algorithm="HS256")


@contextmanager
def serving(program: Path, dsn: str, folder: Path) -> Generator[str]:
    """Yield the URL of a PostgREST that serves the schema `public` of a database, connected as `authenticator`."""
    port, admin = free_port(), free_port()
    settings = folder / "postgrest.conf"
    lines = {
        "db-uri": dsn,
        "db-schemas": "public",
        "db-anon-role": "anon",
        "db-pool": "2",
        "jwt-secret": SECRET,
        "server-host": "127.0.0.1",
        "server-port": str(port),
        "admin-server-port": str(admin),
    }
    settings.write_text("".join(f'{name} = "{value}"\n' for name, value in lines.items()))
    with (folder / "postgrest.log").open("wb") as log:
        running = subprocess.Popen([program, settings], stdout=log, stderr=subprocess.STDOUT, env={})
    try:
        wait_until(lambda: _ready(admin), START_SECONDS, "PostgREST to be ready")
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(START_SECONDS)


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
