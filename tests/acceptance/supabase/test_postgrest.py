"""What people get through Supabase's REST API, by a real PostgREST: their own workspaces, and nothing to write."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.supabase.cluster import Cluster
from tests.acceptance.supabase.postgrest import serving, token
from tests.migration.tenants import COLUMN, HIDDEN, PEOPLE, expected, fill

pytestmark = pytest.mark.acceptance

REFUSED = {401, 403}
"""What PostgREST answers when Postgres says 42501: without and with a token."""


@pytest.fixture
def api(cluster: Cluster, migrated: str, postgrest: Path, tmp_path: Path) -> Generator[httpx.Client]:
    """A client of a project's API, with two workspaces in the database."""
    asyncio.run(fill(migrated))
    name = migrated.rpartition("/")[2].partition("?")[0]
    with (
        serving(postgrest, cluster.dsn(name, "authenticator"), tmp_path) as url,
        httpx.Client(base_url=url, trust_env=False) as client,
    ):
        yield client


def headers(person: str | None) -> dict[str, str]:
    """The credential of a person; None has none."""
    return {"Authorization": f"Bearer {token(person)}"} if person else {}


def rows(api: httpx.Client, person: str, table: str, columns: str) -> list[dict[str, Any]]:
    """What a person reads."""
    answer = api.get(f"/{table}", params={"select": columns}, headers=headers(person))
    assert answer.status_code == httpx.codes.OK, (person, table, answer.text)
    found: list[dict[str, Any]] = answer.json()
    return found


def test_everybody_reads_the_own_workspaces_and_nobody_writes(api: httpx.Client) -> None:
    for person in PEOPLE:
        for table, column in COLUMN.items():
            seen = [row[column] for row in rows(api, person, table, column)]
            assert seen == expected(person, table), (person, table)
    for person in (None, *PEOPLE):
        for table, column in COLUMN.items():
            every = {"params": {column: "neq.x"}, "headers": headers(person)}
            answers = [
                api.post(f"/{table}", json={column: "team"}, headers=headers(person)),
                api.patch(f"/{table}", json={column: "team"}, **every),
                api.delete(f"/{table}", **every),
            ]
            assert {answer.status_code for answer in answers} <= REFUSED, (person, table)


def test_without_a_good_token_nothing_is_read(api: httpx.Client) -> None:
    for table, column in COLUMN.items():
        assert api.get(f"/{table}", params={"select": column}).status_code in REFUSED
    forged = {"Authorization": f"Bearer {token('owner', secret='x' * 40)}"}
    assert api.get("/workspaces", params={"select": "id"}, headers=forged).status_code in REFUSED
    assert api.get("/workspaces", params={"select": "id"}, headers=headers("owner")).json() == [
        {"id": "team"}
    ]


def test_secrets_and_functions_are_not_served(api: httpx.Client) -> None:
    for table, columns in HIDDEN.items():
        for column in columns:
            answer = api.get(f"/{table}", params={"select": column}, headers=headers("owner"))
            # What a role may not even see does not exist for PostgREST.
            assert answer.status_code in REFUSED | {400, 404}, (table, column)
    calls = {"coordination_path_key": {"p_path": "a"}, "coordination_lock_workspace": {"p_workspace": "team"}}
    for name, arguments in calls.items():
        for person in (None, "owner"):
            answer = api.post(f"/rpc/{name}", json=arguments, headers=headers(person))
            assert answer.status_code in REFUSED | {404}, (name, person)


def test_rows_of_another_workspace_cannot_be_asked_for_by_name_or_by_join(api: httpx.Client) -> None:
    for person, foreign in (("owner", "other"), ("stranger", "team")):
        for table, column in COLUMN.items():
            answer = api.get(
                f"/{table}", params={"select": column, column: f"eq.{foreign}"}, headers=headers(person)
            )
            assert answer.json() == [], (person, table)
