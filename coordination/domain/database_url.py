"""The URL of a Postgres: what it says of the way there, and what of it cannot work.

It is libpq's form of a URL, and its words for TLS mean what libpq means by them; only what is left unsaid is safer:
over a network the certificate and the host's name are verified. Supabase gives three kinds of URL, which look alike and
serve different ends; here they are told apart. Nothing here connects, and nothing that it says repeats a password.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, cast, get_args
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

POSTGRES_PORT: Final = 5432
PORT_MAX: Final = 65535
TRANSACTION_PORT: Final = 6543
"""Where Supabase's poolers work in transaction mode."""
SYSTEM: Final = "system"
"""What stands for the certificates that the operating system trusts, instead of a file of them."""

TlsMode: TypeAlias = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
TLS_MODES: Final[tuple[TlsMode, ...]] = get_args(TlsMode)
Supabase: TypeAlias = Literal["direct", "session pooler", "transaction pooler"]
PoolerMode: TypeAlias = Literal["session", "transaction"]

_POOLER: Final = re.compile(r"[a-z0-9-]+\.pooler\.supabase\.com")
_DIRECT: Final = re.compile(r"db\.([a-z0-9]+)\.supabase\.(?:co|com)")
_SESSION_FORM: Final = "postgresql://postgres.PROJECT:PASSWORD@aws-N-REGION.pooler.supabase.com:5432/postgres"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """What a URL says.

    Attributes:
        hosts: names, addresses, or folders of local sockets, in the order in which they are tried; empty when none is
            named, which means the local socket.
        port: the first host's.
        user: the role, "" when none is named.
        parameters: what stands behind the question mark.
    """

    hosts: tuple[str, ...]
    port: int
    user: str
    parameters: Mapping[str, str]

    @property
    def is_local(self) -> bool:
        """Whether no network lies between: sockets and loopback addresses alone."""
        return all(_is_local(host) for host in self.hosts)

    @property
    def tls_mode(self) -> TlsMode:
        """How far the connection is secured, in libpq's words; `read` has seen that it is one of them."""
        mode, believed = self.parameters.get("sslmode"), self.parameters.get("sslrootcert")
        if mode == "require" and believed:
            return "verify-ca"
        if mode is not None:
            return cast("TlsMode", mode)
        return "prefer" if self.is_local and not believed else "verify-full"

    @property
    def is_verified(self) -> bool:
        """Whether nobody in between can read along or answer in the database's place."""
        return self.is_local or self.tls_mode == "verify-full"

    @property
    def supabase(self) -> Supabase | None:
        """Which of Supabase's kinds of URL it is, None when it is none of them."""
        host = self.hosts[0].lower() if len(self.hosts) == 1 else ""
        pooler = _POOLER.fullmatch(host)
        if not pooler and not _DIRECT.fullmatch(host):
            return None
        if self.port == TRANSACTION_PORT:
            return "transaction pooler"  # under a project's own name too: there it is a PgBouncer beside the database
        return "session pooler" if pooler else "direct"


def read(url: str) -> DatabaseUrl:
    """Read a URL.

    Raises:
        ValueError: it is no URL of a Postgres; the message says what to write, and repeats nothing of it.
    """
    try:
        parts = urlsplit(url)
        named, port = _hosts(parts.netloc.rpartition("@")[2])
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
        if not named and parameters.get("host"):
            named = tuple(parameters["host"].split(","))
            port = int(parameters.get("port", POSTGRES_PORT))
        user = unquote(parts.username or "")
    except ValueError:
        # What they say repeats the password.
        raise ValueError(_FORM) from None
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/") or _is_cut_wrongly(parts):
        raise ValueError(_FORM)
    if parameters.get("sslmode", "disable") not in TLS_MODES:
        raise ValueError(f"sslmode can be {', '.join(TLS_MODES[:-1])} or {TLS_MODES[-1]}")
    return DatabaseUrl(named, port, user, MappingProxyType(parameters))


_FORM: Final = (
    "write it as postgresql://user:password@host:5432/name, and @ / ? # in the password as %40 %2F %3F %23"
)


def _is_cut_wrongly(parts: SplitResult) -> bool:
    """Whether a character of the password was taken for the end of something."""
    return parts.netloc.count("@") > 1 or ("@" in parts.path and "@" not in parts.netloc)


def refusal(url: DatabaseUrl, mode: PoolerMode, *, declare: str) -> str | None:
    """Return why a URL cannot work as the service was told to use it, None when it can.

    Args:
        url: where the database is.
        mode: how the pooler between works, as declared.
        declare: how one declares the transaction mode, such as `COORDINATION_POOLER_MODE=transaction`.
    """
    if url.supabase == "transaction pooler" and mode != "transaction":
        return (
            "this is Supabase's transaction pooler (port 6543), through which neither notifications nor prepared "
            f"statements come. Paste the URL of the session pooler instead ({_SESSION_FORM}), or declare it: {declare}"
        )
    if "pgbouncer" in url.parameters:
        return (
            "pgbouncer= is a word of another program. Take it out of the URL; if a pooler in transaction mode stands "
            f"between, declare it: {declare}"
        )
    if url.hosts and _POOLER.fullmatch(url.hosts[0].lower()) and "." not in url.user:
        return (
            "Supabase's pooler knows projects by the user's name: write postgres.PROJECT, as the dashboard shows it "
            f"under Connect ({_SESSION_FORM})"
        )
    return None


def advice(url: DatabaseUrl, mode: PoolerMode, *, on_render: bool) -> tuple[str, str] | None:
    """Return what is worth saying of a URL that can work, and what to do about it; None when there is nothing.

    Args:
        url: where the database is.
        mode: how the pooler between works, as declared.
        on_render: whether this is asked on Render, from where no address of IPv6 can be reached.
    """
    if url.supabase == "direct":
        told = "Supabase's direct connection, which has an address of IPv6 only"
        if on_render:
            return f"{told}, and Render reaches none", f"Paste the session pooler's URL: {_SESSION_FORM}"
        return f"{told}: where IPv6 is missing, as on Render, use the session pooler", ""
    if url.supabase is not None:
        return f"Supabase's {url.supabase}", ""
    if mode == "session" and url.port == TRANSACTION_PORT:
        return (
            "port 6543 is where poolers work in transaction mode, and the session mode is declared",
            "If it is one, take its port in session mode, or declare COORDINATION_POOLER_MODE=transaction",
        )
    return None


def security(url: DatabaseUrl) -> str:
    """Say how far the way to the database is secured, in a few words."""
    mode = url.tls_mode
    if url.is_local:
        return "on this machine"
    if mode == "verify-full":
        return "TLS, certificate and host name verified"
    if mode == "verify-ca":
        return "TLS, certificate verified and host name not (sslmode=verify-ca is in the URL)"
    if mode == "disable":
        return "no TLS (sslmode=disable is in the URL)"
    return f"TLS not verified (sslmode={mode} is in the URL)"


def _hosts(netloc: str) -> tuple[tuple[str, ...], int]:
    """Return the hosts of a network location, without brackets and escapes, and the first one's port."""
    hosts: list[str] = []
    ports: list[int] = []
    for one in netloc.split(",") if netloc else ():
        bracketed, bracket, behind = one.rpartition("]")
        host, _, port = (bracketed + bracket, "", behind[1:]) if bracket else one.partition(":")
        hosts.append(unquote(host.strip("[]")))
        ports.append(int(port) if port else POSTGRES_PORT)
    if any(not 0 < port <= PORT_MAX for port in ports):
        raise ValueError(_FORM)
    return tuple(host for host in hosts if host), ports[0] if ports else POSTGRES_PORT


def _is_local(host: str) -> bool:
    if host.startswith(("/", "@")) or host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
