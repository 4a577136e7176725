"""The token that the terminals of one folder connect with, kept beside the logins and given out by `coord headers`.

Claude Code's own configuration names it by a key that is no secret, so neither that file, nor a command line, nor the
environment of a terminal holds it. It is given out for the service and session that it was made for, and for nothing
else: another server that were to ask under the same key gets nothing. Only the standard library is needed to read it,
because a terminal waits for that.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from coordination.client import private_file

FOLDER: Final = "terminals"
MOST: Final = 10_000
"""Bytes; one has about four hundred."""
_KEY_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class TerminalToken:
    """A token for all terminals of a folder in one session.

    Attributes:
        endpoint: the URL of the MCP endpoint up to the session, without the agent.
        workspace: the id of the workspace that it is of.
        token_id: what names it at the service.
        expires_at: until when it works, in ISO 8601; None for ever.
        made: whether it was made for this folder; else it is the one of the login, and not ours to revoke.
        secret: the token.
    """

    endpoint: str
    workspace: str
    token_id: str
    expires_at: str | None
    made: bool
    secret: str = field(repr=False)

    def is_for(self, url: str) -> bool:
        """Whether a URL is an endpoint of an agent in the session that the token was made for."""
        return url.startswith(f"{self.endpoint}__")


def endpoint(service: str, user: str, session: str) -> str:
    """Return the URL of the MCP endpoint of a session, without the agent."""
    return f"{service}/mcp/v2/claude/{user}__session__{session}"


def key(at: str, workspace: str, project: Path) -> str:
    """Return the key of the token for an endpoint, a workspace and a project folder; no secret."""
    whole = "\n".join((at, workspace, str(project)))
    return hashlib.sha256(whole.encode()).hexdigest()[:_KEY_DIGITS]


def read(folder: Path, name: str) -> TerminalToken | None:
    """Return the token under a key, None when there is none.

    Args:
        folder: the person's configuration folder.
        name: the key.

    Raises:
        UnusableFile: the file is one that nobody should trust.
    """
    path = _path(folder, name)
    content = None if path is None else private_file.read(path, MOST)
    try:
        found: Any = json.loads(content or b"")
        return TerminalToken(**found)
    except (ValueError, TypeError):
        return None


def write(folder: Path, name: str, token: TerminalToken) -> None:
    """Keep a token under a key.

    Raises:
        OSError: the folder cannot be written.
    """
    path = _path(folder, name)
    if path is None:
        raise ValueError(f"{name} is no key")
    private_file.write(path, json.dumps(asdict(token)).encode())


def forget(folder: Path, name: str) -> None:
    """Remove the token under a key, if there is one."""
    path = _path(folder, name)
    if path is not None:
        path.unlink(missing_ok=True)


def _path(folder: Path, name: str) -> Path | None:
    """Return the file of a key; None for what is none, which might lead to another folder."""
    is_key = len(name) == _KEY_DIGITS and set(name) <= set("0123456789abcdef")
    return folder / FOLDER / f"{name}.json" if is_key else None
