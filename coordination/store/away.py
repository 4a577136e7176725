"""Why a database cannot be reached, in a few words for a log or a person: never with a credential.

It knows the kinds of failures that a connection can meet, and repeats no text of the driver, which may quote the URL.
"""

import errno
import os
import re
import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

POSTGRES_PORT: Final = 5432
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
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({getattr(error, 'reason', None) or type(error).__name__})"
    if not isinstance(error, OSError):
        return f"the connection failed ({type(error).__name__})"
    # A name with several addresses fails with all their failures in one text, and without a number of its own.
    first = _NUMBER.search(str(error))
    number = error.errno or (int(first[1]) if first else 0)
    if number == errno.ECONNREFUSED:
        return "connection refused"
    return os.strerror(number).lower() if number else f"the connection failed ({type(error).__name__})"


def _where(dsn: str) -> str:
    try:
        parts = urlsplit(dsn)
        host, port = parts.hostname, parts.port or POSTGRES_PORT
    except ValueError:
        return ""
    if not host:
        return "local socket"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
