"""Every error of the domain has one place in the table, and every place belongs to an error."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from coordination.domain.errors import CoordinationError, InvalidInput, RetryLater
from coordination.transport.mcp.errors import as_text, structured
from coordination.transport.problem import HTTP_STATUS, http_status, problem, problem_of


def leaves(kind: type[CoordinationError]) -> Iterator[type[CoordinationError]]:
    children = kind.__subclasses__()
    if not children:
        yield kind
    for child in children:
        yield from leaves(child)


def test_the_table_and_the_error_tree_name_the_same_codes() -> None:
    ours = {leaf.code for leaf in leaves(CoordinationError) if leaf.__module__.startswith("coordination.")}
    assert ours == set(HTTP_STATUS)


def test_only_an_error_worth_repeating_is_a_5xx() -> None:
    assert {code for code, status in HTTP_STATUS.items() if status >= 500} == {RetryLater.code}


def test_an_error_outside_of_the_table_is_a_500() -> None:
    assert http_status(CoordinationError("odd")) == 500


def test_a_problem_has_the_members_of_the_standard_and_the_code() -> None:
    response = problem_of(InvalidInput("No such field.", next_call="sync_progress()"))
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert orjson.loads(bytes(response.body)) == {
        "type": "urn:coordination:error:invalid_input",
        "title": "Bad Request",
        "status": 400,
        "detail": "No such field.",
        "code": "invalid_input",
        "next_call": "sync_progress()",
    }


def test_a_problem_without_a_next_call_has_no_such_member() -> None:
    assert "next_call" not in orjson.loads(bytes(problem(404, "not_found", "Nothing.").body))


def test_structured_content_and_text_say_the_same() -> None:
    assert structured("a", "b", "c()") == {"code": "a", "message": "b", "next_call": "c()"}
    assert as_text("a", "b", "c()") == "a: b\nNext: c()"
    assert structured("a", "b", "") == {"code": "a", "message": "b"}
    assert as_text("a", "b", "") == "a: b"
