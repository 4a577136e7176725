"""How people log in at the project of the tests: one-time codes, the browser with PKCE, sessions that are refreshed.

The endpoints `/otp`, `/verify`, `/authorize`, `/token`, `/user`, `/logout` and `/settings` of Supabase Auth.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route


@dataclass
class _Session:
    subject: str
    email: str
    current: str
    spent: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


def _refused(status: int, code: str, message: str) -> JSONResponse:
    # As of the API's version 2024-01-01, which the client asks for.
    return JSONResponse(
        {"code": code, "message": message}, status, headers={"x-supabase-api-version": "2024-01-01"}
    )


class LogIn:
    """People, codes and sessions.

    Attributes:
        codes: the code that was last sent to an address; reading one's mail.
        providers: through whom one can log in with the browser.
        denied: what the provider says instead of letting the person in, '' for nothing.
        lifetime: seconds that an access token lives.
        spent: how often a refresh token was taken.
    """

    def __init__(self, token: Callable[..., str]) -> None:
        self._token = token
        self.codes: dict[str, str] = {}
        self.providers = ["github"]
        self.denied = ""
        self.lifetime = 3600
        self.spent = 0
        self._people: dict[str, str] = {}
        self._sessions: list[_Session] = []
        self._flows: dict[str, tuple[str, str]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/otp", self._otp, methods=["POST"]),
            Route("/verify", self._verify, methods=["POST"]),
            Route("/authorize", self._authorize),
            Route("/token", self._exchange, methods=["POST"]),
            Route("/user", self._user),
            Route("/logout", self._logout, methods=["POST"]),
            Route("/settings", self._settings),
        ]

    async def _otp(self, request: Request) -> Response:
        asked = await request.json()
        if "@" not in asked["email"]:
            return _refused(400, "validation_failed", "Unable to validate email address: invalid format")
        self.codes[asked["email"]] = f"{secrets.randbelow(10**6):06}"
        return JSONResponse({})

    async def _verify(self, request: Request) -> Response:
        asked = await request.json()
        if asked["type"] != "email" or self.codes.get(asked["email"]) != asked["token"]:
            return _refused(403, "otp_expired", "Token has expired or is invalid")
        del self.codes[asked["email"]]
        return self._begin(asked["email"])

    async def _authorize(self, request: Request) -> Response:
        asked = request.query_params
        back = asked["redirect_to"]
        host = urlsplit(back).hostname or ""
        if asked["provider"] not in self.providers or not ipaddress.ip_address(host).is_loopback:
            return _refused(400, "validation_failed", "Unsupported provider: provider is not enabled")
        assert asked["code_challenge_method"] == "s256"
        if self.denied:
            return _back(back, error="access_denied", error_description=self.denied)
        code = str(uuid.uuid4())
        self._flows[code] = (asked["code_challenge"], "ann@example.org")
        return _back(back, code=code)

    async def _exchange(self, request: Request) -> Response:
        asked = await request.json()
        if request.query_params["grant_type"] == "refresh_token":
            return self._refresh(asked["refresh_token"])
        challenge, email = self._flows.pop(asked["auth_code"], ("", ""))
        if not challenge:
            return _refused(404, "flow_state_not_found", "invalid flow state, no valid flow state found")
        digest = hashlib.sha256(asked["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
            message = "code challenge does not match previously saved code verifier"
            return _refused(400, "bad_code_verifier", message)
        return self._begin(email)

    def _refresh(self, token: str) -> Response:
        self.spent += 1
        for session in self._sessions:
            if token == session.current:
                session.spent, session.current = token, secrets.token_urlsafe(9)
                return self._answer(session)
            if token == session.spent:
                # Allowed for the last one spent: whoever asked may not have had the answer.
                return self._answer(session)
        return _refused(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")

    async def _user(self, request: Request) -> Response:
        session = self._of(request)
        return JSONResponse(_user(session)) if session else _refused(403, "bad_jwt", "invalid JWT")

    async def _logout(self, request: Request) -> Response:
        session = self._of(request)
        if session is None:
            return _refused(403, "session_not_found", "Session from session_id claim in JWT does not exist")
        assert request.query_params["scope"] == "local"
        self._sessions.remove(session)
        return Response(status_code=204)

    async def _settings(self, _: Request) -> Response:
        named = {name: name in self.providers for name in ("github", "google", "keycloak")}
        return JSONResponse({"external": {**named, "email": True, "phone": False, "anonymous_users": True}})

    def _begin(self, email: str) -> Response:
        subject = self._people.setdefault(email, str(uuid.uuid4()))
        session = _Session(subject, email, secrets.token_urlsafe(9))
        self._sessions.append(session)
        return self._answer(session)

    def _answer(self, session: _Session) -> Response:
        now = int(time.time())
        access = self._token(
            session.subject, email=session.email, session_id=session.id, exp=now + self.lifetime, iat=now
        )
        return JSONResponse(
            {
                "access_token": access,
                "token_type": "bearer",
                "expires_in": self.lifetime,
                "expires_at": now + self.lifetime,
                "refresh_token": session.current,
                "user": _user(session),
            }
        )

    def _of(self, request: Request) -> _Session | None:
        token = request.headers["authorization"].removeprefix("Bearer ")
        found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return next((one for one in self._sessions if one.id == found["session_id"]), None)


def _user(session: _Session) -> dict[str, Any]:
    return {
        "id": session.subject,
        "aud": "authenticated",
        "role": "authenticated",
        "email": session.email,
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {},
        "identities": [],
        "created_at": "2026-11-22T00:00:00.000000Z",
        "is_anonymous": False,
    }


def _back(to: str, **more: str) -> Response:
    """Send the browser back, with the parameters that were there and more, as Supabase Auth does."""
    parts = urlsplit(to)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | more
    return RedirectResponse(parts._replace(query=urlencode(query)).geturl(), 302)
