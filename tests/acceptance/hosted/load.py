"""Claims under load while services come and go, as clients saw them: what they were granted, and what went wrong.

Each client is an agent of its own on a connection of its own. It claims a file that nobody else wants, which must be
granted; then one that all of them want, waiting for its turn a little, and gives that back. It repeats what failed
retryably, as a well-behaved client does, and writes down everything else as a failure.
"""

from __future__ import annotations

import itertools
import ssl
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

SHARED = "shared.py"
AWAY = frozenset({502, 503, 504})
"""What a proxy or a service says for which it is worth to come again."""


@dataclass
class Record:
    """What clients saw."""

    granted: dict[int, str] = field(default_factory=dict[int, str])
    retried: list[str] = field(default_factory=list[str])
    failed: list[str] = field(default_factory=list[str])


class Load:
    """So many clients of one address, until `stop`."""

    def __init__(self, url: str, headers: Mapping[str, str], trust: ssl.SSLContext | bool = True) -> None:
        self.record = Record()
        self._url = url
        self._headers = {**headers, "x-client-name": "claude code"}
        self._trust = trust
        self._over = threading.Event()
        self._changed = threading.Condition()

    @contextmanager
    def running(self, clients: int) -> Generator[Record]:
        """Run them while the block runs, and let each finish what it began."""
        threads = [threading.Thread(target=self._client, args=[number]) for number in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield self.record
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def until(self, more: int, seconds: float = 30.0) -> None:
        """Wait until so many more claims were granted: the load goes on."""
        with self._changed:
            wanted = len(self.record.granted) + more
            assert self._changed.wait_for(lambda: len(self.record.granted) >= wanted, seconds), self.record

    def _client(self, number: int) -> None:
        path = f"{self._url}/mcp/v2/claude/alice__session__load__agent_{number}"
        with httpx.Client(headers=self._headers, verify=self._trust, trust_env=False, timeout=20) as client:
            for turn in itertools.count():
                if self._over.is_set():
                    return
                own = f"agent_{number}/{turn}.py"
                self._granted(own, self._call(client, path, file_paths=[own], duration_minutes=60), must=True)
                shared = self._call(client, path, file_paths=[SHARED], wait_seconds=1)
                if self._granted(SHARED, shared, must=False):
                    self._call(client, path, file_paths=[SHARED], action="release")

    def _granted(self, path: str, answer: dict[str, Any], *, must: bool) -> bool:
        granted = answer.get("outcome") in {"granted", "renewed"}
        if granted:
            with self._changed:
                self.record.granted[answer["locks"][0]["fencing_token"]] = path
                self._changed.notify_all()
        elif must:
            self.record.failed.append(f"{path} was not granted: {answer}")
        return granted

    def _call(self, client: httpx.Client, path: str, **arguments: Any) -> dict[str, Any]:
        """Claim or release, again and again while it fails retryably."""
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "claim_file_lock", "arguments": arguments},
        }
        for pause in (0.05, 0.1, 0.2, *[0.5] * 40):
            try:
                response = client.post(path, json=body)
            except httpx.TransportError as error:
                why = type(error).__name__
            else:
                if response.status_code == 200:
                    answer: dict[str, Any] = response.json()["result"]["structuredContent"]
                    if answer.get("code") != "retry_later":
                        return self._expected(answer, arguments)
                why = str(response.status_code)
                if response.status_code not in {200, *AWAY}:
                    self.record.failed.append(f"{response.status_code}: {response.text}")
                    return {}
            self.record.retried.append(why)
            self._over.wait(pause)
        self.record.failed.append(f"{arguments} never came through")
        return {}

    def _expected(self, answer: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
        # A release whose answer got lost was done: done again it finds no lease.
        done_before = arguments.get("action") == "release" and answer.get("code") == "lease_lost"
        if "code" in answer and not done_before:
            self.record.failed.append(f"{arguments}: {answer}")
        return answer


async def tokens_in(dsn: str) -> dict[int, str]:
    """Every grant that the database knows, by its fencing token, whether it still holds or not."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT lock ->> 'path' AS path, (lock ->> 'fencing_token')::bigint AS token FROM coordination_events,"
            " jsonb_array_elements(payload -> 'locks') AS lock WHERE kind IN ('lock.claimed', 'lock.renewed')"
        )
    finally:
        await connection.close()
    return {row["token"]: row["path"] for row in rows}


async def judge(record: Record, dsn: str) -> None:
    """Compare what clients were told with what the database has."""
    assert record.failed == []
    known = await tokens_in(dsn)
    lost = {token: path for token, path in record.granted.items() if known.get(token) != path}
    assert lost == {}
    tokens = [token for token, path in record.granted.items() if path == SHARED]
    assert tokens == sorted(tokens), "tokens of one path grow"
