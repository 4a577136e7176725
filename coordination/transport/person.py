"""Who a person is: verifies the access tokens (JWT) that a Supabase project's Auth gives to people who logged in.

A token says who somebody is and nothing else: what a person may do stands in our own tables, by `sub`. Everything
that decides about its validity comes from our settings and the project's key set (`transport.jwks`), nothing from the
token: not the algorithm, not a key that it carries or a URL that it names. The rules are those of RFC 8725. Tokens that
were found good are remembered by their digest until they expire or the keys are fetched anew: a signature costs 150
microseconds, a look two.
"""

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import httpx
import jwt
from jwt.exceptions import PyJWTError

from coordination.domain.person import InvalidCredential, Person
from coordination.domain.text import clean
from coordination.transport.jwks import ALGORITHMS, Ages, KeySet

AUTH_PATH: Final = "/auth/v1"
AUDIENCE: Final = "authenticated"
ROLE: Final = "authenticated"
LEEWAY_SECONDS: Final = 10
"""By how much the project's clock and ours may differ."""
MOST: Final = 16_384
"""Characters of a token."""
REMEMBERED: Final = 1024
EMAIL_MAX: Final = 320
_KID_MAX: Final = 256
_TYPES: Final = frozenset({"jwt", "at+jwt"})


@dataclass(frozen=True, slots=True)
class _Known:
    person: Person
    ends: float
    generation: int


def issuer_of(supabase_url: str) -> str:
    """Return who a project's tokens say that they are from."""
    return f"{supabase_url.rstrip('/')}{AUTH_PATH}"


class SupabasePeople:
    """Verifies the access tokens of one Supabase project; made once, closed at the end.

    Args:
        supabase_url: the project, such as `https://abc.supabase.co`; plain http on this machine only.
        ages: how old its keys may get.

    Raises:
        ValueError: the URL is another one.
    """

    def __init__(self, supabase_url: str, *, ages: Ages | None = None) -> None:
        project = httpx.URL(supabase_url)
        loopback = project.host in {"127.0.0.1", "::1", "localhost"}
        if project.scheme != "https" and not (project.scheme == "http" and loopback):
            raise ValueError("the URL of a Supabase project begins with https://")
        self.issuer = issuer_of(supabase_url)
        self._keys = KeySet(f"{self.issuer}/.well-known/jwks.json", trust_env=not loopback, ages=ages)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def close(self) -> None:
        """End what goes on, and the connection."""
        await self._keys.close()

    async def verify(self, token: str) -> Person:
        """Return the person whom a token was given to.

        Raises:
            InvalidCredential: it is no token of this project for a person, or no longer.
            RetryLater: the project's keys cannot be had now, so nothing can be said of the token.
        """
        if len(token) > MOST:
            raise InvalidCredential(f"it has more than {MOST} characters")
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        if digest in self._known:
            generation = await self._keys.renewed()
            found = self._known.get(digest)
            if found is not None and found.generation == generation and time.time() < found.ends:
                self._known.move_to_end(digest)
                return found.person
        claims = await self._claims(token)
        person = _person(claims)
        self._remember(digest, person)
        return person

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            key = await self._keys.find(_asked_key(jwt.get_unverified_header(token)))
            if key is None:
                raise InvalidCredential("the project has no such key")
            return jwt.decode(
                token,
                key.key,
                # That of the key; what the token says has to be the same.
                algorithms=[key.algorithm],
                audience=AUDIENCE,
                issuer=self.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        # What is no token at all can make the library fail in ways of Python's own.
        except (PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise InvalidCredential(clean(f"{type(error).__name__}: {error}", 200)) from error

    def _remember(self, digest: bytes, person: Person) -> None:
        self._known[digest] = _Known(person, person.expires_at.timestamp(), self._keys.generation)
        self._known.move_to_end(digest)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _asked_key(header: dict[str, Any]) -> str:
    """Return the name of the key that a token's header asks for; the rest of it only rules out what nobody looks up."""
    kid, algorithm, kind = header.get("kid"), header.get("alg"), header.get("typ", "JWT")
    if algorithm not in ALGORITHMS.values():
        raise InvalidCredential("its algorithm is none that is taken")
    if not isinstance(kid, str) or not 0 < len(kid) <= _KID_MAX:
        raise InvalidCredential("it names no key")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise InvalidCredential("it is no token of the kind that is taken")
    return kid


def _person(claims: dict[str, Any]) -> Person:
    subject, email = claims["sub"], claims.get("email")
    if claims.get("role") != ROLE:
        raise InvalidCredential("it is not for a person: its role is another one")
    if claims.get("is_anonymous") not in (None, False):
        raise InvalidCredential("it is of somebody who did not say who they are")
    try:
        person = UUID(subject)
        # With the leeway: whoever is let in by it is not turned away behind the gate.
        expires_at = datetime.fromtimestamp(int(claims["exp"]) + LEEWAY_SECONDS, UTC)
    except (ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise InvalidCredential("its subject or its end is none") from error
    if str(person) != subject:
        raise InvalidCredential("its subject is not written as one")
    shown = clean(email, EMAIL_MAX) if isinstance(email, str) else ""
    return Person(person, shown or None, expires_at)
