"""How names become parts of a URL, and to which URLs a credential may go.

Each name stands for itself, whatever characters it has, and leads to no other page.
"""

import ipaddress
from urllib.parse import quote

import httpx

from coordination.client.errors import RequestRefused, UnsafeAddress


def session_path(session: str) -> str:
    """Return the path of a session.

    Raises:
        RequestRefused: no session has such a name, and it would lead to another page: it is empty, or holds a slash.
    """
    if not session or "/" in session:
        why = ": its name cannot hold a slash" if session else ""
        raise RequestRefused(f"There is no such session{why}.", next_call="coord sessions", code="not_found")
    return f"/sessions/{part(session)}"


def part(name: str) -> str:
    """Return a name as one part of a path."""
    # Dots alone are a name as good as any, which paths take for a step.
    return "%2E" * len(name) if name in {".", ".."} else quote(name, safe="")


def is_loopback(url: str) -> bool:
    """Return whether a URL leads to this machine and nowhere else."""
    host = httpx.URL(url).host
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_safe(url: str) -> None:
    """Make sure that what is sent to a URL is read by nobody on the way.

    Raises:
        UnsafeAddress: it leads to another machine without TLS.
    """
    parts = httpx.URL(url)
    if parts.scheme != "https" and not is_loopback(url):
        raise UnsafeAddress(
            f"{url} is another machine and not https, so anybody on the way could read the credential; "
            "nothing was sent.",
            next_call=f"Use the https address of the service: https://{parts.netloc.decode('ascii')}{parts.path}".rstrip(
                "/"
            ),
        )
