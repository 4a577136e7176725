"""How the database is reached: what the URL is told besides, and which URLs are refused before anything starts."""

from __future__ import annotations

import pytest

from coordination.settings import InvalidSetting, load

HOST = "postgresql://me:hunter2@db.example.com/name"
LOCAL = "postgresql://me:hunter2@127.0.0.1/name"
POOLER = "postgresql://postgres.abc:hunter2@aws-0-eu-central-1.pooler.supabase.com:{port}/postgres"


@pytest.mark.parametrize(
    ("url", "authority", "dsn"),
    [
        (LOCAL, None, LOCAL),
        (HOST, None, f"{HOST}?sslmode=verify-full"),
        (f"{HOST}?application_name=x", None, f"{HOST}?application_name=x&sslmode=verify-full"),
        (HOST, "/etc/my ca.pem", f"{HOST}?sslrootcert=/etc/my%20ca.pem&sslmode=verify-full"),
        (LOCAL, "/etc/ca.pem", f"{LOCAL}?sslrootcert=/etc/ca.pem&sslmode=verify-full"),
        (f"{HOST}?sslmode=require", None, f"{HOST}?sslmode=require"),
        (f"{HOST}?sslmode=verify-ca", "/etc/ca.pem", f"{HOST}?sslmode=verify-ca&sslrootcert=/etc/ca.pem"),
        (f"{HOST}?sslrootcert=/a.pem", "/b.pem", f"{HOST}?sslrootcert=/a.pem&sslmode=verify-full"),
    ],
)
def test_the_url_says_all_of_tls_in_words_that_every_program_of_postgres_knows(
    url: str, authority: str | None, dsn: str
) -> None:
    variables = {"DATABASE_URL": url} | ({"COORDINATION_DATABASE_CA": authority} if authority else {})
    assert load(variables).dsn == dsn


@pytest.mark.parametrize(("mode", "transaction"), [("", False), ("session", False), ("Transaction", True)])
def test_a_pooler_that_keeps_no_sessions_is_declared(mode: str, *, transaction: bool) -> None:
    settings = load({"DATABASE_URL": POOLER.format(port=5432), "COORDINATION_POOLER_MODE": mode})
    assert settings.transaction_pooler is transaction


def test_without_a_database_of_ones_own_there_is_no_pooler() -> None:
    assert not load({"COORDINATION_POOLER_MODE": "transaction"}).transaction_pooler


def test_the_transaction_pooler_of_supabase_is_refused_until_it_is_declared() -> None:
    url = POOLER.format(port=6543)
    with pytest.raises(InvalidSetting) as caught:
        load({"DATABASE_URL": url})
    told = str(caught.value)
    assert told.startswith("DATABASE_URL: this is Supabase's transaction pooler")
    assert "COORDINATION_POOLER_MODE=transaction" in told
    assert "pooler.supabase.com:5432" in told
    assert "hunter2" not in told
    assert load({"DATABASE_URL": url, "COORDINATION_POOLER_MODE": "transaction"}).transaction_pooler


@pytest.mark.parametrize("variable", ["COORDINATION_POOLER_MODE", "COORDINATION_REALTIME"])
def test_a_word_that_means_nothing_is_refused_by_its_own_name(variable: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        load({"DATABASE_URL": POOLER.format(port=6543), variable: "sometimes"})
    assert variable in str(caught.value)
