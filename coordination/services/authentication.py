"""Use case: find out whose a credential is, and whether it still works.

Each process remembers an answer for a second at most, so a token that is revoked, or a member who is removed, is
refused everywhere within two: whoever begins a request is asked for at its beginning, and requests that last are asked
for again twice a second (`transport.standing`). When the database cannot answer, nobody knows who asks: it is refused
with `retry_later`, never let through. That tokens were used is written now and then, and apart from every decision.
"""

import asyncio
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from coordination.domain.errors import RetryLater
from coordination.domain.principal import Principal
from coordination.services.briefly import Briefly
from coordination.store import agent_token
from coordination.store import principal as store
from coordination.store import workspace as workspaces
from coordination.store.database import Database

REMEMBER_SECONDS: Final = 1.0
WRITE_USE_SECONDS: Final = 30.0
PERSONAL: Final = "personal"
"""What a personal workspace is called."""


@dataclass(frozen=True, slots=True)
class TokenCredential:
    """A token, by the SHA-256 of its secret."""

    digest: bytes


@dataclass(frozen=True, slots=True)
class PersonCredential:
    """A person who was verified, in one workspace.

    Attributes:
        subject: the person's id.
        name: the name that the person gets where the personal workspace is made.
        workspace: which workspace is meant; None for the personal one.
        until: when what the person came with works no more.
    """

    subject: UUID
    name: str
    workspace: str | None
    until: datetime


Credential = TokenCredential | PersonCredential


class Authentication:
    """Finds out whose credentials are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._principals: Briefly[Credential, Principal | None] = Briefly(
            self._look, seconds=REMEMBER_SECONDS
        )
        self._used: dict[tuple[str, str], float] = {}

    async def principal_of(self, credential: Credential) -> Principal | None:
        """Return whose a credential is; None when it does not work, or the person is no member of that workspace.

        Raises:
            RetryLater: the database cannot answer now.
        """
        if isinstance(credential, PersonCredential) and credential.until <= datetime.now(UTC):
            return None
        return await self._principals.ask(credential)

    async def working(self, credentials: Collection[Credential]) -> dict[Credential, Principal]:
        """Return whose credentials are, of those of them that work. Tokens are looked up anew, all at once.

        Raises:
            RetryLater: the database cannot answer now.
        """
        tokens = {one.digest: one for one in credentials if isinstance(one, TokenCredential)}
        found = await self._of_tokens(tokens.keys())
        principals: dict[Credential, Principal] = {tokens[digest]: whose for digest, whose in found.items()}
        people = [one for one in credentials if isinstance(one, PersonCredential)]
        for person, whose in zip(people, await asyncio.gather(*map(self.principal_of, people)), strict=True):
            if whose is not None:
                principals[person] = whose
        return principals

    def forget(self) -> None:
        """Look everybody up anew: a token or a membership was changed."""
        self._principals.forget()

    async def write_use(self) -> None:
        """Write when tokens were last used.

        Raises:
            RetryLater: the database cannot answer now; it is written the next time.
        """
        if not self._used:
            return
        used, self._used = self._used, {}
        now = time.monotonic()
        try:
            await agent_token.note_use(self._database, {key: now - at for key, at in used.items()})
        except RetryLater:
            self._used = {**used, **self._used}
            raise

    async def _look(self, credential: Credential) -> Principal | None:
        if isinstance(credential, TokenCredential):
            return (await self._of_tokens([credential.digest])).get(credential.digest)
        return await self._look_for_person(credential)

    async def _of_tokens(self, digests: Collection[bytes]) -> dict[bytes, Principal]:
        found = await store.of_tokens(self._database, digests)
        for principal in found.values():
            if principal.token_id is not None:
                self._used[principal.workspace, principal.token_id] = time.monotonic()
        return found

    async def _look_for_person(self, credential: PersonCredential) -> Principal | None:
        found = await store.of_person(self._database, credential.subject, credential.workspace)
        if found is not None or credential.workspace is not None:
            return found
        # Whoever makes it second finds it made.
        await workspaces.create(
            self._database, new_workspace_id(), PERSONAL, credential.name, credential.subject, personal=True
        )
        return await store.of_person(self._database, credential.subject, None)


def new_workspace_id() -> str:
    """Return the id of a workspace to make; nobody can guess it, and nobody needs to."""
    return f"ws_{secrets.token_hex(8)}"
