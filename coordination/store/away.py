"""Why a database cannot be reached, in a few words for a log or a person: never with a credential.

It knows the kinds of failures that a connection can meet, and repeats no text of the driver, which may quote the URL.
"""

import errno
import os
import re
import socket
import ssl
from typing import Final

from coordination.domain import database_url
from coordination.store.tls import UnusableCertificate

_NO_TLS: Final = "rejected SSL upgrade"
"""What the driver says when the server answers that it has none."""
_UNKNOWN_AUTHORITY: Final = {18, 19, 20, 21}
"""OpenSSL's X509_V_ERR codes for a chain that ends with nobody who is believed."""
_NUMBER: Final = re.compile(r"\[Errno (\d+)\]")


def why_away(error: BaseException, dsn: str) -> str:
    """Return why, and where it was looked for, such as `connection refused: 127.0.0.1:5432`.

    Args:
        error: what the driver raised.
        dsn: libpq URL of the database; only its host and port are told.
    """
    return ": ".join(part for part in (_why(error), _where(dsn)) if part)


def _why(error: BaseException) -> str:
    if isinstance(error, socket.gaierror):
        return "the host's name is not known"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if insecure := _why_insecure(error):
        return insecure
    if not isinstance(error, OSError):
        return f"the connection failed ({type(error).__name__})"
    # A name with several addresses fails with all their failures in one text, and without a number of its own.
    first = _NUMBER.search(str(error))
    number = error.errno or (int(first[1]) if first else 0)
    if number == errno.ECONNREFUSED:
        return "connection refused"
    return os.strerror(number).lower() if number else f"the connection failed ({type(error).__name__})"


def _why_insecure(error: BaseException) -> str:
    """Say what is wrong about TLS, "" when nothing is known to be."""
    if isinstance(error, UnusableCertificate):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _distrust(error)
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({getattr(error, 'reason', None) or type(error).__name__})"
    if isinstance(error, ConnectionError) and _NO_TLS in str(error):
        return "it offers no TLS, and nothing is sent without (sslmode in DATABASE_URL can say otherwise)"
    return ""


def _distrust(error: ssl.SSLCertVerificationError) -> str:
    """Say why a certificate is not believed; what OpenSSL says names the host and nothing else."""
    said = f"its certificate is refused: {error.verify_message.rstrip('.')}"
    if error.verify_code in _UNKNOWN_AUTHORITY:
        said += ". Name the file of the authority that signs it: COORDINATION_DATABASE_CA"
    return said


def _where(dsn: str) -> str:
    try:
        url = database_url.read(dsn)
    except ValueError:
        return ""
    if not url.hosts or url.hosts[0].startswith("/"):
        return "local socket"
    host = url.hosts[0]
    hint = (
        " (Supabase's direct connection, which has an address of IPv6 only)"
        if url.supabase == "direct"
        else ""
    )
    return f"[{host}]:{url.port}{hint}" if ":" in host else f"{host}:{url.port}{hint}"
