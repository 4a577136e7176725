"""`coord backup` and `coord restore`: all that the service knows into one file, and back. How is `app.backup`'s."""

import asyncio
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from cyclopts import App, Parameter

from coordination.app import running
from coordination.cli.database import database
from coordination.cli.output import OK, USAGE, Failure, Json, emit, progress, say
from coordination.cli.place import coord, coord_at, settings
from coordination.settings import Settings

if TYPE_CHECKING:
    from coordination.app.postgres_programs import Programs
    from coordination.store.backup import Found

_BACKUP_EXAMPLES: Final = """Examples:

    coord backup before-the-upgrade.dump
    coord backup "/srv/backups/coordination-$(date +%F).dump" --json
"""
_RESTORE_EXAMPLES: Final = """Examples:

    coord restore before-the-upgrade.dump
    coord restore before-the-upgrade.dump --replace
"""
File: TypeAlias = Annotated[Path, Parameter(help="The file of the backup.")]


def register(app: App) -> None:
    """Add the commands."""
    app.command(backup, help_epilogue=_BACKUP_EXAMPLES, usage="Usage: coord backup FILE [OPTIONS]")
    app.command(restore, help_epilogue=_RESTORE_EXAMPLES, usage="Usage: coord restore FILE [OPTIONS]")


def backup(file: File, /, *, json: Json = False) -> int:
    """Write all sessions, events, workspaces and tokens into one file, while the service goes on.

    It reads DATABASE_URL, else the embedded Postgres of the data folder, by pg_dump. Nothing else in the database is
    read. The file is readable for you alone.
    """
    from coordination.app import backup as work  # noqa: PLC0415 - it loads the database driver

    file = _absolute(file)
    if file.exists():
        raise Failure(
            f"{file} is there already.", mend="Choose another name.", exit_code=USAGE, code="exists"
        )
    if not file.parent.is_dir():
        raise Failure(f"There is no folder {file.parent}.", exit_code=USAGE, code="no_folder")
    with database(settings(), quiet=json) as dsn, _told():
        found, revision = _look(dsn), _revision(dsn)
        if revision is None:
            raise Failure(
                "There is nothing to back up: the database was never migrated.",
                mend=f"Make its schema: {coord('migrate')}",
                code="empty",
            )
        programs = _programs(dsn, found)
        with progress("Backing up", quiet=json):
            size = work.write(dsn, found, programs, file)
    if json:
        emit({"file": str(file), "bytes": size, "revision": revision})
    else:
        say(f"Wrote {file}: {size:,} bytes, revision {revision}.")
    return OK


def restore(
    file: File,
    /,
    *,
    replace: Annotated[
        bool,
        Parameter(negative="", show_default=False, help="Replace what the database holds of ours."),
    ] = False,
    json: Json = False,
) -> int:
    """Load a backup into an empty database, or in the place of what is there.

    All services have to be stopped. It is one transaction: it is restored as a whole or not at all. Afterwards the
    schema is brought to this release. Every later fencing token is higher than any that was ever handed out.
    """
    from coordination.app import backup as work  # noqa: PLC0415 - it loads the database driver

    file, chosen = _absolute(file), settings()
    if not file.is_file():
        raise Failure(f"There is no file {file}.", exit_code=USAGE, code="no_file")
    _require_stopped(chosen)
    with database(chosen, quiet=json) as dsn, _told():
        before = _look(dsn)
        programs = _programs(dsn, before)
        revision = _known_revision(work.revision_of(file, programs))
        _require_consent(chosen, before, file, replace=replace)
        with progress("Restoring", quiet=json):
            _migrate(dsn, revision)
            now = _look(dsn)
            work.load(dsn, now, max(before.token, now.token), programs, file)
            newest = _migrate(dsn, "head")
    if json:
        emit({"file": str(file), "revision": revision, "migrated_to": newest})
    else:
        say(f"Restored {file}, revision {revision}; the schema is at {newest}.")
        say(f"Start the service: {coord('up')}")
    return OK


@contextmanager
def _told() -> Generator[None]:
    """Turn what the database, its programs and the disk say into failures, without a credential."""
    from coordination.app.backup import BackupFailed  # noqa: PLC0415 - it loads the database driver
    from coordination.app.postgres_programs import ProgramsMissing  # noqa: PLC0415 - as above
    from coordination.app.redaction import redact  # noqa: PLC0415 - as above

    try:
        yield
    except Failure:
        raise
    except ProgramsMissing as error:
        raise Failure(
            str(error),
            mend="Install the client programs: apt install postgresql-client, or brew install libpq",
            code="programs",
        ) from error
    except BackupFailed as error:
        raise Failure(
            f"Postgres refused; nothing was changed: {redact(str(error))}", code="postgres"
        ) from error
    except Exception as error:
        text = redact(str(error) or type(error).__name__)
        raise Failure(
            f"It failed: {text}", mend=f"See what is wrong: {coord('doctor')}", code="database"
        ) from error


def _absolute(file: Path) -> Path:
    return Path(os.path.abspath(os.path.expanduser(file)))


def _look(dsn: str) -> "Found":
    from coordination.store.backup import look  # noqa: PLC0415 - it loads the database driver

    return asyncio.run(look(dsn))


def _programs(dsn: str, found: "Found") -> "Programs":
    from coordination.app.postgres_programs import find  # noqa: PLC0415 - only here it is needed

    return find(dsn, found.major)


def _revision(dsn: str) -> str | None:
    from coordination.store import migration  # noqa: PLC0415 - loading the migration tool takes a second

    return asyncio.run(migration.current(dsn))


def _migrate(dsn: str, to: str) -> str | None:
    from coordination.store import migration  # noqa: PLC0415 - as above

    return migration.migrate_blocking(dsn, to)[1]


def _known_revision(revision: str) -> str:
    from coordination.store.schema_version import known  # noqa: PLC0415 - it loads the database driver

    if revision not in known():
        raise Failure(
            f"The backup is of revision {revision}; this release knows {', '.join(known())}.",
            mend="Restore it with the release that wrote it, or a newer one.",
            code="newer",
        )
    return revision


def _require_stopped(chosen: Settings) -> None:
    served = running.find(chosen.data_dir)
    if served:
        raise Failure(
            f"A service works on it: process {served[0].pid}.",
            mend=f"Stop it first: {coord_at(chosen, served[0], 'down')}",
            code="in_use",
        )


def _require_consent(chosen: Settings, found: "Found", file: Path, *, replace: bool) -> None:
    if found.services:
        raise Failure(
            f"A service works on {chosen.database_name}: it has {found.services} connections there.",
            mend="Stop every service on that database first.",
            code="in_use",
        )
    if found.filled and not replace:
        raise Failure(
            f"{chosen.database_name} is not empty: {', '.join(found.filled)} hold rows, which would be deleted.",
            mend=f"If that is what you want: {coord(f'restore {file} --replace')}",
            exit_code=USAGE,
            code="consent",
        )
