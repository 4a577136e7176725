"""Access tokens of people: what is genuine is taken, and whatever somebody made up, changed or kept is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from coordination.domain.person import InvalidCredential
from coordination.transport.person import LEEWAY_SECONDS, MOST, SupabasePeople
from tests.supabase.keys import Key, claims, part
from tests.supabase.project import SupabaseProject

EC, RSA, ED = Key("ES256"), Key("RS256"), Key("EdDSA")
STRANGER = Key("ES256")
SUBJECT = "4f1c8a5e-93f1-4b6e-8c1e-0d2c4f5a6b7c"
Forge = Callable[[SupabaseProject], str]


@pytest.fixture
async def people(supabase: SupabaseProject) -> AsyncIterator[SupabasePeople]:
    supabase.keys = [EC, RSA, ED]
    verifying = SupabasePeople(supabase.url)
    yield verifying
    await verifying.close()


def _pem(key: Key) -> bytes:
    return key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("key", [EC, RSA, ED], ids=lambda key: key.algorithm)
async def test_a_token_of_the_project_says_who_the_person_is(
    key: Key, supabase: SupabaseProject, people: SupabasePeople
) -> None:
    sent = claims(supabase.issuer, SUBJECT)
    person = await people.verify(key.sign(sent))
    assert person.subject == uuid.UUID(SUBJECT)
    assert person.email == "ann@example.org"
    assert person.expires_at.timestamp() == sent["exp"] + LEEWAY_SECONDS


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        (None, None),
        ("", None),
        (7, None),
        ("a\u202eb\x1b[31m@x.org", "ab@x.org"),
        ("x" * 999, "x" * 319 + "…"),
    ],
)
async def test_an_address_is_only_shown_and_shown_clean(
    email: object, shown: str | None, supabase: SupabaseProject, people: SupabasePeople
) -> None:
    person = await people.verify(EC.sign(claims(supabase.issuer, SUBJECT, email=email)))
    assert person.email == shown


async def test_clocks_may_differ_a_little(supabase: SupabaseProject, people: SupabasePeople) -> None:
    now = int(time.time())
    for claim, value in (("exp", now - LEEWAY_SECONDS + 5), ("iat", now + 5), ("nbf", now + 5)):
        assert await people.verify(EC.sign({**claims(supabase.issuer), claim: value}))


async def test_an_audience_among_others_is_enough(supabase: SupabaseProject, people: SupabasePeople) -> None:
    assert await people.verify(
        EC.sign(claims(supabase.issuer, aud=["authenticated", "https://mcp.example.org"]))
    )


def _unsigned(algorithm: str) -> Forge:
    def forge(supabase: SupabaseProject) -> str:
        header = {"alg": algorithm, "kid": EC.kid, "typ": "JWT"}
        return f"{part(header)}.{part(claims(supabase.issuer))}."

    return forge


def _by_secret(secret: Callable[[], bytes], kid: str, algorithm: str = "HS256") -> Forge:
    """Signed with what everybody knows, as if it were a shared secret."""

    def forge(supabase: SupabaseProject) -> str:
        said = f"{part({'alg': algorithm, 'kid': kid})}.{part(claims(supabase.issuer))}"
        mac = hmac.digest(secret(), said.encode(), hashlib.sha256)
        return f"{said}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    return forge


def _signed(key: Key = EC, *, header: dict[str, Any] | None = None, **changed: Any) -> Forge:
    return lambda supabase: key.sign(claims(supabase.issuer, **changed), **(header or {}))


def _cut(*parts: Callable[[str], str]) -> Forge:
    """A good token, each of its three parts changed."""

    def forge(supabase: SupabaseProject) -> str:
        token = EC.sign(claims(supabase.issuer)).split(".")
        return ".".join(change(part) for change, part in zip(parts, token, strict=True))

    return forge


def _same(part: str) -> str:
    return part


def _is(value: str) -> Callable[[str], str]:
    return lambda _: value


def _later(seconds: float) -> float:
    return time.time() + seconds


def _issuer(change: Callable[[str], object]) -> Forge:
    return lambda supabase: EC.sign(claims(supabase.issuer, iss=change(supabase.issuer)))


OWN_KEY = STRANGER.jwk()
FORGED: dict[str, Forge] = {
    "no algorithm": _unsigned("none"),
    "no algorithm, in other letters": _unsigned("nOnE"),
    "an algorithm without a signature": _unsigned("ES256"),
    "HS256 with the public key, EC": _by_secret(lambda: _pem(EC), EC.kid),
    "HS256 with the public key, RSA": _by_secret(lambda: _pem(RSA), RSA.kid),
    "HS256 with the key as it is shown": _by_secret(lambda: json.dumps(EC.jwk()).encode(), EC.kid),
    "HS256 with an empty secret": _by_secret(lambda: b"", EC.kid),
    "HS384": _by_secret(lambda: _pem(EC), EC.kid, "HS384"),
    "RS256 said, an EC key": _by_secret(lambda: _pem(EC), EC.kid, "RS256"),
    "EdDSA said, an EC key": _signed(header={"alg": "EdDSA"}),
    "ES384 said": _signed(header={"alg": "ES384"}),
    "PS256 said, an RSA key": _signed(RSA, header={"alg": "PS256"}),
    "an algorithm that is none": _signed(header={"alg": 7}),
    "a stranger's key": _signed(STRANGER),
    "a stranger's key under a known name": _signed(STRANGER, header={"kid": EC.kid}),
    "a stranger's key that comes along": _signed(STRANGER, header={"jwk": OWN_KEY, "kid": EC.kid}),
    "a stranger's key, alone": _signed(STRANGER, header={"jwk": OWN_KEY}),
    "a URL of keys": _signed(STRANGER, header={"jku": "http://127.0.0.1:1/jwks.json"}),
    "a URL of a certificate": _signed(STRANGER, header={"x5u": "http://127.0.0.1:1/x.pem", "kid": EC.kid}),
    "no name of a key": _signed(header={"kid": None}),
    "an empty name of a key": _signed(header={"kid": ""}),
    "a path as name of a key": _signed(header={"kid": "../../../../dev/null"}),
    "a statement as name of a key": _signed(header={"kid": "' union select 'x' --"}),
    "a command as name of a key": _signed(header={"kid": "|id"}),
    "NUL in the name of a key": _signed(header={"kid": f"{EC.kid}\0"}),
    "an endless name of a key": _signed(header={"kid": "k" * 5000}),
    "something critical": _signed(header={"crit": ["exp"]}),
    "a payload beside it": _signed(header={"b64": False, "crit": ["b64"]}),
    "another type": _signed(header={"typ": "dpop+jwt"}),
    "another project": _issuer(lambda _: "https://evil.supabase.co/auth/v1"),
    "a longer issuer": _issuer(lambda issuer: f"{issuer}/"),
    "a shorter issuer": _issuer(lambda issuer: issuer.removesuffix("/auth/v1")),
    "issuers in a row": _issuer(lambda issuer: [issuer]),
    "no issuer": _issuer(lambda _: None),
    "another audience": _signed(aud="anon"),
    "an audience for another client": _signed(aud=str(uuid.uuid4())),
    "no audience": _signed(aud=None),
    "audiences without ours": _signed(aud=["a", "b"]),
    "an audience that is none": _signed(aud={"authenticated": True}),
    "expired": _signed(exp=_later(-LEEWAY_SECONDS - 1)),
    "no end": _signed(exp=None),
    "an end that is no number": _signed(exp="never"),
    "an end beyond all calendars": _signed(exp=10**18),
    "an infinite end": _signed(exp=float("inf")),
    "from the future": _signed(iat=_later(600)),
    "no beginning": _signed(iat=None),
    "not yet": _signed(nbf=_later(600)),
    "no subject": _signed(sub=None),
    "a subject that is a name": _signed(sub="ann"),
    "a subject that is a number": _signed(sub=7),
    "a subject written otherwise": _signed(sub="{" + SUBJECT.upper() + "}"),
    "a subject in capitals": _signed(sub=SUBJECT.upper()),
    "no role": _signed(role=None),
    "the role of nobody": _signed(role="anon"),
    "the role of a server": _signed(role="service_role"),
    "a role that is none": _signed(role=["authenticated"]),
    "nobody in particular": _signed(is_anonymous=True),
    "nobody, said otherwise": _signed(is_anonymous=["x"]),
    "too long": _signed(user_metadata={"x": "y" * MOST}),
    "not signed any more": _cut(_same, _same, _is("")),
    "another payload": _cut(_same, _is(part({"sub": SUBJECT})), _same),
    "a payload that is no object": _cut(_same, _is(part(["x"])), _same),
    "a header that is no object": _cut(_is(part("x")), _same, _same),
    "a header that is no JSON": _cut(_is("AAAA"), _same, _same),
    "a header that goes deep": _cut(_is(base64.urlsafe_b64encode(b"[" * 9000).decode()), _same, _same),
    "two parts": lambda supabase: EC.sign(claims(supabase.issuer)).rpartition(".")[0],
    "four parts": lambda supabase: EC.sign(claims(supabase.issuer)) + ".x",
    "nothing": lambda _: "",
    "dots": lambda _: "..",
    "letters beyond ASCII": lambda _: "é.ü.\ud800",
    "a token of an agent": lambda _: "coord_" + "x" * 43,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
async def test_what_is_not_genuine_is_refused(
    forge: Forge, supabase: SupabaseProject, people: SupabasePeople
) -> None:
    token = forge(supabase)
    # Refused twice: nothing is remembered of the first time.
    for _ in range(2):
        with pytest.raises(InvalidCredential):
            await people.verify(token)
    assert await people.verify(supabase.token()), "and the next person is let in"


async def test_why_is_said_in_a_few_words_that_hold_no_part_of_the_token(
    supabase: SupabaseProject, people: SupabasePeople
) -> None:
    token = STRANGER.sign(claims(supabase.issuer, SUBJECT))
    with pytest.raises(InvalidCredential) as refused:
        await people.verify(token)
    assert 0 < len(str(refused.value)) <= 200
    assert not any(part in str(refused.value) for part in token.split("."))


async def test_what_was_found_good_is_remembered_until_it_ends(
    supabase: SupabaseProject, people: SupabasePeople
) -> None:
    ended = EC.sign(claims(supabase.issuer, exp=int(_later(-LEEWAY_SECONDS - 1))))
    person = await people.verify(supabase.token())
    (known,) = people._known.values()
    assert known.ends == person.expires_at.timestamp()
    digest = hashlib.sha256(ended.encode()).digest()
    people._known[digest] = known
    assert await people.verify(ended) is person, "what is remembered is not verified again"
    people._known[digest] = replace(known, ends=time.time() - 1)
    with pytest.raises(InvalidCredential):
        await people.verify(ended)


async def test_only_so_many_are_remembered_and_the_latest_ones(
    supabase: SupabaseProject, people: SupabasePeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordination.transport.person.REMEMBERED", 2)
    seen = [await people.verify(supabase.token()) for _ in range(3)]
    assert [known.person for known in people._known.values()] == seen[1:]


@pytest.mark.parametrize(
    "url", ["http://abc.supabase.co", "ftp://127.0.0.1", "abc.supabase.co", "http://127.0.0.1.x.org"]
)
def test_a_project_is_only_asked_where_nobody_listens_in(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        SupabasePeople(url)
