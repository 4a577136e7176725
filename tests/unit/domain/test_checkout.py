"""A checkout header becomes a short hash and a root; a terminal header is checked."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordination.domain.checkout import UNKNOWN_CHECKOUT, Checkout, parse_checkout, parse_terminal
from coordination.domain.errors import InvalidInput


def test_the_key_is_the_start_of_the_hash_of_the_header() -> None:
    text = "laptop:/home/alice/app"
    assert parse_checkout(text) == Checkout(hashlib.sha256(text.encode()).hexdigest()[:12], "/home/alice/app")


def test_the_same_path_on_two_hosts_is_two_checkouts() -> None:
    assert parse_checkout("one:/srv/app").key != parse_checkout("two:/srv/app").key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("laptop:/srv/app", "laptop:/srv/app/"),
        ("laptop:/srv/app", "laptop://srv//app"),
        ("laptop:/srv/app", "LapTop:/srv/app"),
        ("laptop:/srv/caf\u00e9", "laptop:/srv/cafe\u0301"),
        ("laptop:C:/app", "laptop:c:\\app"),
    ],
)
def test_spellings_of_one_folder_are_one_checkout(one: str, other: str) -> None:
    assert parse_checkout(one) == parse_checkout(other)


def test_without_a_drive_a_backslash_is_a_letter_and_makes_another_folder() -> None:
    assert parse_checkout("laptop:/srv\\app").key != parse_checkout("laptop:/srv/app").key


@pytest.mark.parametrize("text", ["", " ", "\t "])
def test_an_empty_header_means_unknown(text: str) -> None:
    assert parse_checkout(text) == UNKNOWN_CHECKOUT


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("h:/", "/"),
        ("h:/a/", "/a"),
        ("h:C:/work/app", "C:/work/app"),
        ("h:C:/", "C:/"),
        ("h:d:\\work\\app\\", "D:/work/app"),
        ("h://a///b//", "/a/b"),
        ("h:/cafe\u0301", "/caf\u00e9"),
        ("h:/with space/\u00fcml\u00e4ut", "/with space/\u00fcml\u00e4ut"),
        ("h:/a:b", "/a:b"),
        ("h:/a\\b", "/a\\b"),
        ("h:/a\\/b\\", "/a\\/b\\"),
        ("h:/..hidden/a..b", "/..hidden/a..b"),
        ("bob's-mac.local:/a", "/a"),
        (" h:/a ", "/a"),
    ],
)
def test_roots(text: str, root: str) -> None:
    assert parse_checkout(text).root == root


@pytest.mark.parametrize(
    "text",
    [
        "laptop",
        "/home/alice/app",
        ":/home/alice",
        "h:",
        "h:app",
        "h:./app",
        "h:~/app",
        "h:/a/../b",
        "h:/a/./b",
        "h:/..",
        "h:C:work",
        "h h:/a",
        "h/x:/a",
        "h:/a\x00",
        "h:/a\nb",
        "h:/a\x1b[31m",
        "h:/a\u202eb",
        "h:/a\u2028b",
        "h:/a\ud800",
        "h" * 256 + ":/a",
        "h:/" + "a" * 4096,
    ],
)
def test_malformed_checkouts_are_refused_with_the_form(text: str) -> None:
    with pytest.raises(InvalidInput, match="git top level"):
        parse_checkout(text)


@pytest.mark.parametrize(
    "text", ["1-1", "4242-1795273921", "7-1795273921.42", "4294967295-18446744073709551615"]
)
def test_terminals(text: str) -> None:
    assert parse_terminal(f" {text} ") == text


def test_an_empty_terminal_means_unknown() -> None:
    assert parse_terminal(" ") == ""


@pytest.mark.parametrize(
    "text",
    ["1", "1-", "-1", "a-1", "1-a", "1-1-1", "1-1\n", "1-1.", "\u0661-1", "9" * 11 + "-1", "1-" + "9" * 21],
)
def test_malformed_terminals_are_refused_with_the_form(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"\{pid\}-\{start time\}"):
        parse_terminal(text)


@given(st.text(max_size=300))
def test_any_text_is_a_checkout_or_refused(text: str) -> None:
    try:
        checkout = parse_checkout(text)
    except InvalidInput as error:
        assert len(error.message) < 300
        return
    assert checkout == UNKNOWN_CHECKOUT or len(checkout.key) == 12
