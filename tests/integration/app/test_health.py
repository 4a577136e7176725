"""Health, readiness and the schema: what a monitor hears while the database comes, goes and changes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from coordination.app import schema
from coordination.domain.errors import RetryLater
from coordination.domain.visibility import PLANNER_TOOLS
from coordination.store import file_lock, migration, schema_version
from coordination.store.database import DEADLINE_SECONDS, Database
from coordination.transport.mcp.visibility import Refusals
from migrations import freeze
from tests.conftest import administer, in_database
from tests.integration.app.conftest import Client, Serve
from tests.integration.app.proxy import Door
from tests.integration.transport.endpoint import CLAUDE_CODE, PLANNER, Endpoint, Era

NEWEST = schema_version.known()[-1]
OWN = {"kind": "own", "pooler_mode": "session", "tls": "prefer"}


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that comes back is noticed at once."""
    monkeypatch.setattr(schema, "RETRY_SECONDS", 0.02)


async def statuses(client: Client) -> tuple[int, int]:
    """What /health and /ready answer."""
    return (await client.get("/health")).status_code, (await client.get("/ready")).status_code


async def until(client: Client, wanted: tuple[int, int]) -> None:
    """Ask until /health and /ready answer so."""
    async with asyncio.timeout(45):
        while await statuses(client) != wanted:  # noqa: ASYNC110 - an HTTP API has no event to await
            await asyncio.sleep(0.02)


async def detailed(client: Client) -> dict[str, object]:
    response = await client.get("/health/detailed")
    assert response.status_code == 200
    found: dict[str, object] = response.json()
    return found


async def test_a_service_with_its_database_is_well(serve: Serve, dsn: str) -> None:
    async with serve(dsn) as client:
        await until(client, (200, 200))
        async with asyncio.timeout(45):
            while (found := await detailed(client))["status"] != "ok":  # noqa: ASYNC110 - as in `until`
                await asyncio.sleep(0.02)
    assert found["database"] == {"state": "ok", **OWN}
    assert found["migrations"] == {"state": "current", "revision": NEWEST, "newest_known": NEWEST}
    assert found["row_policies"] == {"state": "not needed"}
    assert found["coordination_tools"] == list(PLANNER_TOOLS)


async def test_policies_that_are_absent_degrade_it_and_no_call_fails(
    serve: Serve, server_dsn: str, dsn: str
) -> None:
    await administer(dsn, (freeze.HERE / "checks" / "supabase.sql").read_text(encoding="utf-8"))
    try:
        async with serve(dsn) as client:
            await until(client, (200, 200))
            found = await detailed(client)
    finally:
        await administer(dsn, "DROP OWNED BY anon, authenticated CASCADE")
        await administer(server_dsn, "DROP ROLE anon, authenticated")
    assert (found["status"], found["row_policies"]) == ("degraded", {"state": "absent"})


async def test_grep_finds_the_tools_by_name_in_one_line(serve: Serve, dsn: str) -> None:
    async with serve(dsn) as client:
        text = (await client.get("/health/detailed")).text
    (line,) = [line for line in text.splitlines() if "coordination_tools" in line and "[" in line]
    assert set(PLANNER_TOOLS) <= set(line.split('"'))
    assert json.loads(text)["service"] == "coordination"


async def test_head_answers_like_get_without_a_body(serve: Serve, dsn: str) -> None:
    async with serve(dsn) as client:
        for path in ("/health", "/ready", "/health/detailed"):
            assert (await client.head(path)).status_code == 200


async def test_refused_calls_are_counted(serve: Serve, dsn: str) -> None:
    call: dict[str, Any] = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "claim_file_lock", "arguments": {}},
    }
    async with serve(dsn) as client:
        await client.post("/mcp/v2/cursor/alice", json=call, headers={"x-client-name": "cursor"})
        counts = (await detailed(client))["counts"]
    assert counts == {"coordination_tools": len(PLANNER_TOOLS), "refused_calls": 1}


async def test_a_service_starts_without_its_database_and_heals_when_it_comes(
    serve: Serve, empty_dsn: str
) -> None:
    async with Door(empty_dsn) as door, serve(door.dsn) as client:
        assert await statuses(client) == (503, 503)
        found = await detailed(client)
        assert (found["status"], found["database"]) == ("starting", {"state": "unreachable", **OWN})
        await door.open()
        await until(client, (200, 200))
        assert (await detailed(client))["migrations"] == {
            "state": "current",
            "revision": NEWEST,
            "newest_known": NEWEST,
        }


async def test_a_started_service_lives_on_without_its_database(serve: Serve, dsn: str) -> None:
    async with Door(dsn) as door:
        await door.open()
        async with serve(door.dsn) as client:
            await until(client, (200, 200))
            await door.shut()
            await until(client, (200, 503))
            problem = (await client.get("/ready")).json()
            assert "database: unreachable" in problem["detail"]
            assert (await detailed(client))["status"] == "degraded"
            await door.open()
            await until(client, (200, 200))


async def test_what_health_says_holds_no_credential(serve: Serve, dsn: str) -> None:
    async with Door(dsn) as door, serve(door.dsn) as client:
        texts = [(await client.get(path)).text for path in ("/health", "/ready", "/health/detailed")]
    assert not any("a-secret" in text or str(door.port) in text for text in texts)


async def test_a_database_of_a_newer_release_is_named_and_served(serve: Serve, dsn: str) -> None:
    await administer(dsn, "UPDATE coordination_schema_version SET version_num = 'from_the_future'")
    async with serve(dsn) as client:
        await until(client, (200, 200))
        found = await detailed(client)
        assert found["status"] == "degraded"
        assert found["migrations"] == {
            "state": "ahead",
            "revision": "from_the_future",
            "newest_known": NEWEST,
        }
        assert (await client.get("/api/v1/sessions")).status_code == 200


async def test_a_schema_that_is_taken_away_makes_it_unready(serve: Serve, dsn: str) -> None:
    async with serve(dsn) as client:
        await until(client, (200, 200))
        await migration.migrate(dsn, "base")
        await until(client, (200, 503))
        assert "migrations: behind" in (await client.get("/ready")).json()["detail"]


async def test_several_services_may_start_at_once_on_an_empty_database(serve: Serve, empty_dsn: str) -> None:
    async with serve(empty_dsn) as one, serve(empty_dsn) as two, serve(empty_dsn) as three:
        for client in (one, two, three):
            await until(client, (200, 200))


async def test_services_that_migrate_at_the_same_moment_all_succeed(empty_dsn: str) -> None:
    pools = [Database(empty_dsn, size=1) for _ in range(4)]
    try:
        assert await asyncio.gather(*(schema.Schema(pool).bring_up() for pool in pools)) == [True] * 4
    finally:
        for pool in pools:
            await pool.close()


async def test_a_migration_that_fails_is_tried_again_until_it_can_be_made(
    serve: Serve, empty_dsn: str
) -> None:
    # Somebody's own view stands where a table of ours has to be.
    await administer(empty_dsn, "CREATE VIEW claude_code_sessions AS SELECT 1 AS id")
    async with serve(empty_dsn) as client:
        assert await statuses(client) == (503, 503)
        assert "migration failed" in (await client.get("/ready")).json()["detail"]
        await administer(empty_dsn, "DROP VIEW claude_code_sessions")
        await until(client, (200, 200))


async def test_calls_between_a_database_and_its_schema_are_told_to_come_again_and_why(
    serve: Serve, empty_dsn: str
) -> None:
    await administer(empty_dsn, "CREATE VIEW claude_code_sessions AS SELECT 1 AS id")
    async with serve(empty_dsn) as client:
        mcp = Endpoint(str(client.base_url).rstrip("/"), Refusals(), client=client)
        for tool, arguments in (
            ("claim_file_lock", {"file_paths": ["a.py"]}),
            ("sync_progress", {}),
            ("check_agent_status", {}),
        ):
            answer = await mcp.call(PLANNER, tool, arguments, tuple(CLAUDE_CODE.items()))
            told = answer.json()["result"]["structuredContent"]
            assert told["code"] == "retry_later"
            assert "schema" in told["message"]
        for path in ("/sessions", "/sessions/demo", "/sessions/demo/locks", "/sessions/demo/events"):
            refused = await client.get(f"/api/v1{path}")
            assert (refused.status_code, refused.json()["code"]) == (503, "retry_later")
            assert "schema" in refused.json()["detail"]


async def test_a_migration_that_keeps_failing_is_logged_in_one_line_and_not_each_time(
    empty_dsn: str,
) -> None:
    await administer(empty_dsn, "CREATE VIEW claude_code_sessions AS SELECT 1 AS id")
    database = Database(empty_dsn)
    broken = schema.Schema(database)
    with capture_logs() as logs:
        for _ in range(3):
            assert not await broken.bring_up()
            with pytest.raises(RetryLater):
                await file_lock.expire(database)
    await database.close()
    (line,) = [entry for entry in logs if entry["event"] == "migration_failed"]
    assert "claude_code_sessions" in line["why"]
    assert "\n" not in line["why"]
    loud = [entry for entry in logs if entry["log_level"] not in {"debug", "info"}]
    assert [entry["event"] for entry in loud] == ["migration_failed", "schema_not_ready"]
    assert not any(entry.get("exc_info") for entry in loud)


async def test_a_failed_migration_is_tried_again_ever_more_seldom(empty_dsn: str) -> None:
    await administer(empty_dsn, "CREATE VIEW claude_code_sessions AS SELECT 1 AS id")
    database = Database(empty_dsn)
    broken = schema.Schema(database)
    pauses: list[float] = []
    for _ in range(9):
        await broken.bring_up()
        pauses.append(broken.pause)
    await database.close()
    assert pauses[0] == schema.RETRY_SECONDS
    assert pauses[1:3] == [2 * pauses[0], 4 * pauses[0]]
    assert max(pauses) <= schema.MOST_RETRY_SECONDS


async def test_a_database_that_refuses_the_service_is_unreachable_with_the_reason(
    serve: Serve, dsn: str
) -> None:
    for wrong in (in_database(dsn, "nowhere"), dsn.replace("//coordination@", "//stranger@")):
        with capture_logs() as logs:
            async with serve(wrong) as client:
                assert await statuses(client) == (503, 503)
                assert (await detailed(client))["database"] == {"state": "unreachable", **OWN}
                refused = await client.get("/api/v1/sessions")
        assert (refused.status_code, refused.json()["code"]) == (503, "retry_later")
        assert "DATABASE_URL" in refused.json()["detail"]
        told = [entry["why"] for entry in logs if entry["event"] == "database_unreachable"]
        assert told
        assert all("DATABASE_URL" in why for why in told)


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_calls_while_the_database_is_away_are_told_to_come_again_and_nothing_is_lost(
    serve: Serve, dsn: str, era: Era
) -> None:
    async with Door(dsn) as door:
        await door.open()
        async with serve(door.dsn) as client:
            await until(client, (200, 200))
            mcp = Endpoint(str(client.base_url).rstrip("/"), Refusals(), client=client)

            async def use(tool: str, **arguments: Any) -> dict[str, Any]:
                # The real client does not repeat what fails in HTTP, and gives up by itself much later.
                async with asyncio.timeout(DEADLINE_SECONDS + 8):
                    answer = await mcp.call(PLANNER, tool, arguments, tuple(CLAUDE_CODE.items()), era=era)
                assert answer.status_code == 200, answer.text
                result: dict[str, Any] = answer.json()["result"]
                return result

            before = await use("claim_file_lock", file_paths=["a.py"])
            assert not before["isError"], before
            await door.shut()
            for tool, arguments in (
                ("claim_file_lock", {"file_paths": ["b.py"]}),
                ("claim_file_lock", {"file_paths": ["a.py"], "action": "release"}),
                ("sync_progress", {"task_id": "t1", "status": "started"}),
                ("check_agent_status", {}),
            ):
                refused = await use(tool, **arguments)
                assert refused["isError"]
                assert refused["structuredContent"]["code"] == "retry_later"
                assert door.dsn not in str(refused)
                assert "a-secret" not in str(refused)
            await door.open()
            await until(client, (200, 200))
            assert not (await use("claim_file_lock", file_paths=["b.py"]))["isError"]
            locks = (await client.get("/api/v1/sessions/demo/locks")).json()["locks"]
    tokens = {lock["path"]: lock["fencing_token"] for lock in locks}
    assert tokens.keys() == {"a.py", "b.py"}
    assert tokens["a.py"] == before["structuredContent"]["locks"][0]["fencing_token"]
