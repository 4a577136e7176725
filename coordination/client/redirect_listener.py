"""Where the browser comes back to after a login: a listener on this machine for one redirect (RFC 8252, section 7.3).

It takes a free port of 127.0.0.1 and answers one path. A redirect counts when it carries the state that was drawn
for this login; whatever else is sent here, by pages that the person has open or by other users of the machine, is
refused and ends nothing. The code in it is worth nothing without the verifier that stayed with us (PKCE).
"""

import asyncio
import contextlib
import secrets
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

from coordination.client.errors import RequestRefused

PATH: Final = "/logged-in"
STALE_SECONDS: Final = 10.0
"""How long a connection may take to say what it wants."""
MOST: Final = 16_384
"""Bytes of a request's head."""
_TIMED_OUT: Final = "login_timed_out"
_REFUSED: Final = "login_refused"
_PAGE: Final = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>coord</title>"
    "<body style='font:1.2em sans-serif;margin:3em'><p>{}</p></html>"
)
_HEAD: Final = (
    "HTTP/1.1 {}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n"
    "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n\r\n"
)


class RedirectListener:
    """Waits for one redirect; use it as an async context manager.

    Attributes:
        url: what the browser has to be sent back to; it holds the state.
    """

    def __init__(self) -> None:
        self.url = ""
        self._state = secrets.token_urlsafe(32)
        self._host = ""
        self._came: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=MOST)
        self._host = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.url = f"http://{self._host}{PATH}?state={self._state}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self._came.cancel()

    async def code(self, seconds: float) -> str:
        """Return the code that the browser brings; only the first one counts.

        Raises:
            RequestRefused: it brought a refusal, or nothing within `seconds`.
        """
        try:
            return await asyncio.wait_for(asyncio.shield(self._came), seconds)
        except TimeoutError:
            message = f"Nobody logged in within {seconds:g} seconds."
            raise RequestRefused(message, code=_TIMED_OUT) from None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What breaks off, sends too much, or is no request, only ends itself.
        broken = (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
        try:
            with contextlib.suppress(*broken):
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), STALE_SECONDS)
                status, said, outcome = self._answer(head.decode("latin-1"))
                page = _PAGE.format(said).encode()
                writer.write(_HEAD.format(status, len(page)).encode() + page)
                await asyncio.wait_for(writer.drain(), STALE_SECONDS)
                self._settle(outcome)
        finally:
            writer.close()

    def _answer(self, head: str) -> tuple[str, str, str | RequestRefused | None]:
        """Return status and text for the browser, and what came of it: a code, a refusal, or nothing."""
        first, *lines = head.split("\r\n")
        method, _, rest = first.partition(" ")
        asked = urlsplit(rest.partition(" ")[0])
        hosts = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("host:")]
        # Another Host is a page of elsewhere whose name was made to lead here.
        if method != "GET" or asked.path != PATH or hosts != [self._host]:
            return "404 Not Found", "There is nothing here.", None
        sent = parse_qs(asked.query)
        if not secrets.compare_digest(sent.get("state", [""])[0].encode(), self._state.encode()):
            return "400 Bad Request", "This is not the login that is waited for.", None
        if self._came.done():
            return "410 Gone", "This login is over already.", None
        if "code" in sent:
            return "200 OK", "The login goes on in the terminal. This window can be closed.", sent["code"][0]
        said = " ".join(sent.get("error_description", sent.get("error", ["no code came"])))
        refusal = RequestRefused(f"The login was refused: {said[:300]}", code=_REFUSED)
        return "400 Bad Request", "The login was refused. The terminal says why.", refusal

    def _settle(self, outcome: str | RequestRefused | None) -> None:
        if outcome is None or self._came.done():
            return
        if isinstance(outcome, str):
            self._came.set_result(outcome)
        else:
            self._came.set_exception(outcome)
