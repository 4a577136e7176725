"""Policies and grants on every version of Postgres, made by a role that is no superuser, as on the platform.

Who sees what is in `tests/migration/tenants.py`; `tests/migration/test_policies.py` goes through more of it, on one
version.
"""

from __future__ import annotations

import pytest

from coordination.store.migration import verify
from tests.migration.tenants import (
    COLUMN,
    HIDDEN,
    PEOPLE,
    expected,
    fill,
    logged_in,
    refused,
    workspaces_seen,
    writes,
)

pytestmark = pytest.mark.acceptance
EVERY_TABLE = (*COLUMN, "coordination_schema_version")


async def test_everybody_reads_the_own_workspaces_and_nobody_writes(migrated: str) -> None:
    assert await verify(migrated) == ()
    await fill(migrated)
    for person in PEOPLE:
        async with logged_in(migrated, person) as connection:
            seen = {table: await workspaces_seen(connection, table) for table in COLUMN}
            written = [
                text for table in EVERY_TABLE for text in writes(table) if not await refused(connection, text)
            ]
        assert (seen, written) == ({table: expected(person, table) for table in COLUMN}, []), person


async def test_whoever_is_not_logged_in_reads_and_writes_nothing(migrated: str) -> None:
    await fill(migrated)
    async with logged_in(migrated, None) as connection:
        for table in EVERY_TABLE:
            column = COLUMN.get(table, "version_num")
            for text in (f"SELECT {column} FROM {table}", *writes(table)):  # noqa: S608 - constants
                assert await refused(connection, text), text


async def test_secrets_are_granted_to_nobody(migrated: str) -> None:
    for person in (None, "owner"):
        async with logged_in(migrated, person) as connection:
            for table, columns in HIDDEN.items():
                for column in columns:
                    assert await refused(connection, f"SELECT {column} FROM {table}")  # noqa: S608 - constants


async def test_functions_cannot_be_called(migrated: str) -> None:
    calls = (
        "coordination_lock_workspace('team')",
        "coordination_path_key('a')",
        "nextval('coordination_fencing_token')",
    )
    for person in (None, "owner"):
        async with logged_in(migrated, person) as connection:
            assert [call for call in calls if not await refused(connection, f"SELECT {call}")] == []
