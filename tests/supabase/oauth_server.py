"""The OAuth 2.1 server of the project of the tests, for clients that register themselves, such as MCP clients.

Discovery, dynamic registration, authorization code with PKCE, resource indicators and refresh, under `/oauth` of
Supabase Auth. A real project sends the browser to a page of the team's own, where the person agrees; here the person
agrees at once.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

SCOPES = ["openid", "profile", "email", "phone"]


class OAuthServer:
    """Clients, codes and grants.

    Attributes:
        subject: the person who agrees to everything.
        registered: what each client registered, by its id.
        authorized: the parameters of each request for a code.
        granted: the form of each request for a token.
    """

    def __init__(self, token: Callable[..., str], issuer: Callable[[], str]) -> None:
        self._token = token
        self._issuer = issuer
        self.subject = str(uuid.uuid4())
        self.registered: dict[str, dict[str, Any]] = {}
        self.authorized: list[dict[str, str]] = []
        self.granted: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh: dict[str, str] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/.well-known/oauth-authorization-server", self._metadata),
            Route("/oauth/clients/register", self._register, methods=["POST"]),
            Route("/oauth/authorize", self._authorize),
            Route("/oauth/token", self._exchange, methods=["POST"]),
        ]

    async def _metadata(self, _: Request) -> Response:
        issuer = self._issuer()
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/oauth/authorize",
                "token_endpoint": f"{issuer}/oauth/token",
                "registration_endpoint": f"{issuer}/oauth/clients/register",
                "jwks_uri": f"{issuer}/.well-known/jwks.json",
                "userinfo_endpoint": f"{issuer}/oauth/userinfo",
                "scopes_supported": SCOPES,
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_methods_supported": [
                    "client_secret_basic",
                    "client_secret_post",
                    "none",
                ],
                "code_challenge_methods_supported": ["S256", "plain"],
            }
        )

    async def _register(self, request: Request) -> Response:
        asked = await request.json()
        client = str(uuid.uuid4())
        own = {"client_id": client, "client_type": "public", "registration_type": "dynamic"}
        known = ("redirect_uris", "grant_types", "client_name", "token_endpoint_auth_method")
        self.registered[client] = {**{name: asked[name] for name in known if name in asked}, **own}
        return JSONResponse({**self.registered[client], "response_types": ["code"]}, 201)

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.authorized.append(asked)
        client = self.registered.get(asked.get("client_id", ""))
        if client is None or asked.get("redirect_uri") not in client["redirect_uris"]:
            return JSONResponse({"code": "validation_failed", "message": "invalid redirect_uri"}, 400)
        back = {"state": asked["state"]} if "state" in asked else {}
        wrong = _wrong(asked)
        if wrong:
            return _redirect(asked, {"error": "invalid_request", "error_description": wrong, **back})
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return _redirect(asked, {"code": code, **back})

    async def _exchange(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.granted.append(form)
        if form["grant_type"] == "refresh_token":
            client = self._refresh.pop(form["refresh_token"], None)
            return self._answer(client) if client else _invalid("Invalid refresh token")
        asked = self._codes.pop(form["code"], None)
        if asked is None or asked["client_id"] != form["client_id"]:
            return _invalid("Invalid authorization code")
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return _invalid("PKCE verification failed")
        return self._answer(form["client_id"])

    def _answer(self, client: str) -> Response:
        refresh = secrets.token_urlsafe(9)
        self._refresh[refresh] = client
        access = self._token(self.subject, client_id=client, scope="email", iat=int(time.time()))
        found = {"access_token": access, "token_type": "bearer", "expires_in": 3600, "refresh_token": refresh}
        return JSONResponse(found)


def _wrong(asked: dict[str, str]) -> str:
    if asked.get("response_type", "code") != "code":
        return "only response_type=code is supported"
    if not set(asked.get("scope", "").split()) <= set(SCOPES):
        return "invalid scope"
    if not asked.get("code_challenge") or asked.get("code_challenge_method", "").lower() != "s256":
        return "PKCE flow requires both code_challenge and code_challenge_method"
    resource = urlsplit(asked.get("resource", "https://none"))
    return (
        ""
        if resource.scheme and resource.netloc and not resource.fragment
        else "resource must be an absolute URI"
    )


def _redirect(asked: dict[str, str], parameters: dict[str, str]) -> Response:
    return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(parameters)}", 302)


def _invalid(why: str) -> Response:
    return JSONResponse({"error": "invalid_grant", "error_description": why}, 400)
