"""TLS on the way to the database: which certificates are believed, as the URL says it in libpq's words.

Without a word of the person, certificate and host name are verified for every database that is not on this machine.
The certificates that are believed are those of the file that `sslrootcert` names, else those in
`~/.postgresql/root.crt` where it exists, else those that the operating system trusts. The driver's own reading of these
words is not used for the verified modes: it knows no trust of the system.
"""

import ssl
from pathlib import Path
from typing import Final

from coordination.domain.database_url import SYSTEM, DatabaseUrl, TlsMode

_VERIFIED: Final = {"verify-ca", "verify-full"}


class UnusableCertificate(OSError):
    """A file of certificates that was named cannot be used. The message names it, and may be shown."""


def tls(url: DatabaseUrl) -> ssl.SSLContext | TlsMode:
    """Return what the driver is given: how to verify, or for the weaker modes their name.

    Raises:
        UnusableCertificate: a file that the URL names cannot be read.
    """
    if url.tls_mode not in _VERIFIED:
        return url.tls_mode
    # Not `create_default_context`: newer Pythons have it refuse authorities that lack what libpq does not ask for.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = url.tls_mode == "verify-full"
    _believe(context, url.parameters.get("sslrootcert", ""))
    _introduce(context, url.parameters.get("sslcert", ""), url.parameters.get("sslkey") or None)
    return context


def _believe(context: ssl.SSLContext, named: str) -> None:
    usual = Path("~/.postgresql/root.crt").expanduser()
    file = named or (str(usual) if usual.is_file() else SYSTEM)
    if file == SYSTEM:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(cafile=file)
    except (OSError, ValueError) as error:
        raise UnusableCertificate(f"the certificates to believe cannot be read from {file}") from error


def _introduce(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    """Show a certificate of our own to a server that asks for one."""
    if not certificate:
        return
    try:
        context.load_cert_chain(certificate, keyfile=key, password="")
    except (OSError, ValueError) as error:
        raise UnusableCertificate(f"our own certificate cannot be read from {certificate}") from error
