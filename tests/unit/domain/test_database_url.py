"""The URL of a Postgres: how far it is secured, which of Supabase's kinds it is, and what of it cannot work."""

from __future__ import annotations

import pytest

from coordination.domain.database_url import PoolerMode, TlsMode, advice, read, refusal, security

PASSWORD = "hunter2"  # noqa: S105 - looked for in what is said
DIRECT = f"postgresql://postgres:{PASSWORD}@db.abcdefghij.supabase.co:5432/postgres"
SESSION = f"postgresql://postgres.abcdefghij:{PASSWORD}@aws-0-eu-central-1.pooler.supabase.com:5432/postgres"
TRANSACTION = SESSION.replace(":5432", ":6543")
DEDICATED = DIRECT.replace(":5432", ":6543")
OTHER = f"postgresql://me:{PASSWORD}@db.example.com/name"


@pytest.mark.parametrize(
    ("url", "mode", "verified"),
    [
        ("postgresql:///name", "prefer", True),
        ("postgresql://me@/name?host=/run/postgresql&port=6000", "prefer", True),
        ("postgresql://me@%2Frun%2Fpostgresql/name", "prefer", True),
        ("postgresql://me@localhost/name", "prefer", True),
        ("postgresql://me@127.9.9.9:1/name", "prefer", True),
        ("postgresql://me@[::1]:1/name", "prefer", True),
        ("postgresql://me@127.0.0.1,db.example.com/name", "verify-full", True),
        ("postgresql://me@localhost.example.com/name", "verify-full", True),
        ("postgresql://me@/name?host=db.example.com", "verify-full", True),
        (OTHER, "verify-full", True),
        (f"{OTHER}?sslrootcert=/etc/ca.pem", "verify-full", True),
        (f"{OTHER}?sslmode=verify-ca", "verify-ca", False),
        (f"{OTHER}?sslmode=require", "require", False),
        (f"{OTHER}?sslmode=require&sslrootcert=/etc/ca.pem", "verify-ca", False),
        (f"{OTHER}?sslmode=prefer", "prefer", False),
        (f"{OTHER}?sslmode=disable", "disable", False),
        ("postgresql://me@localhost/name?sslmode=verify-full", "verify-full", True),
        ("postgresql://me@localhost/name?sslrootcert=system", "verify-full", True),
    ],
)
def test_over_a_network_it_is_verified_unless_the_person_wrote_otherwise(
    url: str, mode: TlsMode, *, verified: bool
) -> None:
    found = read(url)
    assert (found.tls_mode, found.is_verified) == (mode, verified)
    assert (f"sslmode={mode}" in security(found)) is not verified


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (DIRECT, "direct"),
        (DIRECT.replace(":5432", ""), "direct"),
        (SESSION, "session pooler"),
        (SESSION.replace("aws-0", "AWS-1"), "session pooler"),
        (TRANSACTION, "transaction pooler"),
        (DEDICATED, "transaction pooler"),
        (OTHER, None),
        (DIRECT.replace("supabase.co", "supabase.co.example.com"), None),
        (SESSION.replace(".com:", ".com.example.org:"), None),
        ("postgresql:///name", None),
    ],
)
def test_the_kinds_of_supabase_are_told_apart(url: str, kind: str | None) -> None:
    assert read(url).supabase == kind


@pytest.mark.parametrize(
    ("url", "mode", "told"),
    [
        (SESSION, "session", None),
        (SESSION, "transaction", None),
        (DIRECT, "session", None),
        (TRANSACTION, "transaction", None),
        (OTHER.replace("/name", ":6543/name"), "session", None),
        (TRANSACTION, "session", "session pooler"),
        (DEDICATED, "session", "DECLARE"),
        (f"{TRANSACTION}?pgbouncer=true", "transaction", "pgbouncer="),
        (SESSION.replace("postgres.abcdefghij", "postgres"), "session", "postgres.PROJECT"),
        (TRANSACTION.replace("postgres.abcdefghij", "postgres"), "transaction", "postgres.PROJECT"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_paste(url: str, mode: PoolerMode, told: str | None) -> None:
    why = refusal(read(url), mode, declare="DECLARE")
    assert (why is None) is (told is None)
    assert (told or "") in (why or "")
    assert PASSWORD not in (why or "")


@pytest.mark.parametrize(
    ("url", "mode", "on_render", "told", "mends"),
    [
        (DIRECT, "session", True, "IPv6", True),
        (DIRECT, "session", False, "IPv6", False),
        (SESSION, "session", True, "session pooler", False),
        (TRANSACTION, "transaction", True, "transaction pooler", False),
        (OTHER.replace("/name", ":6543/name"), "session", False, "6543", True),
        (OTHER.replace("/name", ":6543/name"), "transaction", False, "", False),
        (OTHER, "session", True, "", False),
    ],
)
def test_what_is_worth_saying_is_said(
    url: str, mode: PoolerMode, told: str, *, on_render: bool, mends: bool
) -> None:
    found, mend = advice(read(url), mode, on_render=on_render) or ("", "")
    assert told in found
    assert (bool(found), bool(mend)) == (bool(told), mends)
    assert PASSWORD not in found + mend


@pytest.mark.parametrize(
    "url",
    [
        "mysql://host/name",
        "postgresql+asyncpg://host/name",
        "postgresql://host",
        f"postgresql://me:{PASSWORD}@host:port/name",
        f"postgresql://[{PASSWORD}",
        f"postgresql://me:{PASSWORD}@host:99999/name",
        f"postgresql://me:p@{PASSWORD}@host/name",
        f"postgresql://me:1/{PASSWORD}@host/name",
        f"postgresql://me:1#{PASSWORD}@host/name",
        f"{OTHER}?sslmode=verify",
        f"postgresql://me:{PASSWORD}@/name?host=db&port=x",
    ],
)
def test_what_is_no_url_of_a_postgres_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"write it as|sslmode can be") as caught:
        read(url)
    assert PASSWORD not in str(caught.value)


def test_hosts_and_ports_are_read_as_libpq_does() -> None:
    found = read("postgresql://me%2Eref:x@[2001:db8::1]:6000,db.example.com/name")
    assert (found.hosts, found.port, found.user) == (("2001:db8::1", "db.example.com"), 6000, "me.ref")
