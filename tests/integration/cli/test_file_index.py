"""`coord index` against the running application, in a real repository; and what of it goes over the wire."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import shlex
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from coordination.cli import file_index as command
from coordination.cli import place, run
from coordination.client.file_index import send_index
from coordination.client.service import ServiceClient
from coordination.domain.checkout import parse_checkout
from coordination.domain.file_index import FileIndex, IndexedFile, IndexLines
from coordination.repository.checkout import describe_checkout
from coordination.services import event, file_index
from coordination.wire.file_index import MAX_BATCH
from tests.integration.cli.running import Coord, Running
from tests.integration.repository.tree import Tree, bare, make_tree

CANARY = "sesame-7f3a"
"""Stands in contents and nowhere in names."""
PROJECT: dict[str, str | bytes] = {
    ".gitignore": "*.env\n",
    "keys.env": f"PASSWORD={CANARY}",
    "app/core.py": f"import app.model\n# {CANARY} in a remark\nLIMIT = '{CANARY}'\ndef run(x='{CANARY}'): pass\n",
    "app/model.py": f"class Item:\n    '''{CANARY}'''\n    token = b'{CANARY}'\n",
    "web/main.ts": f"import a from './a';\n/* {CANARY} */\nexport const start = () => '{CANARY}';\n",
    "web/a.ts": f"export default `{CANARY}`;\n",
    "notes.txt": CANARY,
    "broken.py": f"def f(:\n  '{CANARY}'\n",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A repository, in which the commands run; their cache is beside it."""
    made = make_tree(tmp_path)
    monkeypatch.chdir(made.top)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, bare()[name])
    return made


async def indexed(service: Running, checkout: str) -> FileIndex:
    return (await file_index.read(service.core, "local", "demo", checkout) or IndexLines()).whole()


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Generator[list[bytes]]:
    """Record all that the client sends: addresses, headers and bodies."""
    sent: list[bytes] = []
    send = httpx.Client.send

    def record(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        sent.append(
            b"\n".join([str(request.url).encode(), *(b": ".join(pair) for pair in request.headers.raw)])
        )
        sent.append(request.content)
        return send(client, request, **options)

    with monkeypatch.context() as patch:
        patch.setattr(httpx.Client, "send", record)
        yield sent


async def test_a_repository_is_indexed_and_then_only_what_differs(
    service: Running, coord: Coord, tree: Tree
) -> None:
    await service.claim(service.agent("planner"), "x.py")
    tree.commit(PROJECT)
    tree.write({"new.txt": ""})
    first = await coord("index")
    assert (first.exit_code, first.err) == (0, "")
    assert first.out.splitlines()[0].startswith("Indexed 8 files for session demo in ")
    assert "8 files that differ, 0 that are gone" in first.out
    tree.write({"app/core.py": "def walk(): pass", "odd\x01.py": ""})
    (tree.top / "new.txt").unlink()
    again = (await coord("index", "demo", "--json")).json
    counts = {
        name: again[name]
        for name in ("files", "sources", "with_symbols", "read", "sent", "removed", "skipped")
    }
    assert counts == {
        **{"files": 7, "sources": 5, "with_symbols": 4, "read": 1, "sent": 1, "removed": 1},
        "skipped": {"odd name": 1},
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", again["refreshed_at"])
    unchanged = await coord("index")
    assert "0 files that differ, 0 that are gone" in unchanged.out
    assert "1: odd name" in unchanged.out
    assert unchanged.err == ""
    assert (await coord("sessions", "close", "demo")).exit_code == 0
    assert "Session demo is closed." in (await coord("index", "demo")).err
    key = parse_checkout(describe_checkout(tree.top) or "").key
    index = await indexed(service, key)
    assert {file.path: file.symbols for file in index.files} == {
        **{
            ".gitignore": (),
            "app/core.py": ("walk",),
            "app/model.py": ("Item", "token"),
            "broken.py": ("f",),
        },
        **{"notes.txt": (), "web/a.ts": (), "web/main.ts": ("start",)},
    }
    assert index.files[-1].imports == ("web/a.ts",)


def test_without_a_service_it_is_not_known_whether_the_files_are(
    tree: Tree, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("COORDINATION_DATA_DIR", str(tree.top.parent / "data"))
    assert run(["index", "demo"]) == 3
    assert "not known whether the session knows the files as they are" in capsys.readouterr().err


async def test_only_names_go_over_the_wire(
    service: Running, coord: Coord, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.claim(service.agent("planner"), "x.py")
    tree.commit(PROJECT)
    tree.commit({"app/model.py": f"class Item: pass  # {CANARY}", "web/a.ts": CANARY})
    blobs = [line.split()[2] for line in tree.git("ls-tree", "-r", "HEAD").splitlines()]
    with recorded(monkeypatch) as sent:
        assert (await coord("index")).exit_code == 0
    everything = b"\n".join(sent).decode()
    assert CANARY not in everything
    assert [blob for blob in blobs if blob in everything] == []
    assert "keys.env" not in everything
    bodies = [json.loads(body) for body in sent[1::2] if body]
    files = [facts for body in bodies if isinstance(body.get("files"), list) for facts in body["files"]]
    names = {facts["path"] for facts in files}
    assert names == {path for path in PROJECT if path != "keys.env"}
    told = {name for facts in files for name in facts.get("symbols", ())}
    assert told == {"LIMIT", "run", "Item", "start", "f"}
    assert {name for facts in files for name in facts.get("imports", ())} <= names
    assert {found["path"] for facts in files for found in facts.get("co_changes", ())} <= names
    assert {key for facts in files for key in facts} == {"path", "digest", "symbols", "imports", "co_changes"}
    assert {key for body in bodies for key in body} == {
        *("checkout", "by", "refresh", "files", "removed", "commit", "fingerprint")
    }


async def test_nothing_is_sent_twice(
    service: Running, coord: Coord, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.claim(service.agent("planner"), "x.py")
    tree.commit(PROJECT)
    await coord("index")
    with recorded(monkeypatch) as sent:
        await coord("index")
    assert [b"files" in body and b"path" in body for body in sent[1::2] if body] == [False, False]


async def test_outside_of_git_it_says_what_to_do(
    service: Running, coord: Coord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = await coord("index", "demo", "--json")
    assert (answer.exit_code, answer.json["error"]["code"]) == (1, "no_repository")
    assert "git init" in answer.json["error"]["mend"]
    assert shlex.split(answer.json["error"]["mend"].splitlines()[-1])[-3:] == ["index", "demo", "--json"]


async def test_a_repository_that_git_refuses_is_told(service: Running, coord: Coord, tree: Tree) -> None:
    await service.claim(service.agent("planner"), "x.py")
    (tree.top / ".git" / "HEAD").write_text("nonsense", encoding="utf-8")
    answer = await coord("index", "--json")
    assert (answer.exit_code, answer.json["error"]["code"]) == (1, "repository_unreadable")
    assert "git status" in answer.json["error"]["mend"]


async def test_a_session_that_nobody_joined_begins_in_the_name_of_the_person(
    service: Running, coord: Coord, tree: Tree
) -> None:
    tree.commit(PROJECT)
    assert (await coord("index")).exit_code == 2
    answer = await coord("index", "early")
    assert answer.exit_code == 0
    assert "The session began with that: nobody has joined it yet." in answer.out
    assert (await coord("index", "early", "--json")).json["began"] is False
    (created,) = await event.read_events(service.core, "local", "early", 0, 10)
    assert (created.kind, created.agent_id) == ("session.created", place.user())


async def test_a_session_that_nobody_can_join_is_refused_before_anything_is_read(
    service: Running, coord: Coord, tree: Tree
) -> None:
    tree.commit(PROJECT)
    assert (await coord("index", "no__where")).exit_code == 4
    assert not (tree.top.parent / "user-cache").exists()


async def test_a_folder_below_the_top_level_is_the_same_repository(
    service: Running, coord: Coord, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.claim(service.agent("planner"), "x.py")
    tree.commit(PROJECT)
    monkeypatch.chdir(tree.top / "app")
    answer = (await coord("index", "--json")).json
    assert (answer["folder"], answer["files"]) == (str(tree.top), 7)


async def test_two_working_trees_have_an_index_each(
    service: Running, coord: Coord, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.claim(service.agent("planner"), "x.py")
    tree.commit(PROJECT)
    await coord("index")
    tree.git("worktree", "add", "--quiet", str(tmp_path / "second"), "-b", "second")
    (tmp_path / "second" / "more.py").touch()
    monkeypatch.chdir(tmp_path / "second")
    assert (await coord("index", "--json")).json["files"] == 8
    found = await file_index.list_indexes(service.core, "local", "demo", None, 9)
    assert sorted(summary.files for summary in found) == [7, 8]


async def test_two_runs_at_once_do_not_mix_and_the_earlier_one_is_told(
    service: Running, coord: Coord, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.claim(service.agent("planner"), "x.py")
    tree.commit(PROJECT)
    finish = ServiceClient.finish_index

    def overtaken(client: ServiceClient, session: str, checkout: str, refresh: int, **end: Any) -> Any:
        monkeypatch.setattr(ServiceClient, "finish_index", finish)
        send_index(client, session, checkout, "", FileIndex((IndexedFile("theirs.py"),)))
        return finish(client, session, checkout, refresh, **end)

    monkeypatch.setattr(ServiceClient, "finish_index", overtaken)
    answer = await coord("index", "--json")
    assert (answer.exit_code, answer.json["error"]["code"]) == (4, "refresh_over")
    assert shlex.split(answer.json["error"]["mend"])[-1] == "index"
    (summary,) = await file_index.list_indexes(service.core, "local", "demo", None, 9)
    assert await indexed(service, summary.checkout) == FileIndex((IndexedFile("theirs.py"),))


async def test_a_large_index_goes_in_batches_that_a_body_can_hold(service: Running) -> None:
    await service.claim(service.agent("planner"), "x.py")
    long = tuple(f"{'n' * 90}_{number:03}" for number in range(200))
    index = FileIndex(
        tuple(IndexedFile(f"{number:05}.py", long if number < 30 else ()) for number in range(MAX_BATCH + 50))
    )
    steps: list[int] = []

    def send(known: FileIndex) -> tuple[int, int]:
        with ServiceClient(service.url) as client:
            sent = send_index(client, "demo", "a" * 12, "", known, progress=steps.append)
        return sent.sent, sent.removed

    assert await asyncio.to_thread(send, index) == (MAX_BATCH + 50, 0)
    assert (sum(steps), len(steps) > 3) == (MAX_BATCH + 50, True)
    assert await indexed(service, "a" * 12) == index
    fewer = dataclasses.replace(index, files=index.files[:10])
    assert await asyncio.to_thread(send, fewer) == (0, MAX_BATCH + 40)


async def test_when_most_differs_all_is_sent(service: Running) -> None:
    await service.claim(service.agent("planner"), "x.py")
    before = FileIndex(tuple(IndexedFile(f"{number}.py") for number in range(5)))

    def send(known: FileIndex) -> int:
        with ServiceClient(service.url) as client:
            return send_index(client, "demo", "", "", known).sent

    for changed, sent in ((2, 2), (3, 5)):
        after = tuple(IndexedFile(f"{number}.py", ("f",) if number < changed else ()) for number in range(5))
        await asyncio.to_thread(send, before)
        assert await asyncio.to_thread(send, FileIndex(after)) == sent
        assert await indexed(service, "") == FileIndex(after)


def test_a_checkout_is_named_as_terminals_name_it(tree: Tree) -> None:
    assert command.checkout_key(tree.top) == parse_checkout(describe_checkout(tree.top) or "").key != ""
