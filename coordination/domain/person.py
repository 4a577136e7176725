"""A person, as whoever vouches for people describes one. What a person may do is decided per workspace, elsewhere."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose credential was found to be genuine.

    Attributes:
        subject: what stands for the person for ever; the only thing that rights may hang on.
        email: an address to show, None when there is none. People can change it, so it proves nothing.
        expires_at: when the credential ends.
    """

    subject: UUID
    email: str | None
    expires_at: datetime
