"""TLS on the way to the database: a real Postgres shows a certificate, and only the right one is believed.

The server listens on loopback, under names that are not this machine's: what is said of a database elsewhere holds.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from coordination.cli.checks import Check, machine_checks
from coordination.domain.errors import RetryLater
from coordination.settings import load
from coordination.store import event, migration
from coordination.store.away import why_away
from coordination.store.database import Database
from tests.acceptance.supabase.authority import Authority
from tests.acceptance.supabase.cluster import Cluster

pytestmark = pytest.mark.acceptance
HOST, OTHER_HOST = "db.example.test", "other.example.test"
ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authority, Authority]:
    """The authority that signed the server's certificate, and another one."""
    folder = tmp_path_factory.mktemp("authorities")
    return Authority(folder, "right"), Authority(folder, "wrong")


@pytest.fixture(scope="module")
def server(
    clusters: Callable[[int], Cluster], authorities: tuple[Authority, Authority]
) -> Generator[Cluster]:
    """A server that takes connections with TLS and without."""
    cluster = clusters(15)
    folder = Path(asyncio.run(_data_directory(cluster)))
    for name, content in zip(("test.crt", "test.key"), authorities[0].issue(HOST), strict=True):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
        os.chown(folder / name, folder.stat().st_uid, folder.stat().st_gid)
    switch = [
        "ALTER SYSTEM SET ssl_cert_file = 'test.crt'",
        "ALTER SYSTEM SET ssl_key_file = 'test.key'",
        "ALTER SYSTEM SET ssl = on",
        "SELECT pg_reload_conf()",
    ]
    cluster.administer("supabase_admin", *switch)
    yield cluster
    cluster.administer("supabase_admin", "ALTER SYSTEM SET ssl = off", "SELECT pg_reload_conf()")


async def _data_directory(cluster: Cluster) -> str:
    connection = await asyncpg.connect(cluster.dsn("postgres", "supabase_admin"))
    # The server knows it as its current folder; by which path it was made there is its account's business.
    pid: int = await connection.fetchval("SELECT pg_backend_pid()")
    found = os.readlink(f"/proc/{pid}/cwd")
    await connection.close()
    return found


@pytest.fixture
def migrated(server: Cluster) -> Generator[str]:
    """The URL of a database of that server, by the address."""
    with server.database(migrated=True) as dsn:
        yield dsn


@pytest.fixture
def plain(clusters: Callable[[int], Cluster]) -> str:
    """The URL of a database whose server has no TLS."""
    return clusters(16).dsn("postgres")


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]  used by all
    """Have names of elsewhere lead to loopback."""
    ask: Any = socket.getaddrinfo

    def find(host: object, *arguments: Any, **more: Any) -> Any:
        return ask("127.0.0.1" if host in {HOST, OTHER_HOST} else host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", find)


def at(dsn: str, host: str, **parameters: object) -> str:
    """The same database by another name, with other words behind the question mark."""
    parts = urlsplit(dsn)
    netloc = parts.netloc.replace("127.0.0.1", host)
    return parts._replace(netloc=netloc, query="&".join(f"{k}={v}" for k, v in parameters.items())).geturl()


async def why(dsn: str) -> str:
    """Why a database cannot be worked on."""
    database = Database(dsn)
    with pytest.raises(RetryLater) as caught:
        await database.fetch("SELECT 1")
    await database.close()
    assert caught.value.__cause__ is not None
    return why_away(caught.value.__cause__, dsn)


async def test_with_the_right_authority_every_connection_is_encrypted(
    migrated: str, authorities: tuple[Authority, Authority]
) -> None:
    dsn = at(migrated, HOST, sslrootcert=authorities[0].certificate)
    database = Database(dsn)
    assert (await database.fetch(ENCRYPTED))[0]["ssl"] is True
    listening = asyncio.Event()
    feed = asyncio.create_task(event.listen(database, lambda _: None, listening.set))
    await listening.wait()
    named = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = $1"
    assert [row["ssl"] for row in await database.fetch(named, event.LISTENER)] == [True]
    feed.cancel()
    assert await migration.current(dsn) == migration.head()
    assert await migration.verify(dsn) == ()
    await database.close()


@pytest.mark.parametrize("parameters", [{}, {"sslmode": "verify-full"}, {"sslmode": "verify-ca"}])
async def test_an_authority_that_is_not_believed_is_refused_by_every_connection(
    migrated: str, authorities: tuple[Authority, Authority], parameters: dict[str, str]
) -> None:
    for dsn in (
        at(migrated, HOST, **parameters),
        at(migrated, HOST, sslrootcert=authorities[1].certificate, **parameters),
    ):
        said = await why(dsn)
        assert said.startswith("its certificate is refused: ")
        assert "COORDINATION_DATABASE_CA" in said
        for connect in (migration.current, migration.verify, migration.migrate):
            with pytest.raises(RetryLater):
                await connect(dsn)
        with pytest.raises(ssl.SSLCertVerificationError):
            await Database(dsn).connect(event.LISTENER)


async def test_another_host_name_than_the_certificates_is_refused(
    migrated: str, authorities: tuple[Authority, Authority]
) -> None:
    said = await why(at(migrated, OTHER_HOST, sslrootcert=authorities[0].certificate))
    assert said.startswith("its certificate is refused: Hostname mismatch")
    assert OTHER_HOST in said
    database = Database(at(migrated, OTHER_HOST, sslmode="verify-ca", sslrootcert=authorities[0].certificate))
    assert (await database.fetch(ENCRYPTED))[0]["ssl"] is True
    await database.close()


async def test_a_server_without_tls_is_refused_unless_the_person_wrote_so(plain: str) -> None:
    assert (await why(at(plain, HOST))).startswith("it offers no TLS")
    assert (await why(at(plain, HOST, sslmode="require"))).startswith("it offers no TLS")
    for mode in ("disable", "allow", "prefer"):
        database = Database(at(plain, HOST, sslmode=mode))
        assert (await database.fetch(ENCRYPTED))[0]["ssl"] is False
        await database.close()


async def test_a_file_of_certificates_that_is_missing_is_named(migrated: str) -> None:
    said = await why(at(migrated, HOST, sslrootcert="/nowhere/ca.pem"))
    assert said.startswith("the certificates to believe cannot be read from /nowhere/ca.pem")


def examined(dsn: str, folder: Path, **variables: str) -> dict[str, Check]:
    """What the doctor says with such a URL."""
    environment = {"DATABASE_URL": dsn, "COORDINATION_DATA_DIR": str(folder), "PORT": "0", **variables}
    return {check.name: check for check in machine_checks(load(environment), None)}


def test_the_doctor_looks_by_the_same_way_and_says_which_it_is(
    migrated: str, authorities: tuple[Authority, Authority], tmp_path: Path
) -> None:
    look = partial(examined, folder=tmp_path)
    dsn = at(migrated, HOST)
    well = look(dsn, COORDINATION_DATABASE_CA=str(authorities[0].certificate))
    assert {check.state for check in well.values()} == {"ok"}
    assert well["connection"].found == "TLS, certificate and host name verified"
    ill = look(dsn, COORDINATION_DATABASE_CA=str(authorities[1].certificate))
    assert (ill["database"].state, ill["migrations"].state) == ("failed", "skipped")
    assert "its certificate is refused" in ill["database"].found
    weak = look(at(migrated, HOST, sslmode="require"))
    assert weak["database"].state == "ok"
    assert weak["connection"].found == "TLS not verified (sslmode=require is in the URL)"
    assert "loopback" not in repr((well, ill, weak))
