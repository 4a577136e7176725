"""A hosted service as its own process, configured for every interface and reached on loopback alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import httpx

from tests.acceptance.script import Json
from tests.acceptance.service import Service

BOOTSTRAP: Final = "acceptance-" + "b" * 40
OWNER: Final = "alice"


class HostedService(Service):
    """A hosted service in the foreground, whose first workspace alice owns once it is bootstrapped."""

    def __init__(self, folder: Path, dsn: str) -> None:
        """Choose a port; the database is at `dsn`."""
        super().__init__(folder)
        self.settings |= {
            "COORDINATION_MODE": "hosted",
            "COORDINATION_BOOTSTRAP_TOKEN": BOOTSTRAP,
            "DATABASE_URL": dsn,
            "HOST": "0.0.0.0",  # noqa: S104 - the point of it: beyond loopback it asks for credentials
        }
        self.owner = ""

    def bootstrap(self) -> None:
        """Make the first workspace and its owner."""
        self.owner = self.ask(BOOTSTRAP, "POST", "/bootstrap", {"user": OWNER})["secret"]

    def ask(self, secret: str, method: str, path: str, body: object = None) -> Json:
        """Ask the API with a token; the answer must be no refusal."""
        headers = {"authorization": f"Bearer {secret}"}
        url = f"{self.url}/api/v1{path}"
        answer = httpx.request(method, url, json=body, headers=headers, trust_env=False, timeout=30)
        content: Json = answer.raise_for_status().json()
        return content

    def token(self, **bound: object) -> Json:
        """Have the owner make a token; returns its secret and what is known of it."""
        return self.ask(self.owner, "POST", "/tokens", bound)
