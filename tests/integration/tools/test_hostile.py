"""Whatever a caller sends: an answer, or an error that fits its schema and has written nothing; never a failure."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordination.store.database import Database
from tests.conftest import examples
from tests.integration.tools.endpoint import Endpoint, written
from tests.unit.docs.page import call_of

TOOLS = {
    "claim_file_lock": (
        *("file_paths", "operation", "duration_minutes", "action", "wait_seconds", "reason", "task_id"),
    ),
    "sync_progress": ("task_id", "status", "progress_percentage", "message", "affected_files", "to"),
    "check_agent_status": ("include_inactive", "agent", "cursor"),
}
FIELDS = [(tool, field) for tool, fields in TOOLS.items() for field in fields]
INVISIBLE = [
    *("\x00", "a\x00b", "\x1b[2J", "line\nbreak", "\u202eevil", "\u200b", "\ufeff", "\U000e0041"),
    *("\uffff", "\U0010ffff"),
]
"""Refused in names and paths, taken out of remarks."""
NO_PATHS = [
    *(" ", "..", "../a", "/etc/passwd", "a/../../b", "//", "resource:", "resource:.."),
]
PATTERNS = ["*", "a?"]
"""No paths to claim, but files that there may be."""
PATHS = [
    *(
        ".",
        "./",
        "**",
        "'",
        '"',
        "\\",
        "%00",
        "'; DROP TABLE file_locks; --",
        "{}",
        "null",
        "\u0430.py",
        "e\u0301",
    ),
]
FACES = "😀" * 400
LONG = ["x" * 5000, "長" * 2000, "a/" * 3000 + "b", FACES]
VISIBLE = [*NO_PATHS, *PATTERNS, *PATHS]
HOSTILE_TEXTS = ["", *INVISIBLE, *VISIBLE, *LONG]
HUGE = [-1, 0, 2**31, 2**63, -(2**63), 10**30, 1.5, 1e308]
SHAPES: list[Any] = [
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    [1],
    [{}],
    {"a": 1},
    [["a"]],
    [True],
    ["a.py"] * 501,
]
ACCEPTED: dict[tuple[str, str], list[Any]] = {
    ("claim_file_lock", "file_paths"): [[path] for path in PATHS],
    ("claim_file_lock", "wait_seconds"): [0],
    ("claim_file_lock", "reason"): ["", *INVISIBLE, *VISIBLE],
    ("claim_file_lock", "task_id"): ["", *VISIBLE],
    ("sync_progress", "task_id"): VISIBLE,
    ("sync_progress", "progress_percentage"): [0, None],
    ("sync_progress", "message"): ["", *INVISIBLE, *VISIBLE, FACES, None],
    ("sync_progress", "affected_files"): [*([path] for path in [*PATHS, *PATTERNS]), None, []],
    ("sync_progress", "to"): [None],
    ("check_agent_status", "include_inactive"): [True, False],
    ("check_agent_status", "agent"): ["", " "],
    ("check_agent_status", "cursor"): ["", *VISIBLE],
}
"""What each field takes of all that is tried; whatever is not here is refused."""
BASE: dict[str, dict[str, Any]] = {
    "claim_file_lock": {"file_paths": ["own.py"]},
    "sync_progress": {"task_id": "t1", "status": "in_progress"},
    "check_agent_status": {},
}


async def survives(mcp: Endpoint, database: Database, tool: str, arguments: dict[str, Any]) -> bool:
    """Call, judge the answer (the endpoint validates it), and return whether it was an error."""
    before = await written(database)
    answer = await mcp.call("impl_a", tool, arguments)
    if answer.is_error:
        assert answer.content["code"] in {"invalid_input", "not_found", "lease_lost"}, answer
        assert len(answer.content["message"]) < 2000
        assert answer.content["message"].isprintable(), answer
        if answer.content["code"] == "invalid_input":
            assert_harmless(answer.content["next_call"], tool, arguments)
        assert await written(database) == before
    return answer.is_error


def assert_harmless(next_call: str, tool: str, arguments: dict[str, Any]) -> None:
    """A call that only looks, or the caller's own with nothing in it that the caller did not say."""
    advised = call_of(next_call)
    assert (advised.tool, advised.arguments) == ("check_agent_status", {}) or (
        advised.tool == tool
        and all(arguments[name] == value for name, value in advised.arguments.items())
        and all(name in advised.arguments for name in ("file_paths", "action", "status") if name in arguments)
    )


@pytest.mark.parametrize(("tool", "field"), FIELDS)
async def test_every_field_takes_or_refuses_every_oddity(
    quiet: Endpoint, database: Database, tool: str, field: str
) -> None:
    await quiet.sync("impl_a")
    listed = field in {"file_paths", "affected_files", "to"}
    texts = [[text] for text in HOSTILE_TEXTS] if listed else HOSTILE_TEXTS
    # As JSON, in which 0 is not false.
    accepted = {json.dumps(value) for value in ACCEPTED.get((tool, field), [])}
    for value in [*texts, *HUGE, *SHAPES]:
        refused = await survives(quiet, database, tool, {**BASE[tool], field: value})
        assert refused is (json.dumps(value) not in accepted), (field, value)
        accepted.discard(json.dumps(value))
    assert not accepted


SCALAR = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
FLAT = SCALAR | st.lists(SCALAR, max_size=5)
JSON = FLAT | st.lists(FLAT, max_size=5) | st.dictionaries(st.text(max_size=8), FLAT, max_size=5)


@pytest.mark.parametrize("tool", list(TOOLS))
@settings(
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_no_input_is_too_odd(
    quiet: Endpoint, database: Database, tool: str, data: st.DataObject
) -> None:
    names = st.sampled_from(TOOLS[tool]) | st.text(max_size=10)
    texts = st.text(max_size=300) | st.sampled_from(HOSTILE_TEXTS)
    values = JSON | texts | st.lists(texts, max_size=5) | st.integers(0, 60)
    arguments = data.draw(st.dictionaries(names, values, max_size=5))
    if arguments.get("wait_seconds"):
        arguments["wait_seconds"] = 0
    await survives(quiet, database, tool, arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"file_paths": [f"{number}.py" for number in range(501)]}, ["file_paths", "500"]),
        ({"file_paths": ["a\x00.py"]}, ["file_paths", "\\u0000"]),
        ({"file_paths": ["a\u202e.py"]}, ["file_paths", "\\u202e"]),
        ({"file_paths": ["../a.py"]}, ["file_paths", "leaves the repository"]),
        ({"file_paths": ["/etc/passwd"]}, ["file_paths", "absolute"]),
        ({"file_paths": [" a.py"]}, ["file_paths", "space"]),
        ({"file_paths": ["src/*.py"]}, ["file_paths", "pattern"]),
        ({"file_paths": ["x" * 1025]}, ["file_paths", "1024 bytes"]),
        ({"file_paths": [""]}, ["file_paths", "empty"]),
        ({"file_paths": ["resource:"]}, ["file_paths", "resource"]),
        ({"file_paths": "a.py"}, ["file_paths", "array"]),
        ({"file_paths": ["a.py"], "duration_minutes": 61}, ["duration_minutes", "60"]),
        ({"file_paths": ["a.py"], "duration_minutes": 2**63}, ["duration_minutes", "60"]),
        ({"file_paths": ["a.py"], "wait_seconds": 46}, ["wait_seconds", "45"]),
        ({"file_paths": ["a.py"], "operation": "append"}, ["operation", "read"]),
        ({"file_paths": ["a.py"], "action": "steal"}, ["action", "claim"]),
        ({"file_paths": ["a.py"], "reason": "x" * 201}, ["reason", "200"]),
        ({"file_paths": ["a.py"], "task_id": "x" * 129}, ["task_id", "128"]),
        ({"paths": ["a.py"]}, ["paths", "there is no such field", "file_paths"]),
        ({}, ["file_paths", "empty"]),
    ],
)
async def test_a_refusal_names_field_and_limit_and_shows_a_call(
    quiet: Endpoint, database: Database, arguments: dict[str, Any], words: list[str]
) -> None:
    before = await written(database)
    answer = await quiet.call("impl_a", "claim_file_lock", arguments)
    assert answer.content["code"] == "invalid_input"
    for word in words:
        assert word in answer.content["message"]
    assert await written(database) == before


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("claim_file_lock", {"file_paths": ["a.py"], "duration_minutes": 61, "wait_seconds": 99}),
        ("claim_file_lock", {"file_paths": ["a.py"], "reason": "x" * 201, "task_id": "\u200b"}),
        ("claim_file_lock", {"file_paths": ["a.py"], "path": "b.py", "operation": "read"}),
        ("sync_progress", {"task_id": "t1", "status": "started", "progress_percentage": 101}),
    ],
)
async def test_the_next_call_after_a_refusal_does_what_was_asked(
    quiet: Endpoint, tool: str, arguments: dict[str, Any]
) -> None:
    refused = await quiet.call("impl_a", tool, arguments)
    again = call_of(refused.content["next_call"])
    assert again.tool == tool
    done = await quiet.call("impl_a", again.tool, again.arguments)
    assert not done.is_error
    if tool == "claim_file_lock":
        assert [(lock["path"], lock["operation"]) for lock in done.content["locks"]] == [
            ("a.py", arguments.get("operation", "write"))
        ]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        # Without its wrong field each of these would take or give back something else.
        ("claim_file_lock", {"action": "release", "paths": ["a.py"]}),
        ("claim_file_lock", {"file_paths": ["a.py"], "operation": "reed"}),
        ("claim_file_lock", {"file_paths": ["a.py"], "action": "Release"}),
        ("claim_file_lock", {"file_paths": ["../a.py"]}),
        ("claim_file_lock", {"file_paths": []}),
        ("sync_progress", {"task_id": "t1", "state": "started"}),
        ("sync_progress", {"task_id": "t1"}),
        ("sync_progress", {"status": "started"}),
        ("sync_progress", {"task_id": "t1", "status": "started", "message": "x" * 1001}),
        ("sync_progress", {"to": ["impl_a"]}),
        ("sync_progress", {"progress_percentage": 5}),
    ],
)
async def test_the_next_call_only_looks_where_nobody_knows_what_was_meant(
    quiet: Endpoint, tool: str, arguments: dict[str, Any]
) -> None:
    assert (await quiet.call("impl_a", tool, arguments)).content["next_call"] == "check_agent_status()"


async def test_spellings_of_one_file_are_one_file(quiet: Endpoint, database: Database) -> None:
    answer = await quiet.claim("impl_a", "a.py", "./a.py", "x/../a.py", "A.PY", "a.py/", "a.py/**")
    assert [lock["path"] for lock in answer.content["locks"]] == ["a.py"]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"file_paths": ["\\ud800.py"]}',
        b'{"file_paths": ["a.py"], "reason": "\\udfff"}',
        b'{"file_paths": ["a.py"], "duration_minutes": 1e999}',
        b'{"file_paths": ["a.py"], "duration_minutes": NaN}',
        b'{"file_paths": ["a.py"], "\\ud800": 1}',
        b'{"file_paths": ' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"file_paths": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"file_paths": ["a.py"], "file_paths": ["../b.py"]}',
        b'{"duration_minutes": ' + b"9" * 5000 + b"}",
        b'{"duration_minutes": ' + b"9" * 400 + b"}",
        b"[]",
        b'"text"',
        b"null",
        b"7",
    ],
    ids=range(14),
)
async def test_json_that_no_client_of_ours_would_send_is_refused_and_writes_nothing(
    quiet: Endpoint, database: Database, raw: bytes
) -> None:
    before = await written(database)
    call = (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"claim_file_lock","arguments":%b}}'
    )
    response = await quiet.post("impl_a", call % raw, "demo")
    assert response.status_code < 500
    answer = json.loads(response.content)
    assert "error" in answer or answer["result"]["isError"], answer
    assert "internal" not in answer.get("result", {}).get("structuredContent", {}).get("code", ""), answer
    assert await written(database) == before
