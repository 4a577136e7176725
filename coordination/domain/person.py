"""People as they log in: who Supabase Auth says somebody is, and under which name they begin here."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from coordination.domain.virtual_user import PART_MAX

NAMELESS: Final = "me"
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9.@+-]+|_+")


class InvalidCredential(Exception):
    """A credential is not what it says, or works no more. The message says why; it repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who logged in.

    Attributes:
        subject: the person's id at Supabase Auth.
        email: the address, when it is known; nothing is decided by it.
        expires_at: until when the credential works.
    """

    subject: UUID
    email: str | None
    expires_at: datetime


def first_name(person: Person) -> str:
    """Return the name of a person in the personal workspace: what stands before the @, as far as it can be one."""
    local = (person.email or "").partition("@")[0]
    return _FOREIGN.sub("-", local)[:PART_MAX].strip("-") or NAMELESS
