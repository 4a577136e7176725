"""The page that Prometheus scrapes: what a whole service says of itself, in local mode."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead  # pyright: ignore[reportUnknownVariableType]  its hints are not whole
from prometheus_client.parser import text_string_to_metric_families

from coordination import __version__
from coordination.app import local_token, worker_metrics
from coordination.transport.mcp.identity import PATH as MCP_PATH
from coordination.transport.mcp.visibility import Refusals
from tests.integration.app.conftest import Client, Serve
from tests.integration.app.proxy import Door
from tests.integration.transport.endpoint import CLAUDE_CODE, IMPLEMENTER, PLANNER, Endpoint

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """Every sample of a scrape by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    """What one sample says, 0 when there is none."""
    return found.get((f"coordination_{name}", frozenset(labels.items())), 0.0)


async def scrape(client: Client) -> Samples:
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return samples(answer.text)


async def test_a_scrape_tells_who_connected_what_was_called_and_how_it_ended(
    serve: Serve, clean_dsn: str
) -> None:
    async with serve(clean_dsn) as client:
        mcp = Endpoint(str(client.base_url).rstrip("/"), Refusals(), client=client)
        headers = tuple(CLAUDE_CODE.items())
        await mcp.ask(IMPLEMENTER, "server/discover", None, headers, era="modern")
        await mcp.tools(IMPLEMENTER, headers)
        await mcp.tools("/mcp/v2/cursor/alice")
        await mcp.tools("/mcp/v2/somebody/alice")
        await mcp.call(IMPLEMENTER, "claim_file_lock", {"file_paths": ["a.py"]}, headers)
        await mcp.call(IMPLEMENTER, "claim_file_lock", {"file_paths": []}, headers)
        await mcp.call(PLANNER, "claim_file_lock", {"file_paths": ["a.py"]}, headers)
        await mcp.call("/mcp/v2/cursor/alice", "claim_file_lock", {})
        await client.get("/api/v1/sessions/nowhere")
        found = await scrape(client)
    assert value(found, "connections_total", client="claude_code") == 1
    assert value(found, "tool_listings_total", client="claude_code") == 1
    assert value(found, "tool_listings_total", client="cursor") == 1
    assert value(found, "tool_listings_total", client="other") == 1
    assert value(found, "tool_calls_total", tool="claim_file_lock", outcome="ok") == 2
    assert value(found, "tool_calls_total", tool="claim_file_lock", outcome="invalid_input") == 1
    assert value(found, "claims_total", outcome="granted") == 1
    assert value(found, "claims_total", outcome="held") == 1
    assert value(found, "refusals_total", reason="hidden_tool") == 1
    assert value(found, "refusals_total", reason="not_found") == 1
    posted = {"route": MCP_PATH, "method": "POST", "status": "200"}
    assert value(found, "request_seconds_count", **posted) == 8
    read = {"route": "/api/v1/sessions/{session}", "method": "GET", "status": "404"}
    assert value(found, "request_seconds_count", **read) == 1
    assert value(found, "database_seconds_count") > 0
    assert value(found, "pool_connections") == client.settings.pool_size
    assert value(found, "queue_depth") == 0
    assert value(found, "event_lag_seconds") > 0
    assert value(found, "build_info", version=__version__) == 1


async def test_a_scrape_names_nobody(serve: Serve, clean_dsn: str) -> None:
    async with serve(clean_dsn) as client:
        mcp = Endpoint(str(client.base_url).rstrip("/"), Refusals(), client=client)
        stranger = "/mcp/v2/claude/mallory__session__treasure__ghost"
        await mcp.call(stranger, "claim_file_lock", {"file_paths": ["island.py"]}, tuple(CLAUDE_CODE.items()))
        await mcp.call(stranger, "x" * 50, {}, tuple(CLAUDE_CODE.items()))
        await client.get("/api/v1/sessions/treasure/locks")
        await client.get("/island/treasure")
        text = (await client.get("/metrics")).text
    assert not [word for word in ("mallory", "treasure", "ghost", "island", "xxx", 'local"') if word in text]


async def test_a_service_without_its_database_says_that_it_does_not_know(
    serve: Serve, empty_dsn: str
) -> None:
    async with Door(empty_dsn) as door, serve(door.dsn) as client:
        found = await scrape(client)
    assert math.isnan(value(found, "queue_depth"))
    assert value(found, "pool_connections") == client.settings.pool_size


async def test_a_required_local_token_is_asked_for_here_too(serve: Serve, clean_dsn: str) -> None:
    async with serve(clean_dsn, COORDINATION_LOCAL_TOKEN="required") as client:  # noqa: S106 - when to ask
        assert (await client.get("/metrics")).status_code == 401
        client.headers["authorization"] = f"Bearer {local_token.read(client.settings.data_dir)}"
        assert value(await scrape(client), "refusals_total", reason="unauthorized") == 1


WORKER = """
import sys
from coordination.metrics import Metrics, is_shared, written
assert is_shared()
metrics = Metrics()
metrics.claims.labels("granted").inc()
metrics.requests.labels("/x", "GET", 200).observe(0.02)
metrics.pool_in_use.set(2)
metrics.event_lag.set(float(sys.argv[1]))
metrics.queue_depth.set(7)
sys.stdout.buffer.write(written(metrics))
"""


def work(folder: Path, lag: float) -> tuple[int, Samples]:
    """Let a worker count and scrape; return its process id and what it wrote."""
    environment = {**os.environ, worker_metrics.VARIABLE: str(folder)}
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(lag)], env=environment, stdout=subprocess.PIPE, text=True
    )
    text, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0
    return worker.pid, samples(text)


def test_a_scrape_of_one_worker_has_the_numbers_of_all(tmp_path: Path) -> None:
    folder = worker_metrics.fresh_folder(tmp_path)
    first, _ = work(folder, 1.0)
    second, found = work(folder, 3.0)
    assert value(found, "claims_total", outcome="granted") == 2
    assert value(found, "request_seconds_count", route="/x", method="GET", status="200") == 2
    assert value(found, "pool_connections_in_use") == 4
    assert value(found, "event_lag_seconds") == 3
    assert value(found, "queue_depth") == 7
    assert value(found, "build_info", version=__version__) == 1
    worker_metrics.forget_worker(folder, first)
    worker_metrics.forget_worker(folder, second)
    _, found = work(folder, 0.5)
    assert value(found, "claims_total", outcome="granted") == 3
    assert value(found, "pool_connections_in_use") == 2
    assert value(found, "event_lag_seconds") == 0.5


def test_a_worker_is_forgotten_as_the_library_forgets_it(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    kinds = ("counter", "histogram", "gauge_livesum", "gauge_livemax", "gauge_livemostrecent", "gauge_all")
    for folder in (ours, theirs):
        folder.mkdir()
        for pid in (17, 170):
            for kind in kinds:
                (folder / f"{kind}_{pid}.db").touch()
    worker_metrics.forget_worker(ours, 17)
    mark_process_dead(17, str(theirs))
    left = sorted(path.name for path in ours.iterdir())
    assert left == sorted(path.name for path in theirs.iterdir())
    assert len(left) == len(kinds) * 2 - 3


def test_the_folder_of_the_workers_is_new_at_each_start_and_goes_at_the_end(tmp_path: Path) -> None:
    folder = worker_metrics.fresh_folder(tmp_path)
    (folder / "counter_1.db").touch()
    assert list(worker_metrics.fresh_folder(tmp_path).iterdir()) == []
    worker_metrics.remove(folder)
    assert not folder.exists()
