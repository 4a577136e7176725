"""The harness itself: scripts are played in order, gates hold, and nothing leaves loopback unnoticed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.claude import NEWER, NpmMissing, install
from tests.acceptance.model_api import ModelApi
from tests.acceptance.readme import commands
from tests.acceptance.script import (
    FINISHED,
    LAST_RESULT,
    Call,
    Calls,
    If,
    Json,
    Say,
    Step,
    found,
    next_reply,
    prompt,
)

pytestmark = pytest.mark.acceptance


@pytest.fixture
def model(tmp_path: Path) -> Iterator[ModelApi]:
    with ModelApi(tmp_path / "model.jsonl") as api:
        yield api


def ask(model: ModelApi, messages: list[Json], *, stream: bool = False) -> httpx.Response:
    body: Json = {"model": "scripted", "messages": messages, "stream": stream}
    return httpx.post(f"{model.url}/v1/messages", json=body, headers={"x-terminal": "one"}, trust_env=False)


def conversation(steps: list[Step], results: list[str]) -> list[Json]:
    """A conversation that has played one step for each of `results`, all in one merged message each."""
    messages: list[Json] = [{"role": "user", "content": prompt("go", steps)}]
    for result in results:
        reply = next_reply(messages)
        assert reply is not None
        answers: list[Json] = [
            {"type": "tool_result", "tool_use_id": block["id"], "content": [{"type": "text", "text": result}]}
            for block in reply.blocks
        ]
        messages += [
            {"role": "assistant", "content": list(reply.blocks)},
            {"role": "user", "content": answers},
        ]
    return messages


def test_steps_are_played_in_order_whatever_else_is_said() -> None:
    steps: list[Step] = [Call("first", {"n": 1}), Calls((Call("second", {}), Call("third", {})))]
    messages = conversation(steps, [])
    reply = next_reply(messages)
    assert reply is not None
    assert [block["name"] for block in reply.blocks] == ["first"]
    messages = conversation(steps, ["done"])
    messages.append({"role": "user", "content": "a reminder that nobody asked for"})
    reply = next_reply(messages)
    assert reply is not None
    assert [block["name"] for block in reply.blocks] == ["second", "third"]
    reply = next_reply(conversation(steps, ["done", "done"]))
    assert reply is not None
    assert reply.blocks[0]["text"] == FINISHED


def test_a_step_may_depend_on_the_latest_result_and_repeat_it() -> None:
    steps: list[Step] = [Call("look", {}), If("held by (\\w+)", Say(f"so: {LAST_RESULT}"), Say("it is free"))]
    held = next_reply(conversation(steps, ["held by planner"]))
    free = next_reply(conversation(steps, ["granted"]))
    assert held is not None
    assert free is not None
    assert held.blocks[0]["text"] == "so: held by planner"
    assert free.blocks[0]["text"] == "it is free"


def test_a_step_may_do_what_the_latest_result_says() -> None:
    steps: list[Step] = [Call("look", {}), Call("take", {"tasks": [found('next: "([^"]*)"')]})]
    told = next_reply(conversation(steps, ['they say next: "paint" and more']))
    silent = next_reply(conversation(steps, ["nothing to do"]))
    assert told is not None
    assert silent is not None
    assert told.blocks[0]["input"] == {"tasks": ["paint"]}
    assert silent.blocks[0]["input"] != {"tasks": [""]}


def test_a_request_without_a_script_gets_a_plain_answer_and_is_not_taken_for_a_turn(model: ModelApi) -> None:
    answer = ask(model, [{"role": "user", "content": "name this conversation"}]).json()
    assert answer["content"] == [{"type": "text", "text": "ok"}]
    assert model.requests() == []


def test_a_step_waits_at_its_gate_until_the_test_opens_it(model: ModelApi) -> None:
    messages = conversation([Say("through", name="arrived", after="gate")], [])
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(ask(model, messages).json()))
    asking.start()
    assert model.reached("arrived").terminal == "one"
    assert answers == []
    model.open("gate")
    asking.join()
    assert answers[0]["content"] == [{"type": "text", "text": "through"}]


def test_a_streamed_answer_carries_the_tool_call(model: ModelApi) -> None:
    text = ask(model, conversation([Call("look", {"at": "this"})], []), stream=True).text
    assert '"name": "look"' in text
    assert '\\"at\\": \\"this\\"' in text
    assert text.rstrip().endswith('data: {"type": "message_stop"}')


def test_whoever_asks_for_an_address_beyond_loopback_is_refused_and_remembered(model: ModelApi) -> None:
    with httpx.Client(proxy=model.url, trust_env=False) as client:
        with pytest.raises(httpx.ProxyError):
            client.get("https://outside.invalid/")
        assert client.get("http://outside.invalid/").status_code == httpx.codes.FORBIDDEN
    assert model.outside == ["outside.invalid:443", "http://outside.invalid/"]


def test_a_step_that_nobody_reaches_is_an_error_that_says_what_was_seen(model: ModelApi) -> None:
    ask(model, conversation([Say("hello", name="greeting")], []))
    with pytest.raises(TimeoutError, match="one:greeting"):
        model.reached("farewell", seconds=0.01)


def test_a_page_gives_its_commands_without_output_and_comments() -> None:
    page = """
```console
$ make up
Running on port 8000.
$ claude mcp add \\
    coordination
```
```sh
make test     # sets up first
# nothing here
curl -s http://127.0.0.1:8000/#top
```
```python
print("no command")
```
"""
    assert commands(page) == [
        "make up",
        "claude mcp add coordination",
        "make test",
        "curl -s http://127.0.0.1:8000/#top",
    ]


def test_without_npm_and_without_a_cache_nothing_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NpmMissing, match="install Node"):
        install(NEWER, tmp_path)
