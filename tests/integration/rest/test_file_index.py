"""The routes of file indexes: a refresh from its beginning to its end, limits, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from coordination.domain.file_index import (
    MAX_FILES,
    MAX_IMPORTS,
    MAX_PARTNERS,
    MAX_SYMBOL_CHARACTERS,
    MAX_SYMBOLS,
    CoChange,
    FileIndex,
    IndexedFile,
    IndexLines,
)
from coordination.services import file_index
from coordination.wire.file_index import MAX_BATCH, MAX_REMOVED
from tests.integration.rest.api import Api

HERE = "a" * 12
FACTS: dict[str, Any] = {
    "path": "src/a.py",
    "digest": "aa",
    "symbols": ["run"],
    "imports": ["src/b.py"],
    "co_changes": [{"path": "src/b.py", "weight": 1}],
}


async def post(api: Api, step: str, **body: Any) -> Any:
    answer = await api.client.post(f"/sessions/demo/index/{step}", json={"checkout": HERE, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_refresh_from_its_beginning_to_its_end(api: Api) -> None:
    await api.join("planner")
    assert (await api.get("/sessions/demo/index")).json() == {"indexes": []}
    begun = await post(api, "begin")
    assert begun == {"refresh": 1, "files": 0, "fingerprint": ""}
    batch = [FACTS, {"path": "./b.txt", "digest": "bb"}]
    assert await post(api, "files", refresh=1, files=batch, removed=["old.py"]) == {"files": 2, "removed": 1}
    summary = await post(api, "finish", refresh=1, files=2, commit="c0ffee", fingerprint="ff")
    assert (summary["checkout"], summary["files"], summary["with_symbols"], summary["commit"]) == (
        HERE,
        2,
        1,
        "c0ffee",
    )
    assert (await api.get("/sessions/demo/index")).json() == {"indexes": [summary]}
    assert await post(api, "begin") == {"refresh": 2, "files": 2, "fingerprint": "ff"}
    index = await file_index.read(api.core, "local", "demo", HERE) or IndexLines()
    assert index.whole() == FileIndex(
        (IndexedFile("b.txt"), IndexedFile("src/a.py", ("run",), ("src/b.py",))),
        (CoChange("src/a.py", "src/b.py", 1.0),),
    )


async def test_what_is_known_comes_in_pages(api: Api) -> None:
    await api.join("planner")
    await post(api, "begin")
    files = [{"path": f"{number}.py", "digest": f"{number}"} for number in range(5)]
    await post(api, "files", refresh=1, files=files)
    await post(api, "finish", refresh=1, files=5, fingerprint="0")
    found: list[Any] = []
    cursor: dict[str, Any] = {}
    for _ in range(3):
        page = (await api.get("/sessions/demo/index/files", checkout=HERE, limit=2, **cursor)).json()
        found += page["files"]
        cursor = {"after": page["next_cursor"]}
    assert (found, cursor) == (files, {"after": None})
    assert (await api.get("/sessions/demo/index/files", checkout="b" * 12)).json()["files"] == []


async def test_a_refresh_that_is_over_is_a_conflict_that_says_what_to_do(api: Api) -> None:
    await api.join("planner")
    for _ in range(2):
        await post(api, "begin")
    for step, body in (("files", {"files": [FACTS]}), ("finish", {"files": 0, "fingerprint": "0"})):
        answer = await api.client.post(
            f"/sessions/demo/index/{step}", json={"checkout": HERE, "refresh": 1, **body}
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "refresh_over")
        assert answer.json()["next_call"] == "coord index"


@pytest.mark.parametrize(
    ("step", "body", "field"),
    [
        ("begin", {"checkout": "host:/folder"}, "checkout"),
        ("begin", {"checkout": HERE.upper()}, "checkout"),
        ("files", {"files": []}, "refresh: is required"),
        ("files", {"refresh": 0}, "refresh"),
        ("files", {"refresh": "1"}, "refresh"),
        ("files", {"refresh": 1, "files": [FACTS] * (MAX_BATCH + 1)}, "2000"),
        ("files", {"refresh": 1, "removed": ["a"] * (MAX_REMOVED + 1)}, "10000"),
        (
            "files",
            {"refresh": 1, "files": [{**FACTS, "content": "secret"}]},
            "content: there is no such field",
        ),
        ("files", {"refresh": 1, "files": [{**FACTS, "digest": "xyz"}]}, "digest"),
        ("files", {"refresh": 1, "files": [{**FACTS, "digest": "a" * 65}]}, "digest"),
        ("files", {"refresh": 1, "files": [{**FACTS, "symbols": ["x"] * (MAX_SYMBOLS + 1)}]}, "200"),
        (
            "files",
            {"refresh": 1, "files": [{**FACTS, "symbols": ["x" * (MAX_SYMBOL_CHARACTERS + 1)]}]},
            "100",
        ),
        ("files", {"refresh": 1, "files": [{**FACTS, "symbols": ["a\nb"]}]}, "symbols"),
        ("files", {"refresh": 1, "files": [{**FACTS, "symbols": [""]}]}, "symbols"),
        ("files", {"refresh": 1, "files": [{**FACTS, "imports": ["x"] * (MAX_IMPORTS + 1)}]}, "200"),
        (
            "files",
            {"refresh": 1, "files": [{**FACTS, "co_changes": FACTS["co_changes"] * (MAX_PARTNERS + 1)}]},
            "20",
        ),
        (
            "files",
            {"refresh": 1, "files": [{**FACTS, "co_changes": [{"path": "a", "weight": 1.1}]}]},
            "weight",
        ),
        (
            "files",
            {"refresh": 1, "files": [{**FACTS, "co_changes": [{"path": "a", "weight": -1}]}]},
            "weight",
        ),
        ("finish", {"refresh": 1, "files": MAX_FILES + 1, "fingerprint": "0"}, "200000"),
        ("finish", {"refresh": 1, "files": 0}, "fingerprint: is required"),
        ("finish", {"refresh": 1, "files": 0, "fingerprint": "0", "commit": "main"}, "commit"),
    ],
)
async def test_a_wrong_field_is_named(shared_api: Api, step: str, body: dict[str, Any], field: str) -> None:
    answer = await shared_api.client.post(f"/sessions/demo/index/{step}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert field in answer.json()["detail"]


@pytest.mark.parametrize("place", ["path", "imports", "co_changes", "removed"])
@pytest.mark.parametrize(
    "path", ["../a.py", "/etc/passwd", "a\u0000b", "", " a.py", "x" * 2000, ".", "resource:x"]
)
async def test_a_path_that_cannot_be_is_refused(shared_api: Api, path: str, place: str) -> None:
    wrong = {"path": path, "imports": [path], "co_changes": [{"path": path, "weight": 1}]}
    body = {"removed": [path]} if place == "removed" else {"files": [{**FACTS, place: wrong[place]}]}
    answer = await shared_api.client.post("/sessions/demo/index/files", json={"refresh": 1, **body})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert {"path": "files"}.get(place, place) in answer.json()["detail"]
