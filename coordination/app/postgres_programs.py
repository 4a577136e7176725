"""Which pg_dump, pg_restore and psql are used for a database, and how they are told where it is.

The three come from one installation, no older than the server: an older pg_dump refuses it, and an older pg_restore
does not read what a newer pg_dump wrote. Those that come with the embedded Postgres speak no TLS, so they are used
where no network lies between; for a server elsewhere the system's own are (`postgresql-client`). A password never
stands on a command line, where every user of the machine could read it: it is in the environment of the one program.
"""

import ipaddress
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

NAMES: Final = ("pg_dump", "pg_restore", "psql")
FOLDERS: Final = (
    *("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"),
    *("/opt/homebrew/opt/libpq/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/libpq/bin"),
)
"""Where packages of Debian, Red Hat and Homebrew put them, beside the search path."""
_MAJOR: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_LIBPQ: Final = frozenset(
    {"host", "hostaddr", "port", "user", "dbname", "options", "application_name", "connect_timeout"}
    | {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslnegotiation", "channel_binding"}
    | {"gssencmode", "target_session_attrs"}
)
"""What libpq takes in a URL; it refuses a URL with anything else, such as `pgbouncer=true`."""


class ProgramsMissing(Exception):
    """No installation fits; the message says which was found, and what to install."""


@dataclass(frozen=True, slots=True)
class Programs:
    """One installation.

    Attributes:
        folder: where the programs are.
        major: their major version.
    """

    folder: Path
    major: int

    def path(self, name: str) -> str:
        """Return the path of one of `NAMES`."""
        return str(self.folder / name)


def find(dsn: str, server_major: int) -> Programs:
    """Return the programs to use for a database: of those that can, the ones nearest to its server's version.

    Raises:
        ProgramsMissing: there are none.
    """
    found = list(_installed())
    if not crosses_network(dsn):
        found += _embedded()
    fit = sorted((one for one in found if one.major >= server_major), key=lambda one: one.major)
    if fit:
        return fit[0]
    seen = ", ".join(sorted({f"{one.major} in {one.folder}" for one in found})) or "none"
    raise ProgramsMissing(
        f"The server is Postgres {server_major}, and pg_dump must be as new; found: {seen}. Those that come with the"
        " embedded Postgres speak no TLS, so they are not used over a network."
    )


def crosses_network(dsn: str) -> bool:
    """Whether a database is on another machine, as far as its URL says."""
    parts = urlsplit(dsn)
    host = dict(parse_qsl(parts.query)).get("host") or parts.hostname or ""
    if not host or host.startswith("/") or host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def address(dsn: str) -> tuple[str, dict[str, str]]:
    """Return what libpq is told of a database: a URL without a password, and the environment that has it."""
    parts = urlsplit(dsn)
    asked = dict(parse_qsl(parts.query))
    password = unquote(parts.password or "") or asked.get("password", "")
    user, at, place = parts.netloc.rpartition("@")
    kept = {name: value for name, value in asked.items() if name in _LIBPQ}
    if "sslmode" not in kept and crosses_network(dsn):
        kept["sslmode"] = "verify-full"
        kept.setdefault("sslrootcert", "system")
    query = urlencode(kept, quote_via=quote, safe="/")
    url = parts._replace(netloc=f"{user.partition(':')[0]}{at}{place}", query=query).geturl()
    # Nothing of the caller's own may lead elsewhere or change what is written.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return url, environment | ({"PGPASSWORD": password} if password else {})


def _installed() -> Iterator[Programs]:
    on_path = (shutil.which(NAMES[0]),)
    folders = [Path(one).parent for one in on_path if one]
    folders += [folder for pattern in FOLDERS for folder in sorted(Path("/").glob(pattern.lstrip("/")))]
    for folder in folders:
        yield from _look(folder)


def _embedded() -> Iterator[Programs]:
    if sys.platform == "win32":
        return
    from coordination.embedded.binaries import FOLDERS as MAJORS  # noqa: PLC0415 - it needs Unix
    from coordination.embedded.binaries import find_binaries  # noqa: PLC0415 - as above
    from coordination.embedded.errors import PostgresUnavailable  # noqa: PLC0415 - as above

    for major in MAJORS:
        try:
            yield from _look(find_binaries(major).postgres.parent)
        except PostgresUnavailable:
            continue


def _look(folder: Path) -> Iterator[Programs]:
    if not all((folder / name).is_file() for name in NAMES):
        return
    try:
        shown = subprocess.run(  # noqa: S603 - the program that was just found
            [folder / NAMES[0], "--version"], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if found := _MAJOR.search(shown.stdout):
        yield Programs(folder, int(found[1]))
