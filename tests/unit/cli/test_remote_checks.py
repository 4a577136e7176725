"""What `coord doctor` says of the way to a hosted service: who can read along, and who answers there."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from coordination.cli.place import Remote, Target
from coordination.cli.remote_checks import remote_checks


def certificate(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 that nobody signed but itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def secured(path: Path) -> Generator[int]:
    """Take connections over TLS and end each; gives the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection = listening.accept()[0]
                # The other side may refuse us while it shakes hands.
                with suppress(OSError), context.wrap_socket(connection, server_side=True):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            serving.join()


def states(url: str) -> dict[str, tuple[str, str]]:
    """What was looked at, with how it is and what was seen."""
    found = Target(url, "coord_secret", None, Remote(None, None, False))
    return {check.name: (check.state, check.found) for check in remote_checks(found)}


def test_a_certificate_that_nobody_vouches_for_ends_it(tmp_path: Path) -> None:
    with secured(certificate(tmp_path)) as port:
        seen = states(f"https://127.0.0.1:{port}")
    assert seen["TLS"][0] == "failed"
    assert "certificate of 127.0.0.1 is not good" in seen["TLS"][1]
    assert {seen[name][0] for name in ("service", "credential")} == {"skipped"}


def test_a_certificate_that_is_trusted_is_told_with_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with secured(path) as port:
        seen = states(f"https://127.0.0.1:{port}")
    ends = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    assert seen["TLS"] == ("ok", f"the certificate is good until {ends}")
    assert seen["service"][0] == "failed"


def test_where_nobody_listens_that_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert states(f"https://127.0.0.1:{port}")["TLS"][0] == "failed"
    assert states(f"http://127.0.0.1:{port}")["service"][0] == "failed"
