"""Keys as a Supabase project signs with, and the tokens that they make; good ones and whatever an attack needs."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
# A quarter of a second each; which RSA key it is matters to no test.
_RSA: Final[dict[int, rsa.RSAPrivateKey]] = {}


def _made(algorithm: str, bits: int) -> Private:
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return _RSA.setdefault(bits, rsa.generate_private_key(65537, bits)) if bits not in _RSA else _RSA[bits]


def _jwk(key: Private, *, private: bool) -> dict[str, Any]:
    shown: Any = key if private else key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        return json.loads(RSAAlgorithm.to_jwk(shown))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return json.loads(OKPAlgorithm.to_jwk(shown))
    return json.loads(ECAlgorithm.to_jwk(shown))


class Key:
    """One signing key with its name.

    Attributes:
        kid: its name.
        algorithm: what it signs with.
        private: the key itself.
    """

    def __init__(self, algorithm: str = "ES256", *, kid: str = "", bits: int = 2048) -> None:
        self.algorithm = algorithm
        self.kid = kid or str(uuid.uuid4())
        self.private = _made(algorithm, bits)

    def jwk(self, *, private: bool = False, **more: Any) -> dict[str, Any]:
        """How the key set shows it, as Supabase Auth does."""
        shown = _jwk(self.private, private=private)
        # The library marks what a key may do; Supabase writes it so.
        own = {"kid": self.kid, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"], "ext": True}
        return {**shown, **own, **more}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A token with these claims; what `header` names is added to its header or replaced there, a None taken out."""
        asked = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT", **header}
        kept = {name: value for name, value in asked.items() if value is not None}
        said = f"{part(kept)}.{part(claims)}"
        # By hand: the library would refuse to write what an attack needs.
        signature = jwt.get_algorithm_by_name(self.algorithm).sign(said.encode(), self.private)
        return f"{said}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def part(value: object) -> str:
    """One part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims(issuer: str, person: str | None = None, **more: Any) -> dict[str, Any]:
    """What Supabase Auth writes into an access token; `more` is added or replaced, a None taken out."""
    now = int(time.time())
    usual: dict[str, Any] = {
        "iss": issuer,
        "sub": person or str(uuid.uuid4()),
        "aud": "authenticated",
        "exp": now + 3600,
        "iat": now,
        "email": "ann@example.org",
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {},
        "role": "authenticated",
        "aal": "aal1",
        "amr": [{"method": "otp", "timestamp": now}],
        "session_id": str(uuid.uuid4()),
        "is_anonymous": False,
    }
    return {name: value for name, value in {**usual, **more}.items() if value is not None}
