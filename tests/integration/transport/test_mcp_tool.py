"""What a tool answers: results, refusals of input, errors of the domain, and failures nobody foresaw."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from fastmcp.exceptions import NotFoundError
from pydantic import BaseModel, ConfigDict
from structlog.testing import capture_logs

from coordination.domain.errors import CoordinationError, InvalidInput, LeaseLost, RetryLater
from coordination.domain.identity import Identity
from coordination.transport.exchange import Exchange
from coordination.transport.mcp.server import build_mcp
from coordination.transport.mcp.tool import Answer, CoordinationTool, ToolCard
from coordination.transport.mcp.visibility import Refusals
from tests.integration.transport.endpoint import (
    CLAUDE_CODE,
    PLANNER,
    Endpoint,
    Structured,
    endpoint,
    tool_named,
)

HEADERS = tuple(CLAUDE_CODE.items())
ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])


async def refusal(mcp: Endpoint, arguments: dict[str, Any]) -> dict[str, str]:
    """Call with arguments that must be refused; return the structured content, which must fit its schema."""
    listed = await mcp.ask(PLANNER, "tools/list", None, HEADERS)
    schema = listed["tools"][0]["outputSchema"]
    result = (await mcp.call(PLANNER, "claim_file_lock", arguments, HEADERS)).json()["result"]
    assert result["isError"] is True
    content: dict[str, str] = result["structuredContent"]
    assert "required" not in schema
    for name, said in content.items():
        assert schema["properties"][name] == {"type": "string"}
        assert said in result["content"][0]["text"]
    return content


async def test_a_result_is_structured_and_in_words(mcp: Endpoint) -> None:
    answer = await mcp.call(PLANNER, "claim_file_lock", {"paths": ["a.py"], "minutes": 5}, HEADERS)
    assert answer.json()["result"] == {
        "content": [{"type": "text", "text": "done"}],
        "structuredContent": {"agent": "alice/planner", "paths": ["a.py"]},
        "isError": False,
    }


async def test_a_tool_is_listed_with_all_that_a_client_needs(mcp: Endpoint) -> None:
    tool = (await mcp.ask(PLANNER, "tools/list", None, HEADERS))["tools"][2]
    assert tool["name"] == "claim_file_lock"
    assert tool["_meta"] == {"anthropic/alwaysLoad": True}
    assert tool["annotations"] == {
        "readOnlyHint": True,
        "destructiveHint": False,
        "idempotentHint": False,
        "openWorldHint": False,
    }
    assert tool["inputSchema"]["additionalProperties"] is False
    assert set(tool["outputSchema"]["properties"]) == {"agent", "paths", "code", "message", "next_call"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"minutes": 61}, ["minutes: ", "less than or equal to 60", "(got 61)"]),
        ({"minutes": 0}, ["minutes: ", "greater than or equal to 1", "(got 0)"]),
        ({"minutes": "5"}, ["minutes: ", "valid integer", '(got "5")']),
        ({"minutes": 5.5}, ["minutes: ", "valid integer", "(got 5.5)"]),
        ({"minutes": True}, ["minutes: ", "valid integer", "(got true)"]),
        ({"minutes": 10**30}, ["minutes: "]),
        ({"paths": "a.py"}, ["paths: ", "valid array", '(got "a.py")']),
        ({"paths": {"a": 1}}, ["paths: ", "valid array", "(got 1 entries)"]),
        ({"paths": ["a", "b", "c", "d"]}, ["paths: ", "at most 3", "(got 4 entries)"]),
        ({"paths": ["a", 1]}, ["paths.1: ", "valid string", "(got 1)"]),
        ({"paths": [None]}, ["paths.0: ", "valid string", "(got null)"]),
        ({"path": ["a"]}, ["path: there is no such field; the fields are paths, minutes, items"]),
        (
            {"items": [{"name": "a", "nome": 1}]},
            ["items.0.nome: there is no such field; the fields are name, size"],
        ),
        ({"items": [{"name": "a"}, {"size": 1}]}, ["items.1.name: is required"]),
        ({"items": [{"name": "endless"}]}, ["items.0.name: may not be endless, ", "…", '(got "endless")']),
    ],
)
async def test_refused_input_names_the_field_the_limit_and_what_to_send(
    mcp: Endpoint, arguments: dict[str, Any], words: list[str]
) -> None:
    content = await refusal(mcp, arguments)
    assert content["code"] == "invalid_input"
    assert content["next_call"] == "check_agent_status()"
    for word in words:
        assert word in content["message"]


@pytest.mark.parametrize(
    ("arguments", "next_call"),
    [
        ({"paths": ["a"], "minutes": 61}, 'claim_file_lock(paths=["a"])'),
        (
            {"paths": ["a"], "minute": 5, "items": [{"name": "b"}]},
            'claim_file_lock(paths=["a"], items=[{"name": "b"}])',
        ),
        ({"paths": ["a"], **{f"field{number}": 1 for number in range(9)}}, 'claim_file_lock(paths=["a"])'),
        ({"paths": ["a\u202e"], "minutes": 0}, 'claim_file_lock(paths=["a\\u202e"])'),
        # What it was about is wrong, or is not there, or would not be all of it.
        ({"paths": ["a", 1], "minutes": 5}, "check_agent_status()"),
        ({"path": ["a"], "minutes": 5}, "check_agent_status()"),
        ({"paths": [], "minutes": 61}, "check_agent_status()"),
        ({"paths": ["a"], "items": [{"nome": 1}]}, "check_agent_status()"),
        ({"paths": ["a"], "minutes": 61, "items": [{"name": "b" * 500}]}, "check_agent_status()"),
    ],
)
async def test_refused_input_is_followed_by_the_callers_own_call_without_what_was_wrong(
    mcp: Endpoint, arguments: dict[str, Any], next_call: str
) -> None:
    assert (await refusal(mcp, arguments))["next_call"] == next_call


async def test_the_first_five_problems_are_told_and_the_others_counted(mcp: Endpoint) -> None:
    content = await refusal(mcp, {f"field{number}": 1 for number in range(12)})
    assert content["message"].count("there is no such field") == 5
    assert content["message"].endswith("and 7 more.")


@pytest.mark.parametrize(
    "hostile",
    [
        "x" * 5000,
        "\x1b[31mred\x07",
        "ignore\u202eall\u200b",
        "line\nbreak\r\n",
        "\x00",
        "\U000e0041tag",
        "é" * 500,
    ],
)
async def test_hostile_input_is_repeated_short_and_escaped(mcp: Endpoint, hostile: str) -> None:
    for arguments in ({"minutes": hostile}, {hostile: 1}, {"paths": hostile}):
        content = await refusal(mcp, arguments)
        assert content["message"].isprintable()
        assert len(content["message"]) < 400


async def test_null_is_the_same_as_left_out(mcp: Endpoint) -> None:
    answer = await mcp.call(PLANNER, "claim_file_lock", {"minutes": None}, HEADERS)
    assert answer.json()["result"]["isError"] is False


@ERAS
@pytest.mark.parametrize(
    ("error", "next_call"),
    [
        (LeaseLost("Your lease is gone.", next_call="claim_file_lock()"), "claim_file_lock()"),
        (RetryLater("The database cannot answer now.", next_call="in a moment"), "sync_progress()"),
        (InvalidInput("paths: odd"), "check_agent_status()"),
    ],
)
async def test_errors_are_answers_with_their_code_and_a_call_to_make(
    error: CoordinationError, next_call: str, era: Any
) -> None:
    async def fail(_: Identity, __: Exchange) -> None:
        raise error

    async with endpoint(fail) as mcp:
        response = await mcp.call(PLANNER, "sync_progress", {}, HEADERS, era=era)
    assert response.status_code == 200
    result = response.json()["result"]
    assert result["isError"] is True
    assert result["structuredContent"] == {
        "code": error.code,
        "message": error.message,
        "next_call": next_call,
    }


async def test_a_call_that_is_too_long_to_repeat_is_not_cut_into_another_one() -> None:
    async def fail(_: Identity, __: Exchange) -> None:
        raise RetryLater("The database cannot answer now.")

    async with endpoint(fail) as mcp:
        content = await refusal(mcp, {"paths": ["a" * 500]})
    assert content["next_call"] == "repeat the same call in a moment"


@ERAS
async def test_a_failure_nobody_foresaw_is_logged_and_not_shown(era: Any) -> None:
    async def fail(_: Identity, __: Exchange) -> None:
        raise ZeroDivisionError("password=hunter2 at /srv/secret.py")

    async with endpoint(fail) as mcp:
        with capture_logs() as logs:
            response = await mcp.call(PLANNER, "sync_progress", {}, HEADERS, era=era)
    content = response.json()["result"]["structuredContent"]
    assert content["code"] == "internal"
    assert response.headers["x-request-id"] in content["message"]
    for secret in ("hunter2", "secret.py", "ZeroDivisionError", "Traceback"):
        assert secret not in response.text
    (entry,) = [entry for entry in logs if entry["event"] == "tool_call_failed"]
    assert entry["request_id"] == response.headers["x-request-id"]
    assert entry["exc_info"] is True


async def test_outside_of_a_request_there_is_nothing_to_see_or_call() -> None:
    def ignore(_: Identity) -> None:
        pass

    tools = [tool_named("sync_progress")]
    server = build_mcp(
        tools, instructions="", version="1", on_listed=ignore, on_called=ignore, refusals=Refusals()
    )
    assert await server.list_tools() == []
    with pytest.raises(NotFoundError):
        await server.call_tool("sync_progress", {})


def test_long_instructions_are_refused() -> None:
    def ignore(_: Identity) -> None:
        pass

    with pytest.raises(ValueError, match="at most 1500 characters, not 1501"):
        build_mcp(
            [], instructions="x" * 1501, version="1", on_listed=ignore, on_called=ignore, refusals=Refusals()
        )


class Lax(BaseModel):
    model_config = ConfigDict(extra="ignore")


def test_an_input_model_that_is_not_strict_and_closed_is_refused() -> None:
    class LaxTool(CoordinationTool[Lax]):
        card: ClassVar[ToolCard[Any]] = ToolCard("lax", "Lax", "", Lax, Structured)

        def __init__(self) -> None:
            super().__init__()

        async def call(self, identity: Identity, arguments: Lax, exchange: Exchange) -> Answer:
            raise NotImplementedError

    with pytest.raises(TypeError, match="Lax must forbid extra fields and be strict"):
        LaxTool()
