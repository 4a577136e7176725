"""A real nginx with the configuration of `deploy/nginx`, on free ports of loopback, with a certificate of a test CA."""

from __future__ import annotations

import os
import re
import shutil
import signal
import ssl
import subprocess
from pathlib import Path
from typing import Self

from tests.acceptance.debian import program
from tests.acceptance.service import free_port, wait_until
from tests.unit.docs.page import ROOT

CONFIGURATION = ROOT / "deploy" / "nginx"
NAME = "coordination.example.com"
_MAIN = """
{user}
worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include coordination/upstream.conf;
    include coordination/{server}.conf;
}}
"""


class Nginx:
    """nginx in front of services on this machine; `with` runs it.

    Args:
        folder: a folder of its own.
        server: which of the three servers: `tls`, `plain` or `prefix`.
        ports: the services behind it.
    """

    def __init__(self, folder: Path, server: str, *ports: int) -> None:
        self._folder = folder
        self._program = program("nginx", "nginx-light")
        self.plain_port, self.tls_port = free_port(), free_port()
        scheme, port = ("http", self.plain_port) if server == "plain" else ("https", self.tls_port)
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.authority = folder / "authority.crt"
        own = folder / "coordination"
        shutil.copytree(CONFIGURATION, own)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(_MAIN.format(user=user, server=server))
        behind = "\n".join(f"server 127.0.0.1:{port};" for port in ports)
        _replace(own / "upstream.conf", r"server 127\.0\.0\.1:8000;", behind)
        _replace(own / f"{server}.conf", r"listen 80;", f"listen 127.0.0.1:{self.plain_port};")
        _replace(own / f"{server}.conf", r"listen 443 ssl", f"listen 127.0.0.1:{self.tls_port} ssl")
        if server != "plain":
            make_certificate(folder, own / "server.crt", own / "server.key")
        self._running: subprocess.Popen[bytes] | None = None

    def test(self) -> subprocess.CompletedProcess[str]:
        """What `nginx -t` says of the configuration."""
        command = [self._program, *self._arguments, "-t"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    @property
    def trust(self) -> ssl.SSLContext | bool:
        """What clients verify it with."""
        return ssl.create_default_context(cafile=self.authority) if self.authority.exists() else True

    @property
    def _arguments(self) -> list[str]:
        return ["-p", str(self._folder), "-c", str(self._folder / "nginx.conf"), "-e", "stderr"]

    def __enter__(self) -> Self:
        with (self._folder / "nginx.log").open("ab") as log:
            self._running = subprocess.Popen([self._program, *self._arguments], stdout=log, stderr=log)
        wait_until((self._folder / "nginx.pid").exists, 10, "nginx")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._running is not None
        self._running.send_signal(signal.SIGTERM)
        self._running.wait(10)

    def log(self) -> str:
        """What it complained about."""
        return (self._folder / "nginx.log").read_text()


def make_certificate(folder: Path, certificate: Path, key: Path) -> None:
    """Make an authority for tests, and a certificate of it for our names."""
    openssl = program("openssl", "openssl")
    new = (
        openssl,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    )
    authority = ("-keyout", str(folder / "authority.key"), "-out", str(folder / "authority.crt"))
    signed = ("-CA", str(folder / "authority.crt"), "-CAkey", str(folder / "authority.key"))
    extensions = (
        *("-addext", f"subjectAltName=DNS:{NAME},DNS:example.com,IP:127.0.0.1"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
    )
    own = ("-keyout", str(key), "-out", str(certificate), "-subj", f"/CN={NAME}")
    for more in ((*authority, "-subj", "/CN=Test authority"), (*signed, *own, *extensions)):
        subprocess.run([*new, *more], check=True, capture_output=True)


def _replace(file: Path, pattern: str, text: str) -> None:
    changed, number = re.subn(pattern, text, file.read_text())
    assert number or "listen" in pattern, f"{file.name} has no {pattern}"
    file.write_text(changed)
