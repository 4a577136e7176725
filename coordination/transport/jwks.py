"""The public keys with which a Supabase project signs (a JSON Web Key Set, RFC 7517), fetched and kept.

Keys are looked up by the `kid` of a token, which anybody can make up, so a look-up must not be a way to have the
project's host flooded, or those held up whose keys are known:

- all who need the set share one fetch, which is limited in time and size, and goes to the one URL of the project;
- a set is renewed beside the calls when it is `FRESH_SECONDS` old, and the new one is waited for when it is
  `STALE_SECONDS` old, so a key that the project took back is refused then at the latest;
- an unknown `kid` has the set fetched once more, for a key may be new, but not within `PAUSE_SECONDS` of the last try;
- while the host is away the keys that are known go on working, without waiting, for `USABLE_SECONDS` at most. After
  that, and for an unknown `kid`, nothing can be said: `RetryLater`, which is no refusal.

Only keys for signatures are taken, of the three kinds in `ALGORITHMS`; a shared secret never is, and neither is a key
whose private half stands beside it, for whoever reads the set could sign.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast

import httpx
import orjson
import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from coordination.domain.errors import RetryLater
from coordination.domain.trouble import Told, named, tell

FRESH_SECONDS: Final = 300.0
STALE_SECONDS: Final = 600.0
USABLE_SECONDS: Final = 3600.0
"""Access tokens live for an hour, and nobody gets one while the project is away."""
PAUSE_SECONDS: Final = 10.0
FETCH_SECONDS: Final = 3.0
MOST_BYTES: Final = 65_536
MOST_KEYS: Final = 32
ALGORITHMS: Final[Mapping[tuple[str, str], str]] = {
    ("EC", "P-256"): "ES256",
    ("RSA", ""): "RS256",
    ("OKP", "Ed25519"): "EdDSA",
}
"""The one algorithm for each kind of key (`kty`, `crv`): the token does not choose (RFC 8725, section 3.1)."""
_HEADERS: Final = {"accept": "application/json", "accept-encoding": "identity"}
"""What is packed could be small on its way and endless here."""
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_RSA_BITS: Final = 2048

_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key.

    Attributes:
        algorithm: the one algorithm that a signature by it may have.
        key: the key as the cryptography package has it.
    """

    algorithm: str
    key: Any


class UnusableKeySet(Exception):
    """What the URL answered is no key set; the message says why."""


@dataclass(frozen=True, slots=True)
class Ages:
    """How old keys may get, and how often the host is asked, in seconds; the module says what each is for."""

    fresh: float = FRESH_SECONDS
    stale: float = STALE_SECONDS
    usable: float = USABLE_SECONDS
    pause: float = PAUSE_SECONDS


class KeySet:
    """The keys behind one URL; made once, closed at the end.

    Args:
        url: where the set is.
        trust_env: whether a proxy of the environment may be used; not for this machine.
        ages: how old keys may get.

    Attributes:
        generation: counts the sets that were fetched; what was decided by an earlier one may be outdated.
    """

    def __init__(self, url: str, *, trust_env: bool = True, ages: Ages | None = None) -> None:
        self._url = url
        self._ages = ages or Ages()
        self._http = httpx.AsyncClient(timeout=FETCH_SECONDS, trust_env=trust_env, follow_redirects=False)
        self._keys: dict[str, SigningKey] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._is_away = False
        self._told: Told | None = None
        self.generation = 0

    async def close(self) -> None:
        """End a fetch that goes on, and the connection."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        await self._http.aclose()

    async def renewed(self) -> int:
        """See that the set is not stale, and return its generation.

        Raises:
            RetryLater: the host is away, and has been for longer than keys may be used.
        """
        age = self._age()
        if age > self._ages.usable or (age > self._ages.stale and not self._is_away):
            await self._fetch()
        elif age > self._ages.fresh:
            self._begin()
        if self._age() > self._ages.usable:
            raise _away()
        return self.generation

    async def find(self, kid: str) -> SigningKey | None:
        """Return the key of a name, None when the project has none.

        Raises:
            RetryLater: that cannot be known now.
        """
        await self.renewed()
        if kid not in self._keys:
            await self._fetch()
            if kid not in self._keys and self._is_away:
                raise _away()
        return self._keys.get(kid)

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else time.monotonic() - self._fetched_at

    def _begin(self) -> asyncio.Task[None] | None:
        """Return the fetch that goes on; begin one if the last try is long enough ago."""
        if self._fetching is None:
            if self._tried_at is not None and time.monotonic() - self._tried_at < self._ages.pause:
                return None
            self._fetching = asyncio.create_task(self._try())
        return self._fetching

    async def _fetch(self) -> None:
        going_on = self._begin()
        if going_on is not None:
            # One who gives up leaves the fetch to the others.
            await asyncio.shield(going_on)

    async def _try(self) -> None:
        self._tried_at = time.monotonic()
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                found = await _get(self._http, self._url)
        except (httpx.HTTPError, OSError, ValueError, UnusableKeySet) as error:
            self._is_away = True
            self._tell(named(error))
        else:
            self._keys, self._fetched_at = found, time.monotonic()
            self._is_away, self._told = False, None
            self.generation += 1
        finally:
            self._fetching = None

    def _tell(self, why: str) -> None:
        told = tell(self._told, why, time.monotonic())
        if told is not None:
            self._told = told
            _log.warning("signing_keys_unavailable", url=self._url, why=why)


def _away() -> RetryLater:
    return RetryLater(
        "Who you are cannot be checked now: the service that people log in with does not answer."
    )


async def _get(http: httpx.AsyncClient, url: str) -> dict[str, SigningKey]:
    content = bytearray()
    async with http.stream("GET", url, headers=_HEADERS) as answer:
        if answer.status_code != HTTPStatus.OK or "content-encoding" in answer.headers:
            raise UnusableKeySet(f"It answers HTTP {answer.status_code}, or packed.")
        async for piece in answer.aiter_raw(MOST_BYTES):
            content += piece
            if len(content) > MOST_BYTES:
                raise UnusableKeySet(f"It has more than {MOST_BYTES} bytes.")
    return read_keys(bytes(content))


def read_keys(content: bytes) -> dict[str, SigningKey]:
    """Return the usable keys of a key set by their names; those of no use to us are left out.

    Raises:
        UnusableKeySet: it is no key set.
    """
    try:
        listed: object = orjson.loads(content)["keys"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableKeySet("It is no JSON Web Key Set.") from error
    if not isinstance(listed, list):
        raise UnusableKeySet("It is no JSON Web Key Set.")
    known: dict[str, SigningKey] = {}
    for one in cast("list[object]", listed)[:MOST_KEYS]:
        if isinstance(one, dict):
            described = cast("dict[str, Any]", one)
            kid, key = described.get("kid"), _read(described)
            if isinstance(kid, str) and kid and key is not None:
                known.setdefault(kid, key)
    return known


def _read(described: dict[str, Any]) -> SigningKey | None:
    """Return one key of a set, None when it is not for us."""
    kind = (described.get("kty"), described.get("crv", ""))
    algorithm = next((name for known, name in ALGORITHMS.items() if known == kind), None)
    if algorithm is None or _PRIVATE & described.keys() or described.get("use", "sig") != "sig":
        return None
    uses = described.get("key_ops", ["verify"])
    if described.get("alg", algorithm) != algorithm or not isinstance(uses, list) or "verify" not in uses:
        return None
    try:
        key = PyJWK(described, algorithm).key
    except (PyJWTError, TypeError, ValueError):
        return None
    is_weak = algorithm == "RS256" and key.key_size < _RSA_BITS
    return None if is_weak else SigningKey(algorithm, key)
