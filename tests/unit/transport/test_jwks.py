"""The keys of a project: kept, renewed, asked for together and rarely, and never a guess while the host is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import structlog

from coordination.domain.errors import RetryLater
from coordination.domain.person import InvalidCredential
from coordination.transport.jwks import (
    FRESH_SECONDS,
    MOST_BYTES,
    PAUSE_SECONDS,
    STALE_SECONDS,
    USABLE_SECONDS,
    KeySet,
    UnusableKeySet,
    read_keys,
)
from coordination.transport.person import SupabasePeople
from tests.supabase.keys import Key
from tests.supabase.project import SupabaseProject

JWKS = "/.well-known/jwks.json"
OTHER = Key("ES256", kid="other")


@pytest.fixture
async def keys(supabase: SupabaseProject) -> AsyncIterator[KeySet]:
    known = KeySet(f"{supabase.issuer}{JWKS}", trust_env=False)
    yield known
    await known.close()


def _age(keys: KeySet, seconds: float) -> None:
    """Let the set that is there, and the last try, be older."""
    assert keys._fetched_at is not None
    assert keys._tried_at is not None
    keys._fetched_at -= seconds
    keys._tried_at -= seconds


async def _fetched(keys: KeySet) -> None:
    if keys._fetching is not None:
        await keys._fetching


async def test_all_who_need_the_set_share_one_fetch(supabase: SupabaseProject, keys: KeySet) -> None:
    supabase.gate.clear()
    asking = [asyncio.create_task(keys.find(supabase.keys[0].kid)) for _ in range(50)]
    await asyncio.to_thread(supabase.came.acquire, timeout=5)
    supabase.gate.set()
    assert None not in await asyncio.gather(*asking)
    assert supabase.asked[JWKS] == 1


async def test_one_who_gives_up_leaves_the_fetch_to_the_others(
    supabase: SupabaseProject, keys: KeySet
) -> None:
    supabase.gate.clear()
    first, second = (asyncio.create_task(keys.find(supabase.keys[0].kid)) for _ in range(2))
    await asyncio.to_thread(supabase.came.acquire, timeout=5)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    supabase.gate.set()
    assert await second is not None


async def test_a_new_key_is_found_although_the_set_is_fresh(supabase: SupabaseProject, keys: KeySet) -> None:
    assert await keys.find(supabase.keys[0].kid)
    supabase.keys.append(OTHER)
    _age(keys, PAUSE_SECONDS)
    found = await keys.find("other")
    assert found is not None
    assert found.algorithm == "ES256"


async def test_a_flood_of_made_up_names_asks_once_and_holds_up_nobody(
    supabase: SupabaseProject, keys: KeySet
) -> None:
    known = supabase.keys[0].kid
    await keys.find(known)
    assert [await keys.find(f"made up {number}") for number in range(500)] == [None] * 500
    assert supabase.asked[JWKS] == 1
    _age(keys, PAUSE_SECONDS)
    supabase.gate.clear()
    assert supabase.came.acquire(timeout=5), "the first time"
    flood = [asyncio.create_task(keys.find(f"made up {number}")) for number in range(500)]
    await asyncio.to_thread(supabase.came.acquire, timeout=5)
    assert await asyncio.wait_for(keys.find(known), 1) is not None, "whose key is known waits for nothing"
    supabase.gate.set()
    assert await asyncio.gather(*flood) == [None] * 500
    assert supabase.asked[JWKS] == 2


async def test_a_set_that_is_not_fresh_is_renewed_beside_the_calls(
    supabase: SupabaseProject, keys: KeySet
) -> None:
    old = supabase.keys[0].kid
    await keys.find(old)
    supabase.keys = [OTHER]
    _age(keys, FRESH_SECONDS + 1)
    assert await keys.find(old) is not None
    await _fetched(keys)
    assert await keys.find(old) is None


async def test_a_key_that_was_taken_back_is_refused_once_the_set_is_stale(
    supabase: SupabaseProject, keys: KeySet
) -> None:
    old = supabase.keys[0].kid
    await keys.find(old)
    supabase.keys = [OTHER]
    _age(keys, STALE_SECONDS + 1)
    assert await keys.find(old) is None


async def test_what_was_found_good_by_a_key_that_was_taken_back_is_forgotten(
    supabase: SupabaseProject,
) -> None:
    people, token = SupabasePeople(supabase.url), supabase.token()
    await people.verify(token)
    supabase.keys = [OTHER]
    _age(people._keys, STALE_SECONDS + 1)
    with pytest.raises(InvalidCredential):
        await people.verify(token)
    await people.close()


@pytest.mark.parametrize("status", [500, 503, 404, 302, 204])
async def test_an_outage_is_no_refusal(status: int, supabase: SupabaseProject, keys: KeySet) -> None:
    known = supabase.keys[0].kid
    supabase.away = status
    with pytest.raises(RetryLater, match="cannot be checked now"):
        await keys.find(known)
    assert keys._tried_at is not None
    keys._tried_at -= PAUSE_SECONDS
    supabase.away = 0
    assert await keys.find(known) is not None, "and it ends by itself"


async def test_old_keys_go_on_working_while_the_host_is_away_and_not_for_ever(
    supabase: SupabaseProject, keys: KeySet
) -> None:
    known = supabase.keys[0].kid
    await keys.find(known)
    supabase.away = 503
    _age(keys, STALE_SECONDS + 1)
    assert await keys.find(known) is not None
    assert supabase.asked[JWKS] == 2
    with pytest.raises(RetryLater):
        await keys.find("perhaps a new one")
    assert supabase.asked[JWKS] == 2, "and the host is left alone for a while"
    _age(keys, USABLE_SECONDS)
    with pytest.raises(RetryLater):
        await keys.find(known)
    supabase.away = 0
    _age(keys, PAUSE_SECONDS)
    assert await keys.find(known) is not None


async def test_nobody_waits_for_a_host_that_is_known_to_be_away(
    supabase: SupabaseProject, keys: KeySet
) -> None:
    known = supabase.keys[0].kid
    await keys.find(known)
    supabase.away = 503
    _age(keys, STALE_SECONDS + 1)
    await keys.find(known)
    _age(keys, PAUSE_SECONDS)
    supabase.gate.clear()
    supabase.away = 0
    assert await asyncio.wait_for(keys.find(known), 1) is not None
    supabase.gate.set()
    await _fetched(keys)


async def test_a_remembered_token_is_no_way_around_an_outage_that_lasts(supabase: SupabaseProject) -> None:
    people, token = SupabasePeople(supabase.url), supabase.token()
    await people.verify(token)
    supabase.away = 503
    _age(people._keys, USABLE_SECONDS + 1)
    with pytest.raises(RetryLater):
        await people.verify(token)
    await people.close()


async def test_nobody_listening_is_an_outage_too() -> None:
    with SupabaseProject() as gone:
        people, token = SupabasePeople(gone.url), gone.token()
    with pytest.raises(RetryLater):
        await people.verify(token)
    await people.close()


async def test_that_the_host_is_away_is_logged_once_and_not_with_each_call(
    supabase: SupabaseProject, keys: KeySet
) -> None:
    supabase.away = 503
    with structlog.testing.capture_logs() as logged:
        for _ in range(3):
            with pytest.raises(RetryLater):
                await keys.find("x")
            assert keys._tried_at is not None
            keys._tried_at -= PAUSE_SECONDS
    assert [(line["event"], line["url"]) for line in logged] == [("signing_keys_unavailable", keys._url)]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": ' + b"[" * 9000,
        b'{"keys": []}' + b" " * MOST_BYTES,
    ],
    ids=["empty", "html", "list", "nothing", "object", "deep", "large"],
)
async def test_an_answer_that_is_no_key_set_takes_no_key_away(
    answer: bytes, supabase: SupabaseProject, keys: KeySet
) -> None:
    known = supabase.keys[0].kid
    await keys.find(known)
    supabase.jwks = answer
    _age(keys, STALE_SECONDS + 1)
    assert await keys.find(known) is not None
    assert keys._is_away


@pytest.mark.parametrize("content", [b"7", b'{"keys": 7}', b"\xff", b"null"])
def test_what_is_no_key_set_is_named_so(content: bytes) -> None:
    with pytest.raises(UnusableKeySet, match="no JSON Web Key Set"):
        read_keys(content)


def _set(*keys: object) -> bytes:
    return json.dumps({"keys": keys}).encode()


_SHORT = Key("RS256", bits=1024)
_USELESS: dict[str, Any] = {
    "a private half beside it, EC": Key("ES256").jwk(private=True),
    "a private half beside it, RSA": Key("RS256").jwk(private=True),
    "a private half beside it, OKP": Key("EdDSA").jwk(private=True),
    "a shared secret": {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "x"},
    "a shared secret said to be a curve's": {**OTHER.jwk(), "k": "c2VjcmV0"},
    "for encryption": OTHER.jwk(use="enc"),
    "for signing": OTHER.jwk(key_ops=["sign"]),
    "for something that is none": OTHER.jwk(key_ops=7),
    "for another algorithm": OTHER.jwk(alg="HS256"),
    "another kind": OTHER.jwk(kty="RSA"),
    "another curve": OTHER.jwk(crv="P-384"),
    "a curve that is none": OTHER.jwk(crv=["P-256"]),
    "a point beside the curve": OTHER.jwk(x="AAAA"),
    "too short": _SHORT.jwk(),
    "no name": OTHER.jwk(kid=""),
    "a name that is none": OTHER.jwk(kid=7),
    "no key at all": "x",
}


@pytest.mark.parametrize("useless", _USELESS.values(), ids=_USELESS.keys())
def test_a_key_that_is_not_for_us_is_left_out_and_the_others_are_taken(useless: object) -> None:
    good = Key("EdDSA", kid="good")
    assert list(read_keys(_set(useless, good.jwk()))) == ["good"]


def test_the_first_of_two_keys_of_one_name_counts() -> None:
    first, second = Key("ES256", kid="same"), Key("EdDSA", kid="same")
    assert read_keys(_set(first.jwk(), second.jwk()))["same"].algorithm == "ES256"
