"""The configuration of nginx that we give people, in a real nginx in front of the real service."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from coordination.app.serving import KEEP_ALIVE_SECONDS
from coordination.domain.visibility import PLANNER_TOOLS
from coordination.transport.exchange import BODY_MAX
from coordination.transport.mcp.tools.claim_file_lock import LONGEST_WAIT_SECONDS
from coordination.transport.rest.event_stream import HEARTBEAT_SECONDS
from coordination.transport.web_socket_protocol import PING_SECONDS
from tests.acceptance.hosted.nginx import CONFIGURATION, NAME, Nginx
from tests.acceptance.hosted.service import Hosted, owner

pytestmark = pytest.mark.acceptance
PREFIX = "/coordination"
CONFIG = {"COORDINATION_TRUSTED_PROXIES": "127.0.0.1", "COORDINATION_LOG_LEVEL": "debug"}
PLANNER = "/mcp/v2/claude/alice__session__proxied__planner"


class Proxied:
    """A service behind nginx, and a client of it that has a credential."""

    def __init__(self, nginx: Nginx, service: Hosted, prefix: str = "") -> None:
        self.nginx, self.service = nginx, service
        self.url = nginx.url + prefix
        self.headers = owner(service.url)
        self.client = httpx.Client(
            base_url=self.url, headers=self.headers, verify=nginx.trust, trust_env=False, timeout=30
        )

    def tool(self, name: str, **arguments: Any) -> dict[str, Any]:
        params = {"name": name, "arguments": arguments}
        return self.mcp("tools/call", params)["structuredContent"]

    def mcp(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self.client.post(PLANNER, json=body, headers={"x-client-name": "claude code"})
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]


@pytest.fixture(params=["tls", "plain", "prefix"])
def proxied(request: pytest.FixtureRequest, dsn: str, tmp_path: Path) -> Generator[Proxied]:
    """A service behind each of the servers, at the root and under a prefix."""
    prefix = PREFIX if request.param == "prefix" else ""
    folder = tmp_path / "nginx"
    folder.mkdir()
    with (
        Hosted(tmp_path, dsn, ROOT_PATH=prefix, **settings()) as service,
        Nginx(folder, request.param, service.port) as nginx,
    ):
        one = Proxied(nginx, service, prefix)
        with one.client:
            yield one


def settings() -> Any:
    """Further settings of the service, by their variables."""
    return CONFIG


@pytest.mark.parametrize("server", ["tls", "plain", "prefix"])
def test_nginx_finds_nothing_wrong_with_it(tmp_path: Path, server: str) -> None:
    said = Nginx(tmp_path, server, 8000).test()
    assert said.returncode == 0, said.stderr
    assert "warn" not in said.stderr


def test_everything_that_clients_do_goes_through(proxied: Proxied) -> None:
    """One service for all of it, because a start is dear."""
    assert proxied.client.get("/health").json() == {"status": "ok"}
    assert proxied.client.get("/metrics").status_code == 404
    assert [tool["name"] for tool in proxied.mcp("tools/list", {})["tools"]] == list(PLANNER_TOOLS)
    assert proxied.tool("claim_file_lock", file_paths=["a.py"])["outcome"] == "granted"
    events_come_at_once(proxied)
    a_web_socket_is_upgraded(proxied)
    large_bodies_are_refused_by_whoever_they_reach(proxied)
    if proxied.url.startswith("https"):
        assert httpx.get(proxied.url.replace("https", "http"), trust_env=False).status_code == 400
    assert "upstream" not in proxied.nginx.log()


def events_come_at_once(proxied: Proxied) -> None:
    path = "/api/v1/events?session=proxied&after=0"
    with proxied.client.stream("GET", path) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        while "lock.claimed" not in next(lines):
            pass
        again = threading.Thread(
            target=proxied.tool, args=["claim_file_lock"], kwargs={"file_paths": ["b.py"]}
        )
        again.start()
        # Nothing closes this stream and nothing fills a buffer: the event comes because nobody keeps it back.
        while "b.py" not in next(lines):
            pass
        again.join()


def a_web_socket_is_upgraded(proxied: Proxied) -> None:
    url = proxied.url.replace("http", "ws", 1) + "/ws"
    trust = proxied.nginx.trust if url.startswith("wss") else None
    with connect(url, ssl=trust, proxy=None, additional_headers=proxied.headers) as socket:  # pyright: ignore[reportArgumentType]  a context where there is TLS
        socket.send('{"subscribe": {"session": "proxied", "after": 0}}')
        assert "subscribed" in str(socket.recv(10))
        assert "lock.claimed" in "".join(str(socket.recv(10)) for _ in range(3))


def large_bodies_are_refused_by_whoever_they_reach(proxied: Proxied) -> None:
    as_json = {"content-type": "application/json"}
    ours = proxied.client.post(PLANNER, content=b"x" * (BODY_MAX + 1), headers=as_json)
    assert (ours.status_code, ours.json()["code"]) == (413, "body_too_large")
    nginxs = proxied.client.post(PLANNER, content=b"x" * (4 * BODY_MAX), headers=as_json)
    assert (nginxs.status_code, nginxs.headers["content-type"]) == (413, "text/html")


def test_who_calls_is_known_and_cannot_be_made_up(dsn: str, tmp_path: Path) -> None:
    folder = tmp_path / "nginx"
    folder.mkdir()
    with Hosted(tmp_path, dsn, **settings()) as service, Nginx(folder, "plain", service.port) as nginx:
        token = owner(service.url)
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "claim_file_lock"}}
        headers = {**token, "x-client-name": "cursor", "x-forwarded-for": "6.6.6.6"}
        for address, url in (("127.0.0.3", nginx.url), ("127.0.0.2", service.url)):
            # All of 127.0.0.0/8 is this machine; only 127.0.0.1 is listed as a proxy.
            with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as elsewhere:
                path = "/mcp/v2/cursor/alice__session__proxied__planner"
                elsewhere.post(url + path, json=body, headers=headers)
        records = [json.loads(line) for line in service.log().splitlines() if line.startswith("{")]
    peers = [record["peer"] for record in records if record["event"] == "tool_call_refused"]
    assert [peer.partition(":")[0] for peer in peers] == ["127.0.0.3", "127.0.0.2"]


def test_over_plain_http_clients_are_led_to_tls(dsn: str, tmp_path: Path) -> None:
    with Nginx(tmp_path, "tls", 1) as nginx:
        url = f"http://127.0.0.1:{nginx.plain_port}/x?y=1"
        answer = httpx.get(url, headers={"host": NAME}, trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (308, f"https://{NAME}/x?y=1")


def seconds(file: str, directive: str) -> float:
    found = re.search(rf"^\s*{directive}\s+(\d+)s;", (CONFIGURATION / file).read_text(), re.MULTILINE)
    assert found is not None, directive
    return float(found[1])


def test_its_times_fit_ours() -> None:
    """No waiting claim and no quiet stream is cut, and no call meets the end of an idle connection."""
    longest_silence = max(LONGEST_WAIT_SECONDS, HEARTBEAT_SECONDS, PING_SECONDS)
    assert seconds("proxy.conf", "proxy_read_timeout") > longest_silence + 5
    for file in ("upstream.conf", "upstream.compose.conf"):
        assert seconds(file, "keepalive_timeout") < KEEP_ALIVE_SECONDS


def test_what_differs_for_compose_is_the_name_of_the_service_alone() -> None:
    ours, compose = (
        re.sub(r"#.*\n", "", (CONFIGURATION / file).read_text()).split()
        for file in ("upstream.conf", "upstream.compose.conf")
    )
    assert [word.replace("service:8000", "127.0.0.1:8000") for word in compose] == ours
