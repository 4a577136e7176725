"""A connection to one service as several threads use it, and the words for whether there is one.

It closes when the last one that uses it is done: what is under way on an address that was left goes to its end.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from coordination.client.channel import Credential
from coordination.client.errors import ServiceUnavailable, ServiceUnreachable
from coordination.client.retry import Patience
from coordination.client.service import ServiceClient

_NO_PATIENCE: Final = Patience(attempts=1)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """A service to talk to.

    Attributes:
        url: where it is, with its prefix if it has one.
        token: the credential, what gives the one of the moment, or None.
        workspace: the id of the workspace that is meant; None leaves it to the credential.
        user: whose name things are done under.
    """

    url: str
    token: Credential
    workspace: str | None
    user: str


class LinkState(StrEnum):
    """Whether the service can be asked."""

    REACHABLE = "reachable"
    AWAY = "away"
    STARTING = "starting"


class ServiceAway(Exception):
    """The service did not answer, or not in time; whether a write arrived is not known. `why` is in plain words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Connection:
    """A client of one service, lent to several threads at once."""

    def __init__(self, found: Found, client: ServiceClient) -> None:
        self.found = found
        self._client = client
        self._lock = threading.Lock()
        self._users = 0
        self._retired = False
        self._closed = False

    def lend(self, work: Callable[[ServiceClient], T]) -> T:
        """Call `work` with the client.

        Raises:
            ServiceUnreachable: it was closed, because the service is somewhere else now.
        """
        with self._lock:
            if self._closed:
                raise ServiceUnreachable(f"The service is not at {self.found.url} any more.")
            self._users += 1
        try:
            return work(self._client)
        finally:
            with self._lock:
                self._users -= 1
            self._close_when_free()

    def retire(self) -> None:
        """Close it as soon as nobody uses it."""
        self._retired = True
        self._close_when_free()

    def _close_when_free(self) -> None:
        with self._lock:
            if not self._retired or self._users or self._closed:
                return
            self._closed = True
        self._client.close()


def client_of(found: Found) -> ServiceClient:
    """Return a client of a service that tries everything once."""
    return ServiceClient(found.url, found.token, patience=_NO_PATIENCE, workspace=found.workspace)


# Any: JSON.
def require_ready(health: dict[str, Any], url: str) -> None:
    """Make sure that a service can be used by what it says of itself.

    Raises:
        ServiceUnavailable: it starts, or has no database.
    """
    database: dict[str, Any] = health.get("database") or {}
    if health.get("status") == "starting" or database.get("state", "ok") != "ok":
        raise ServiceUnavailable(f"The service at {url} runs, but its database does not answer.")
