"""`coord migrate`: look at the schema's revision, change it, or print the SQL. What revisions do is their own."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Final, TypeAlias

from cyclopts import App, Parameter

from coordination.app import running
from coordination.cli.output import FOUND, OK, USAGE, Failure, Json, emit, progress, say
from coordination.cli.place import coord, coord_at, settings
from coordination.settings import Settings

NEWEST: Final = "head"
NONE: Final = "base"

_APPLIED: Final = "Applied the policies for Supabase's roles, which came after the schema."
_EXAMPLES: Final = """Examples:

    coord migrate
    coord migrate --check
    coord migrate --sql > up.sql
    coord migrate --sql --to base > down.sql
    coord migrate --to base --yes
"""


Flag: TypeAlias = Annotated[bool, Parameter(negative="", show_default=False)]


def register(app: App) -> None:
    """Add the command."""
    app.command(migrate, help_epilogue=_EXAMPLES)


def migrate(
    *,
    check: Flag = False,
    to: str = NEWEST,
    sql: Flag = False,
    yes: Flag = False,
    json: Json = False,
) -> int:
    """Bring the database to the schema of this release. The service does it by itself whenever it starts.

    It works on DATABASE_URL, else on the embedded Postgres of the data folder, which it starts if needed. Several may
    run at once. Where Supabase's roles came after the schema, it applies the policies that they lack.

    Parameters
    ----------
    check
        Change nothing; exit with 5 when the database is not at the newest revision.
    to
        The revision to go to: `head` is the newest, `base` is before the first.
    sql
        Print the SQL for an empty database instead, for an SQL editor; with `--to base` the SQL that undoes it.
    yes
        Go back even though that deletes what the revisions in between brought.
    """
    if check and (sql or to != NEWEST):
        raise Failure(
            "--check only looks: leave --sql and --to out.",
            mend=f"See: {coord('migrate --help')}",
            exit_code=USAGE,
            code="usage",
        )
    known = _known()
    if to not in {NEWEST, NONE, *known}:
        raise Failure(
            f"There is no revision {to}. This release knows {', '.join(known)}, head and base.",
            mend=f"See: {coord('migrate --help')}",
            exit_code=USAGE,
            code="usage",
        )
    if sql:
        _print_script(to, json=json)
        return OK
    chosen = settings()
    with _database(chosen, quiet=json) as dsn:
        before = _current(dsn)
        if check:
            return _report_check(before, known[-1], json=json)
        if _goes_back(before, to, known):
            _require_consent(chosen, before, to, yes=yes)
        elif before is not None and before not in known:
            return _report(before, before, f"A newer release made revision {before}; it stays.", json=json)
        after = _migrate(dsn, to)
        applied = after == known[-1] and _apply_policies(dsn)
    return _report(before, after, _APPLIED if applied else "", json=json, policies_applied=applied)


def _print_script(to: str, *, json: bool) -> None:
    """Print the SQL that brings an empty database to a revision, or with `base` the newest one back to none."""
    from coordination.store import migration_text  # noqa: PLC0415 - loading the migration tool takes a second

    sql = migration_text.down_script() if to == NONE else migration_text.script(to)
    if json:
        emit({"sql": sql})
    else:
        say(sql)


def _known() -> tuple[str, ...]:
    from coordination.store import schema_version  # noqa: PLC0415 - it loads the database driver

    return schema_version.known()


@contextmanager
def _database(chosen: Settings, *, quiet: bool) -> Generator[str]:
    """Yield the DSN of a database that answers; the embedded one is stopped again if it was started here."""
    if chosen.dsn is not None:
        yield chosen.dsn
        return
    from coordination.embedded import EmbeddedPostgres, PostgresUnavailable  # noqa: PLC0415 - as in `_known`

    postgres = EmbeddedPostgres(chosen.data_dir)
    try:
        with progress("Starting Postgres", quiet=quiet or postgres.alive()):
            postgres.start()
    except PostgresUnavailable as error:
        raise Failure(str(error), code="postgres_unavailable") from error
    try:
        yield postgres.dsn
    finally:
        postgres.stop()


def _current(dsn: str) -> str | None:
    from coordination.store import migration  # noqa: PLC0415 - as in `_print_script`

    try:
        return asyncio.run(migration.current(dsn))
    except Exception as error:
        raise _cannot("The database cannot be reached", error) from error


def _migrate(dsn: str, to: str) -> str | None:
    from coordination.store import migration  # noqa: PLC0415 - as in `_print_script`

    try:
        return migration.migrate_blocking(dsn, to)[1]
    except Exception as error:
        raise _cannot("The migration failed; nothing was changed", error) from error


def _apply_policies(dsn: str) -> bool:
    from coordination.store import migration  # noqa: PLC0415 - as in `_print_script`

    try:
        return asyncio.run(migration.apply_policies(dsn))
    except Exception as error:
        raise _cannot("The policies for Supabase's roles could not be applied", error) from error


def _cannot(what: str, error: Exception) -> Failure:
    from coordination.app.redaction import redact  # noqa: PLC0415 - only failures need it

    text = redact(str(error) or type(error).__name__)
    return Failure(f"{what}: {text}", mend=f"See what is wrong: {coord('doctor')}", code="database")


def _goes_back(before: str | None, to: str, known: tuple[str, ...]) -> bool:
    if before is None or to == NEWEST:
        return False
    if to == NONE or before not in known:
        return True
    return known.index(to) < known.index(before)


def _require_consent(chosen: Settings, before: str | None, to: str, *, yes: bool) -> None:
    served = running.find(chosen.data_dir)
    if served:
        raise Failure(
            f"A service works on it: process {served[0].pid}. Without its schema it cannot.",
            mend=f"Stop it first: {coord_at(chosen, served[0], 'down')}",
            code="in_use",
        )
    if not yes:
        raise Failure(
            f"Going back from {before} to {to} deletes {_lost(before, to)}.",
            mend=f"If that is what you want: {coord(f'migrate --to {to} --yes')}",
            exit_code=USAGE,
            code="consent",
        )


def _lost(before: str | None, to: str) -> str:
    """Say what going back deletes: the tables, where this release knows them."""
    from coordination.store import schema_version  # noqa: PLC0415 - as in `_known`

    known = schema_version.known()
    if before not in known:
        return "what the revisions in between brought, with all rows in it"
    first = known.index(to) + 1 if to in known else 0
    tables = schema_version.tables_of(known[first : known.index(before) + 1])
    return (
        f"these tables, with all rows in them: {', '.join(tables)}. What was added to other tables goes too"
    )


def _report_check(before: str | None, newest: str, *, json: bool) -> int:
    current = before == newest
    if json:
        emit({"revision": before, "newest": newest, "current": current})
    elif current:
        say(f"The database is at the newest revision, {newest}.")
    elif before is not None and before not in _known():
        say(f"The database is at {before}, which a newer release made; this one knows {newest}.")
    else:
        say(f"The database is at {before or 'no revision'}, the newest is {newest}.")
        say(f"Bring it there: {coord('migrate')}")
    return OK if current else FOUND


def _report(
    before: str | None, after: str | None, remark: str, *, json: bool, policies_applied: bool = False
) -> int:
    if json:
        emit({"before": before, "after": after, "policies_applied": policies_applied})
    elif before == after:
        say(remark or f"Nothing to do: the database is at {after or 'no revision'}.")
    else:
        say(f"Migrated from {before or 'no revision'} to {after or 'no revision'}.")
    return OK
