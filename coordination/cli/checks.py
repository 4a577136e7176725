"""What `coord doctor` looks at on this machine and in the database: folders, Postgres, schema, clocks, port.

Each check answers in one line, and when it fails says how to mend it. A check that cannot be made because an earlier
one failed is skipped, never passed. Looking changes nothing. What clients see is in `endpoint_checks`.
"""

import asyncio
import os
import shlex
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from coordination.app import port
from coordination.app.running import RunningService
from coordination.cli.output import Failure
from coordination.cli.place import coord
from coordination.domain import database_url
from coordination.settings import VARIABLES, Settings

CLOCK_SECONDS: Final = 2.0
"""How far the clocks may be apart: beyond that, times that people read are misleading."""

State = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    Attributes:
        name: what was looked at, in a word or two.
        state: how it is.
        found: what was seen, in plain words.
        mend: what to do when it failed, else "".
    """

    name: str
    state: State
    found: str
    mend: str = ""

    def as_json(self) -> dict[str, object]:
        """The same for machines."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Look:
    """What one connection to the database told.

    Attributes:
        revision: the schema's revision, None when it was never migrated.
        policies: whether Supabase's roles have their policies: applied, absent or not needed.
        realtime: whether events can be broadcast: sending, absent, no policies; off when nobody asked for it.
        ahead_seconds: how far the database's clock is ahead of ours.
    """

    revision: str | None
    policies: str
    realtime: str
    ahead_seconds: float


def machine_checks(chosen: Settings, service: RunningService | None) -> Iterator[Check]:
    """Look at the folders, the port, the database, its schema and its clock."""
    yield _data_folder(chosen.data_dir)
    yield _folder("log folder", chosen.log_file.parent if chosen.log_file else chosen.data_dir / "logs")
    yield _port(chosen, service)
    database, dsn = _database(chosen) if service is None else _database_of(chosen, service)
    looked = None
    if dsn is not None:
        try:
            looked = asyncio.run(_look(dsn, chosen))
        except Failure as failure:
            database = Check("database", "failed", failure.message, failure.mend)
    yield _connection(chosen)
    yield database
    migrations = _migrations(looked)
    yield migrations
    yield _policies(looked if migrations.state == "ok" else None)
    yield _realtime(looked)
    yield _clock(looked)


def trouble(chosen: Settings) -> str:
    """Return why a database of one's own cannot be worked on, "" when it answers, or when it is the embedded one."""
    if chosen.dsn is None:
        return ""
    try:
        asyncio.run(_look(chosen.dsn, chosen))
    except Failure as failure:
        return failure.message
    return ""


def _data_folder(folder: Path) -> Check:
    check = _folder("data folder", folder)
    if check.state == "ok" and folder.is_dir() and folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        found = f"{folder}: others may write into it, and put their own files in place of the service's"
        return Check(check.name, "failed", found, f"Close it: chmod 700 {shlex.quote(str(folder))}")
    return check


def _folder(name: str, folder: Path) -> Check:
    existing = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        elsewhere = coord("up", **{VARIABLES["data_dir"]: "folder"})
        mend = f"Make {existing} writable for you, or choose another: {elsewhere}"
        return Check(name, "failed", f"{folder} cannot be written: {error.strerror}", mend)
    return Check(name, "ok", f"{folder}{'' if existing == folder else ' (will be made)'}")


def _port(chosen: Settings, service: RunningService | None) -> Check:
    if service is not None:
        return Check("port", "ok", f"{service.port}, ours: process {service.pid}")
    if chosen.port == 0 or port.is_free(chosen.host, chosen.port):
        return Check("port", "ok", f"{chosen.port or 'any'}, free")
    found = port.holder(chosen.port)
    who = f"{found.name}, process {found.pid}" if found else "a program of another user"
    free = port.free_port(chosen.host, max(chosen.port, 1024))
    return Check(
        "port",
        "failed",
        f"{chosen.port} is taken by {who}",
        f"Take another: {coord('up', PORT=str(free or 0))}",
    )


def _connection(chosen: Settings) -> Check:
    """Say how the database is reached, and what of that cannot go well; nothing is connected."""
    if chosen.dsn is None:
        return Check("connection", "ok", "by a private socket")
    url = database_url.read(chosen.dsn)
    # Render sets it for every program that runs there.
    told, mend = database_url.advice(url, chosen.pooler_mode, on_render="RENDER" in os.environ) or ("", "")
    found = [told, database_url.security(url)]
    if chosen.transaction_pooler:
        found.append("transaction mode declared: events are looked for once a second")
    return Check("connection", "failed" if mend else "ok", "; ".join(one for one in found if one), mend)


def _database_of(chosen: Settings, service: RunningService) -> tuple[Check, str | None]:
    """The same when a service runs: what counts is the database that it was started with."""
    if service.database == chosen.database_name:
        return _database(chosen)
    found = f"the service was started with {service.database}, and these settings name {chosen.database_name}"
    mend = (
        f"Set {VARIABLES['database_url']} as it was there, or start it anew: {coord('down')} && {coord('up')}"
    )
    return Check("database", "failed", found, mend), None


def _database(chosen: Settings) -> tuple[Check, str | None]:
    """Return what can be said before connecting, and where to connect."""
    if chosen.dsn is not None:
        return Check("database", "ok", "your own answers"), chosen.dsn
    from coordination.embedded import EmbeddedPostgres, PostgresUnavailable  # noqa: PLC0415 - not with one's own

    postgres = EmbeddedPostgres(chosen.data_dir)
    try:
        version = postgres.version
    except PostgresUnavailable as error:
        return Check("database", "failed", error.reason, str(error).splitlines()[-1]), None
    if postgres.pid is None:
        return Check("database", "skipped", f"embedded Postgres {version}, starts with the service"), None
    return Check("database", "ok", f"embedded Postgres {version}, process {postgres.pid}"), postgres.dsn


async def _look(dsn: str, chosen: Settings) -> _Look:
    from coordination.app.redaction import redact  # noqa: PLC0415 - with the rest, only when there is a database
    from coordination.domain.errors import RetryLater  # noqa: PLC0415 - as above
    from coordination.store import clock, realtime, row_policies, schema_version  # noqa: PLC0415 - as above
    from coordination.store.away import why_away  # noqa: PLC0415 - as above
    from coordination.store.database import UNREACHABLE, Database  # noqa: PLC0415 - as above

    database = Database(dsn, size=1, transaction_pooler=chosen.transaction_pooler)
    try:
        revision = await schema_version.applied(database)
        policies = await row_policies.look(database)
        broadcast = await realtime.look(database) if chosen.realtime == "on" else "off"
        before = datetime.now(UTC)
        theirs = await clock.now(database)
        ours = before + (datetime.now(UTC) - before) / 2
    except Exception as error:
        cause = error.__cause__ if isinstance(error, RetryLater) and error.__cause__ else error
        mend = f"Is it running, and is {VARIABLES['database_url']} right? See: {coord('config show')}"
        away = isinstance(cause, UNREACHABLE)
        said = why_away(cause, dsn) if away else redact(str(cause) or type(cause).__name__)
        raise Failure(f"it does not answer: {said}", mend=mend) from error
    finally:
        await database.close()
    return _Look(revision, policies, broadcast, (theirs - ours).total_seconds())


def _migrations(looked: _Look | None) -> Check:
    if looked is None:
        return Check("migrations", "skipped", "no database to look at")
    from coordination.store import schema_version  # noqa: PLC0415 - it loads the database driver

    known = schema_version.known()
    if looked.revision == known[-1]:
        return Check("migrations", "ok", f"at the newest revision, {known[-1]}")
    if looked.revision is None or looked.revision in known:
        found = f"at {looked.revision or 'no revision'}, the newest is {known[-1]}"
        return Check("migrations", "failed", found, f"Bring it there: {coord('migrate')}")
    found = f"at {looked.revision}, which a newer release made; this one knows {known[-1]}"
    return Check("migrations", "ok", found)


def _policies(looked: _Look | None) -> Check:
    if looked is None:
        return Check("row policies", "skipped", "no migrated database to look at")
    if looked.policies == "applied":
        return Check("row policies", "ok", "members read their workspaces through Supabase's API")
    if looked.policies == "not needed":
        return Check("row policies", "ok", "not needed: this is no Supabase")
    found = "absent: the roles of Supabase's API came after the schema, and read nothing"
    return Check("row policies", "failed", found, f"Apply them: {coord('migrate')}")


def _realtime(looked: _Look | None) -> Check:
    if looked is None:
        return Check("realtime", "skipped", "no database to look at")
    if looked.realtime == "absent":
        mend = f"It is Supabase's. Leave it out: unset {VARIABLES['realtime']}"
        return Check(
            "realtime", "failed", "this database has no realtime.send, so nothing is broadcast", mend
        )
    if looked.realtime == "no policies":
        found = "nothing confines it to the members of a workspace, so nothing is broadcast"
        mend = f"Apply the policies, as a role that may make some on realtime.messages: {coord('migrate')}"
        return Check("realtime", "failed", found, mend)
    told = {
        "off": "off: nothing is broadcast",
        "sending": "events are broadcast to the members of their workspace",
    }
    return Check("realtime", "ok", told[looked.realtime])


def _clock(looked: _Look | None) -> Check:
    if looked is None:
        return Check("clock", "skipped", "no database to look at")
    apart = looked.ahead_seconds
    found = f"the database is {abs(apart):.2f} s {'ahead' if apart > 0 else 'behind'}"
    if abs(apart) <= CLOCK_SECONDS:
        return Check("clock", "ok", found)
    mend = (
        "Have both machines set their clocks by NTP (on Linux: timedatectl set-ntp true). "
        "Leases end by the database's clock and stay right meanwhile; only times that people read are off."
    )
    return Check("clock", "failed", found, mend)
