"""What the driver is told about TLS; a real server that serves it is in the acceptance tests."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from coordination.domain import database_url
from coordination.store.tls import UnusableCertificate, tls

ELSEWHERE = "postgresql://u:p@db.example.com/name"


def test_without_a_word_certificate_and_host_name_of_another_machine_are_verified() -> None:
    context = tls(database_url.read(ELSEWHERE))
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_verify_ca_looks_at_the_certificate_alone() -> None:
    context = tls(database_url.read(f"{ELSEWHERE}?sslmode=verify-ca"))
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, False)


@pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
def test_a_weaker_mode_is_the_drivers_own_when_a_person_wrote_it(mode: str) -> None:
    assert tls(database_url.read(f"{ELSEWHERE}?sslmode={mode}")) == mode


@pytest.mark.parametrize("parameter", ["sslrootcert", "sslcert"])
def test_a_file_that_cannot_be_used_is_named(parameter: str, tmp_path: Path) -> None:
    file = tmp_path / "none.crt"
    for text in (None, "no certificate"):
        if text is not None:
            file.write_text(text)
        with pytest.raises(UnusableCertificate, match=r"none\.crt"):
            tls(database_url.read(f"{ELSEWHERE}?sslmode=verify-full&{parameter}={file}"))
