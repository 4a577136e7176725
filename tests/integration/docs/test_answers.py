"""The answers that the reference shows in JSON have the shape of those that a service gives."""

import json
from typing import Any, cast

from tests.integration.docs.conftest import Documented
from tests.integration.installation import get
from tests.unit.docs.page import REFERENCE, fences, text_of


def shown(page: str, key: str) -> Any:
    """The first JSON block of a page that has this key."""
    blocks = [
        json.loads(fence.text) for fence in fences(text_of(REFERENCE / page)) if fence.language == "json"
    ]
    return next(block for block in blocks if key in block)


def shape(value: Any) -> Any:
    """The names in a value, at every depth."""
    if not isinstance(value, dict):
        return None
    return {name: shape(part) for name, part in cast("dict[str, Any]", value).items()}


def test_the_health_page_looks_like_the_one_shown(documented: Documented) -> None:
    assert shape(get(f"{documented.url}/health/detailed").json()) == shape(shown("http.md", "event_feed"))


def test_a_problem_is_the_one_shown(documented: Documented) -> None:
    assert get(f"{documented.url}/api/v1/sessions/none").json() == shown("errors.md", "detail")


def test_a_failure_of_a_command_is_the_one_shown(documented: Documented) -> None:
    failed = documented.installation.coord("status", "none", "--json")
    answer, expected = json.loads(failed.stdout)["error"], shown("cli.md", "error")["error"]
    # What is pasted names the very `coord` that ran, and its data folder.
    assert answer["mend"].startswith("See which there are: ")
    assert answer | {"mend": ""} == expected | {"mend": ""}
    assert failed.returncode == 4
