"""No credential and no whole virtual user id gets through, whatever it is wrapped in; all else does."""

from __future__ import annotations

import pytest

from coordination.app.redaction import MASK, redact, redacted, short

SECRET = "s3cr3t-Value_42"  # noqa: S105 - what must not get through


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://me:{SECRET}@db.example.com:5432/name",
        f"postgres://me:{SECRET}@[::1]/name and more",
        f"cannot connect to postgresql://me:p@{SECRET}@host/name",
        f"Authorization: Bearer {SECRET}",
        f"authorization: Basic {SECRET}",
        f"{{'Authorization': 'Bearer {SECRET}'}}",
        f"[(b'authorization', b'Bearer {SECRET}'), (b'accept', b'*/*')]",
        f"x-api-key: {SECRET}",
        f"X-API-KEY={SECRET}",
        f"Cookie: {SECRET}",
        f"sent bearer {SECRET} along",
        f"GET /events?token={SECRET}&after=3",
        f"host=db password={SECRET} user=me",
        f"access_token={SECRET}",
        f"line one\nAuthorization: Bearer {SECRET}\nline three",
    ],
)
def test_credentials_in_text_are_masked(text: str) -> None:
    assert SECRET not in redact(text)
    assert MASK in redact(text)


@pytest.mark.parametrize(
    "secret",
    [
        f"coord_{'aB3-_' * 8}xyz",
        f"coord_invite_{'aB3-_' * 8}xyz",
        "eyJhbGciOiAiRVMyNTYifQ.eyJzdWIiOiAiMzdmOGVhNjUifQ.1g-NcTjMtmm64tTmopWz",
    ],
)
@pytest.mark.parametrize("shape", ["{}", "/mcp/v2/{}/alice", "no tool {}.", "'{}…'", "id={}&after=3"])
def test_a_token_is_masked_where_a_name_belongs(secret: str, shape: str) -> None:
    told = redact(shape.format(secret))
    assert secret[20:40] not in told
    assert MASK in told


@pytest.mark.parametrize(
    "text",
    [
        "claimed src/app/tokens.py for 15 minutes",
        "the bearer of news",
        "fencing_token 42 of lock",
        "http://127.0.0.1:8000/mcp/v2/claude/alice",
        "postgresql://me@host/name",
        "see password reset page",
        "the function coord_locks and the folder coord_tests",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_a_virtual_user_id_becomes_one_hash_wherever_it_stands() -> None:
    whole = "alice__session__demo__planner"
    line = redact(f"POST /mcp/v2/claude/{whole} refused for {whole}")
    assert "alice" not in line
    assert line.count(short(whole)) == 2


@pytest.mark.parametrize(
    "name",
    ["authorization", "Authorization", "x-api-key", "api_key", "password", "token", "local_token", "secret"],
)
def test_a_field_with_the_name_of_a_credential_is_masked(name: str) -> None:
    assert redacted(name, SECRET) == MASK


def test_a_database_url_in_a_field_keeps_what_is_not_secret() -> None:
    assert redacted("dsn", f"postgresql://me:{SECRET}@host/name") == f"postgresql://me:{MASK}@host/name"


@pytest.mark.parametrize(
    ("name", "value"), [("fencing_token", 7), ("token", None), ("password", ""), ("count", 3)]
)
def test_what_is_no_secret_keeps_its_value(name: str, value: object) -> None:
    assert redacted(name, value) == value


def test_containers_are_looked_through() -> None:
    value = {"headers": [("x", f"Bearer {SECRET}")], "inner": {"password": SECRET, "port": 1}, "raw": b"a"}
    assert redacted("request", value) == {
        "headers": [["x", f"Bearer {MASK}"]],
        "inner": {"password": MASK, "port": 1},
        "raw": "a",
    }


def test_an_object_is_shown_as_text_and_redacted() -> None:
    assert redacted("error", OSError(f"password={SECRET}")) == f"password={MASK}"
