"""A Supabase project on loopback: its Auth, as far as people log in there, in a thread of its own.

Written after the documentation and the source of Supabase Auth (GoTrue) of August 2026; it is no GoTrue, and what only
a real project can show stays unproven. It keeps everything in memory and counts what it is asked.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import uuid
from collections import Counter
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.supabase.keys import Key, claims
from tests.supabase.log_in import LogIn
from tests.supabase.oauth_server import OAuthServer

API_KEY = "sb_publishable_of-these-tests"
DISCOVERY = "/.well-known/oauth-authorization-server"
_OPEN = {"/authorize", "/.well-known/jwks.json", DISCOVERY}


class SupabaseProject:
    """A running project; use it as a context manager. A test may change every attribute while it runs.

    Attributes:
        url: the project's URL.
        keys: the signing keys that it shows; it signs with the first.
        jwks: what it answers as key set instead, when it is not None.
        away: the status that it answers everything with, 0 for none.
        gate: whoever asks for the key set waits for it.
        came: released by each who asks for the key set.
        asked: how often each path was asked for.
        log_in: codes, sessions, and the providers of the browser.
        oauth: the OAuth 2.1 server.
    """

    def __init__(self) -> None:
        self.url = ""
        self.gate = threading.Event()
        self.begin_anew()
        whole = Starlette(routes=[Route("/{path:path}", self._serve, methods=["GET", "POST"])])
        config = uvicorn.Config(whole, log_level="critical", lifespan="off", ws="none", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run)
        self._socket = socket.create_server(("127.0.0.1", 0))

    def begin_anew(self) -> None:
        """Forget everything that came before, so that a test finds a new project at the same URL."""
        self.keys = [Key()]
        self.jwks: bytes | None = None
        self.away = 0
        self.gate.set()
        self.came = threading.Semaphore(0)
        self.asked: Counter[str] = Counter()
        self.log_in = LogIn(self.token)
        self.oauth = OAuthServer(self.token, lambda: self.issuer)
        routes = [*self.log_in.routes(), *self.oauth.routes(), Route("/.well-known/jwks.json", self._jwks)]
        self._routes = {route.path: route for route in routes}

    def __enter__(self) -> Self:
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self._socket.close()

    @property
    def issuer(self) -> str:
        """What stands in its tokens as `iss`."""
        return f"{self.url}/auth/v1"

    def token(self, subject: str | None = None, **more: Any) -> str:
        """An access token for a person."""
        return self.keys[0].sign(claims(self.issuer, subject or str(uuid.uuid4()), **more))

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    async def _serve(self, request: Request) -> Response:
        path = _in_auth(request.url.path)
        self.asked[path] += 1
        if self.away:
            return Response("away", self.away)
        route = self._routes.get(path)
        if route is None or request.method not in (route.methods or ()):
            return JSONResponse({"message": "no Route matched with those values"}, 404)
        if path not in _OPEN and not path.startswith("/oauth/") and not _has_key(request):
            return JSONResponse({"message": "No API key found in request"}, 401)
        answer: Response = await route.endpoint(request)
        return answer

    async def _jwks(self, _: Request) -> Response:
        self.came.release()
        await asyncio.to_thread(self.gate.wait)
        if self.jwks is not None:
            return Response(self.jwks, media_type="application/json")
        shown = {"keys": [key.jwk() for key in self.keys]}
        return JSONResponse(shown, headers={"cache-control": "public, max-age=600"})


def _in_auth(path: str) -> str:
    """The path inside Auth; discovery has its well-known place before that (RFC 8414, section 3.1)."""
    if path == f"{DISCOVERY}/auth/v1":
        return DISCOVERY
    return path.removeprefix("/auth/v1") if path.startswith("/auth/v1/") else ""


def _has_key(request: Request) -> bool:
    return request.headers.get("apikey") == API_KEY
