"""Two headers are spelt as the SDK reads them, and those of a request that has them so already stay as they are."""

from __future__ import annotations

import pytest

from coordination.transport.mcp.headers import spell_for_the_sdk
from tests.unit.transport.asgi import Pairs, scope_of

ANYTHING = ("accept", "*/*")
TYPE = ("content-type", "application/json")
HOST = ("host", "x")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ((TYPE, HOST), [HOST, TYPE, ANYTHING]),
        ((TYPE, ("accept", " \t"), HOST), [HOST, TYPE, ANYTHING]),
        ((("content-type", "Application/JSON; charset=utf-8"), ANYTHING), [ANYTHING, TYPE]),
        ((("accept", "text/html"), TYPE, ("accept", "")), [("accept", "text/html"), ("accept", ""), TYPE]),
    ],
)
def test_what_the_sdk_would_refuse_is_spelt_as_it_reads_it(sent: Pairs, read: list[tuple[str, str]]) -> None:
    scope = scope_of(headers=sent)
    spell_for_the_sdk(scope)
    assert [(name.decode(), value.decode()) for name, value in scope["headers"]] == read


def test_what_it_reads_as_it_is_is_not_touched() -> None:
    scope = scope_of(headers=(HOST, ("accept", "application/json, text/event-stream"), TYPE))
    headers = scope["headers"]
    spell_for_the_sdk(scope)
    assert scope["headers"] is headers
