"""Forms of values: how the text of a variable or a file is read, and what is said of one that cannot be used."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

_ROOT_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*")


def whole(lowest: int, highest: int) -> BeforeValidator:
    """Return what reads a whole number between two others."""

    def read(value: object) -> int:
        text = str(value)
        if not re.fullmatch("[0-9]{1,9}", text) or not lowest <= int(text) <= highest:
            raise ValueError(f"write a whole number from {lowest} to {highest}")
        return int(text)

    return BeforeValidator(read)


def is_loopback(host: str) -> bool:
    """Whether a name or address can only be this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: str) -> str:
    """Check `scheme://host[:port]`, over TLS but for this machine."""
    parts = urlsplit(url.rstrip("/"))
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if (
        not secure
        or not parts.hostname
        or url.rstrip("/") != f"{parts.scheme}://{parts.netloc}"
        or "@" in parts.netloc
    ):
        raise ValueError(
            "write an address such as https://coordination.example.com, with nothing behind the host"
        )
    return url.rstrip("/").lower()


def origins(text: object) -> object:
    """Read several origins, with commas between them."""
    return tuple(origin(one) for one in _listed(text)) if isinstance(text, str) else text


def networks(text: object) -> object:
    """Read several addresses or networks, with commas between them."""
    if not isinstance(text, str):
        return text
    try:
        return tuple(str(ipaddress.ip_network(one)) for one in _listed(text))
    except ValueError:
        raise ValueError("write addresses or networks such as 10.0.0.0/8, with commas between them") from None


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def prefix(path: str) -> str:
    """Check a URL prefix, and take the slash at its end away."""
    path = path.rstrip("/")
    if not _ROOT_PATH.fullmatch(path):
        raise ValueError("write a URL prefix such as /coordination, of letters, digits and . _ ~ -")
    return path


def absolute(path: Path) -> Path:
    """Check an absolute path; `~` is somebody's home."""
    expanded = os.path.expanduser(path)
    if not os.path.isabs(expanded) or "\0" in expanded:
        raise ValueError("write an absolute path")
    return Path(os.path.normpath(expanded))


def lower(value: object) -> object:
    """Let words be written in any case."""
    return value.lower() if isinstance(value, str) else value


Folder = Annotated[Path, AfterValidator(absolute)]
Origin = Annotated[str, AfterValidator(origin)]
