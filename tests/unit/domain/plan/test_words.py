"""Words of prose, paths and identifiers meet in one form."""

import pytest

from coordination.domain.plan import words as words_module
from coordination.domain.plan.words import parts, stem, telling, vocabulary


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("invoice", "invoices"),
        ("retry", "retries"),
        ("parse", "parsing"),
        ("parser", "Parsed"),
        ("migrate", "migration"),
        ("stop", "stopped"),
        ("User", "users"),
    ],
)
def test_forms_of_a_word_are_one(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(
    ("one", "other"), [("cart", "card"), ("user", "use"), ("log", "login"), ("api", "app")]
)
def test_other_words_stay_others(one: str, other: str) -> None:
    assert stem(one) != stem(other)


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        ("parseHTMLInvoice", ("pars", "html", "invoic")),
        ("parse_html_invoice", ("pars", "html", "invoic")),
        ("__init__", ("init",)),
        ("0001_initial", ("0001", "initial")),
        ("größe_ändern", ("größ", "ändern")),
        ("", ()),
    ],
)
def test_identifiers_fall_apart_into_words(identifier: str, words: tuple[str, ...]) -> None:
    assert parts(identifier) == words


def test_words_that_say_nothing_are_left_out_and_the_others_are_shown_as_they_were_written() -> None:
    assert telling("Please make the Invoices of invoice 7 printable") == {
        "invoic": "invoices",
        "7": "7",
        "printabl": "printable",
    }


def test_identifiers_are_found_by_their_two_rarest_words() -> None:
    found = vocabulary(("get_user_name", "get_user", "get", "set_user_email", "User"))
    assert (found.frequency["user"], found.frequency["email"]) == (4, 1)
    assert found.by_pair == {
        ("get", "nam"): ["get_user_name"],
        ("get", "user"): ["get_user"],
        ("email", "set"): ["set_user_email"],
    }


def test_in_how_many_parts_identifiers_are_cut_up_makes_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ("get_user_name", "get_user", "get", "", "set_user_email", "User", "_")
    whole = vocabulary(names)
    for at_once in (1, 2, 3):
        monkeypatch.setattr(words_module, "_AT_ONCE", at_once)
        assert vocabulary(names) == whole


class Unwanted(Exception):
    """What ends the work."""


@pytest.mark.parametrize("looks", range(4))
def test_to_cut_up_many_can_be_ended_between_its_parts(monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    monkeypatch.setattr(words_module, "_AT_ONCE", 2)
    left = list(range(looks))

    def look() -> None:
        if not left:
            raise Unwanted
        left.pop()

    with pytest.raises(Unwanted):
        vocabulary(("get_user", "get", "set_user"), look)
    assert not left
