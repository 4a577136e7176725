"""Which revision the database is at, and which ones this release knows: read without loading the migration tool.

A server looks at every start and almost never has to migrate, so the look must be cheap. Changing the schema is
`store.migration`.
"""

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import asyncpg

from coordination.domain.trouble import named
from coordination.store.database import Database, retry_later

VERSION_TABLE: Final = "coordination_schema_version"
_MIGRATED: Final = "SELECT to_regclass('coordination_schema_version') IS NOT NULL AS migrated"
_APPLIED: Final = "SELECT version_num FROM coordination_schema_version"

_DROPPED: Final = re.compile(r"^DROP TABLE IF EXISTS ([^;]+);", re.MULTILINE)


def folder() -> Path:
    """Return the folder of the revisions: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


async def applied(database: Database) -> str | None:
    """Return the database's revision, None when it was never migrated.

    Raises:
        RetryLater: the database cannot answer now.
    """
    try:
        # Asked first, because a table that is missing is the state of every new database and no trouble.
        if not (await database.fetch(_MIGRATED))[0]["migrated"]:
            return None
        rows = await database.fetch(_APPLIED)
    except asyncpg.PostgresError as error:
        raise retry_later(f"it refuses to tell its revision: {named(error)}") from error
    return rows[0]["version_num"] if rows else None


def known() -> tuple[str, ...]:
    """Return the revisions that this release knows, the newest last."""
    after: dict[object, str] = {}
    for path in (folder() / "versions").glob("*.py"):
        written = _constants(path)
        after[written["down_revision"]] = str(written["revision"])
    found: list[str] = []
    while (following := after.get(found[-1] if found else None)) is not None:
        found.append(following)
    return tuple(found)


def constants(revision: str) -> dict[str, object]:
    """Return what a revision's script says of it: `revision`, `installs_functions` and so on, by name."""
    (path,) = (folder() / "versions").glob(f"{revision}_*.py")
    return {"file_name": path.stem} | _constants(path)


def tables_of(revisions: Sequence[str]) -> tuple[str, ...]:
    """Return the tables that go when these revisions are taken back, those of the last one first."""
    scripts = (folder() / "frozen" / one / "schema" / "down.sql" for one in reversed(revisions))
    dropped = (_DROPPED.findall(script.read_text(encoding="utf-8")) for script in scripts)
    return tuple(name.strip() for found in dropped for names in found for name in names.split(","))


def _constants(path: Path) -> dict[str, object]:
    return {
        target.id: statement.value.value
        for statement in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
