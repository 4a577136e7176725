"""Hostile input: whatever is sent, the answer is a problem that names the fault, never a failure of the service."""

from __future__ import annotations

import json
from typing import Any, cast
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import examples
from tests.integration.rest.api import Api, agent, api_on

QUESTIONS = [
    "/sessions/{}",
    "/sessions/{}/locks",
    "/sessions/{}/agents",
    "/sessions/{}/tasks",
    "/sessions/{}/plans",
    "/sessions/{}/messages",
    "/sessions/{}/events",
    "/sessions/{}/index",
    "/sessions/{}/index/files",
]
WRITES: list[tuple[str, str, dict[str, object]]] = [
    ("PATCH", "/sessions/{}", {"status": "closed"}),
    ("POST", "/sessions/{}/locks/revoke", {"everything": True}),
    ("POST", "/sessions/{}/messages", {"text": "hello", "sender": "bob"}),
    ("POST", "/sessions/{}/planner", {"agent": "alice/impl_a"}),
    ("DELETE", "/sessions/{}/planner", {"agent": "alice/impl_a"}),
    ("POST", "/sessions/{}/index/begin", {}),
    ("POST", "/sessions/{}/index/files", {"refresh": 1}),
    ("POST", "/sessions/{}/index/finish", {"refresh": 1, "files": 0, "fingerprint": "0"}),
]
PLANNER = {"agent": "alice/planner"}
ACTS: list[tuple[str, str, dict[str, object]]] = [
    ("POST", f"/sessions/{{}}/{path}", {**PLANNER, **body})
    for path, body in (
        ("agents", dict[str, object]()),
        ("locks/claim", {"paths": ["a.py"]}),
        ("locks/renew", {"leases": [{"path": "a.py", "fencing_token": 1}]}),
        ("locks/release", {"leases": [{"path": "a.py", "fencing_token": 1}]}),
        ("sync", {"task_id": "t1", "status": "started"}),
        ("news/confirm", {"cursor": 0}),
        ("analyses", {"tasks": ["Write the parser"]}),
        ("plans", {"analysis_id": "0123456789abcdef"}),
    )
]
"""What agents do: to a session that is not there it makes one."""
UNKNOWN = ["nowhere", "x" * 300, "a%00b", "a%0Ab", "%ED%A0%80", "a b", "%F0%9F%98%80", "'%3B--"]

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        *("status", "across_checkouts", "by", "paths", "agent", "everything", "text", "to", "sender"),
        *("checkout", "refresh", "files", "removed", "commit", "fingerprint"),
        *("terminal", "operation", "duration_minutes", "reason", "task_id", "literal", "leases"),
        *("progress_percentage", "message", "affected_files", "cursor", "tasks", "project_files"),
    ]
)
BODIES = st.dictionaries(FIELDS, ANYTHING, max_size=6) | ANYTHING
SHARED = settings(max_examples=examples(60))


@pytest.mark.parametrize("session", UNKNOWN)
async def test_a_session_that_is_not_there_and_one_that_cannot_be_get_the_same_answer(
    shared_api: Api, session: str
) -> None:
    known = (await shared_api.get("/sessions/nobody-knows-it")).json()
    assert known["code"] == "not_found"
    for path in QUESTIONS:
        answer = await shared_api.get(path.format(session))
        assert answer.status_code == 404, answer.text
        assert answer.json() == known
    for method, path, body in WRITES:
        answer = await shared_api.client.request(method, path.format(session), json=body)
        assert answer.status_code == 404, answer.text
        assert answer.json() == known


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/sessions", "limit=0", "limit"),
        ("/sessions", "limit=201", "limit"),
        ("/sessions", "limit=ten", "limit"),
        ("/sessions", "after=a%00b", "after"),
        ("/sessions", "after=" + "x" * 3000, "after"),
        ("/sessions", "offset=3", "offset"),
        ("/sessions/demo", "agent=a%00b", "agent"),
        ("/sessions/demo", "include_inactive=perhaps", "include_inactive"),
        ("/sessions/demo/locks", "after=%0A", "after"),
        ("/sessions/demo/tasks", "status=done", "status"),
        ("/sessions/demo/tasks", "agent=%00", "agent"),
        ("/sessions/demo/agents", "include_inactive=true", "include_inactive"),
        ("/sessions/demo/plans", "after=2147483648", "after"),
        ("/sessions/demo/plans/0", "", "revision"),
        ("/sessions/demo/plans/latest", "", "revision"),
        ("/sessions/demo/messages", "after=9223372036854775808", "after"),
        ("/sessions/demo/messages", "limit=201", "limit"),
        ("/sessions/demo/events", "after=-1", "after"),
        ("/sessions/demo/events", "after=9223372036854775808", "after"),
        ("/sessions/demo/events", "wait_seconds=46", "wait_seconds"),
        ("/sessions/demo/events", "wait_seconds=nan", "wait_seconds"),
        ("/sessions/demo/index/files", "limit=10001", "limit"),
        ("/sessions/demo/index/files", "checkout=here", "checkout"),
        ("/sessions/demo/index/files", "after=%0A", "after"),
    ],
)
async def test_a_wrong_parameter_is_named(shared_api: Api, path: str, query: str, field: str) -> None:
    answer = await shared_api.client.get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in answer.json()["detail"]
    assert len(answer.text) < 500


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("messages", {"text": "hello"}, "sender: is required"),
        ("messages", {"text": "", "sender": "bob"}, "text"),
        ("messages", {"text": "x" * 1001, "sender": "bob"}, "1000"),
        ("messages", {"text": 3, "sender": "bob"}, "text"),
        ("messages", {"text": "hello", "sender": "alice/planner"}, "sender"),
        ("messages", {"text": "hello", "sender": "bob\u0000"}, "sender"),
        ("messages", {"text": "hello", "sender": "bob", "to": []}, "to"),
        ("messages", {"text": "hello", "sender": "bob", "to": ["a/b/c"]}, "to.0"),
        ("messages", {"text": "hello", "sender": "bob", "cc": "eve"}, "cc: there is no such field"),
        ("locks/revoke", {"paths": []}, "paths"),
        ("locks/revoke", {"paths": ["a.py"] * 501}, "500"),
        ("locks/revoke", {"agent": "planner"}, "agent"),
        ("locks/revoke", {"everything": True, "paths": ["a.py"]}, "everything: true alone"),
        ("locks/revoke", {"everything": "yes"}, "everything"),
        ("planner", {"agent": "impl_a"}, "agent"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_written(
    shared_api: Api, path: str, body: dict[str, object], field: str
) -> None:
    await shared_api.claim(agent("planner"), "a.py")
    before = (await shared_api.get("/sessions/demo/events")).json()
    answer = await shared_api.client.post(f"/sessions/demo/{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert field in answer.json()["detail"]
    assert (await shared_api.get("/sessions/demo/events")).json() == before


@pytest.mark.parametrize("path", ["../a.py", "/etc/passwd", "a\u0000b", "", " a.py", "x" * 2000])
async def test_a_path_that_cannot_be_is_refused(shared_api: Api, path: str) -> None:
    await shared_api.claim(agent("planner"), "a.py")
    answer = await shared_api.client.post("/sessions/demo/locks/revoke", json={"paths": [path]})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert "paths" in answer.json()["detail"]


@pytest.mark.parametrize(
    "content", [b"{", b"\xff\xfe", b"[" * 100_000, b"", b"null", b"[]", b'"text"', b'{"text": "\\ud800"}']
)
async def test_a_body_that_is_no_json_object_is_refused(shared_api: Api, content: bytes) -> None:
    answer = await shared_api.client.post(
        "/sessions/demo/messages", content=content, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_a_write_that_does_not_say_it_is_json_is_refused(
    shared_api: Api, kind: str, method: str, path: str, body: dict[str, object]
) -> None:
    await shared_api.claim(agent("planner"), "a.py")
    before = (await shared_api.get("/sessions/demo/events")).json()
    request = shared_api.client.build_request(method, path.format("demo"), json=body)
    request.headers["content-type"] = kind
    answer = await shared_api.client.send(request)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert (await shared_api.get("/sessions/demo/events")).json() == before


@SHARED
@given(body=BODIES, write=st.sampled_from([*WRITES, *ACTS]))
async def test_no_body_makes_the_service_fail(
    shared_api: Api, body: Any, write: tuple[str, str, dict[str, object]]
) -> None:
    method, path, example = write
    whole: Any = {**example, **cast("dict[str, Any]", body)} if isinstance(body, dict) else body
    content = json.dumps(whole).encode()
    answer = await shared_api.client.request(
        method, path.format("demo"), content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code in {200, 400, 404, 409, 422}, (content, answer.text)
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"


@SHARED
@given(
    path=st.sampled_from(["/sessions", *QUESTIONS]),
    session=st.text(min_size=1, max_size=20),
    query=st.dictionaries(
        st.sampled_from(["after", "limit", "agent", "include_inactive", "status", "other"]),
        st.text(max_size=30),
        max_size=3,
    ),
)
async def test_no_question_makes_the_service_fail(
    shared_api: Api, path: str, session: str, query: dict[str, str]
) -> None:
    name = quote(session, safe="", errors="surrogatepass")
    parameters = urlencode(query, errors="surrogatepass")
    answer = await shared_api.client.get(f"{path.format(name)}?{parameters}")
    assert answer.status_code in {200, 404, 422}, (path, session, query, answer.text)


async def test_a_database_that_is_away_is_an_error_that_can_be_retried_and_not_an_empty_answer() -> None:
    async with api_on("postgresql://nobody@127.0.0.1:9/nowhere") as away:
        for path in ("/sessions", *(path.format("demo") for path in QUESTIONS)):
            answer = await away.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "retry_later")
        for method, path, body in (*WRITES, *ACTS):
            answer = await away.client.request(method, path.format("demo"), json=body)
            assert (answer.status_code, answer.json()["code"]) == (503, "retry_later")
