"""Writing a backup and loading one, by pg_dump, pg_restore and psql.

A backup is an archive of pg_dump's custom format with the rows of our tables and the revision they are of, from one
snapshot: the service works on meanwhile. It appears under its name when it is whole, readable for its owner alone.

It is loaded in one transaction or not at all. pg_restore writes what it holds as SQL, and psql runs that: pg_restore
itself would tell an older server settings that it does not know, and stop there.
"""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from coordination.app.postgres_programs import Programs, address
from coordination.store.backup import FENCING, RAISE, Found, emptying
from coordination.store.schema_version import VERSION_TABLE

LOCK_WAIT: Final = "10s"
PREAMBLE_LINES: Final = 60
"""Within so many lines of its SQL pg_restore makes its settings."""
TOO_NEW: Final = b"SET transaction_timeout = 0;\n"
"""A setting that servers before Postgres 17 do not know; 0 is its default."""
_CHUNK: Final = 1 << 20


class BackupFailed(Exception):
    """A program of Postgres failed; the message is its own."""


def write(dsn: str, found: Found, programs: Programs, file: Path) -> int:
    """Write a backup.

    Args:
        dsn: the database.
        found: what of ours it holds.
        programs: those that fit its server.
        file: where; nothing must be there.

    Returns:
        Its size in bytes.

    Raises:
        BackupFailed: pg_dump failed; no file is left.
        OSError: the file cannot be written, or is there (FileExistsError).
    """
    url, environment = address(dsn)
    tables = [f"--table=public.{name}" for name in (*found.tables, FENCING)]
    if file.exists():
        raise FileExistsError(f"{file} is there already")
    descriptor, part = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    os.close(descriptor)
    try:
        options = ["--format=custom", "--data-only", f"--lock-wait-timeout={LOCK_WAIT}", f"--file={part}"]
        _run([programs.path("pg_dump"), *options, *tables, f"--dbname={url}"], environment)
        os.rename(part, file)
        return file.stat().st_size
    finally:
        with suppress(FileNotFoundError):
            os.unlink(part)


def revision_of(file: Path, programs: Programs) -> str:
    """Return the revision that a backup's rows are of.

    Raises:
        BackupFailed: it is no backup of ours, or these programs cannot read it.
    """
    told = _run([programs.path("pg_restore"), f"--table={VERSION_TABLE}", "--file=-", str(file)], _plain())
    lines = iter(told.splitlines())
    for line in lines:
        if line.startswith(f"COPY public.{VERSION_TABLE} "):
            return next(lines)
    raise BackupFailed(f"{file} is an archive of pg_dump, but holds no revision of our schema.")


def load(dsn: str, found: Found, token: int, programs: Programs, file: Path) -> None:
    """Load a backup into a database at its revision, in the place of whatever its tables hold.

    Args:
        dsn: the database.
        found: what of ours it holds now.
        token: the highest fencing token that it had before.
        programs: those that fit its server.
        file: the backup.

    Raises:
        BackupFailed: a program failed; nothing was changed.
    """
    url, environment = address(dsn)
    options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    options += [f"--set=before={token}", "--output=/dev/null", f"--dbname={url}"]
    with tempfile.TemporaryFile() as errors:
        reading = subprocess.Popen(  # noqa: S603 - one of the programs that were found
            [programs.path("pg_restore"), "--file=-", str(file)],
            env=_plain(),
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        writing = subprocess.Popen(  # noqa: S603 - as above
            [programs.path("psql"), *options], env=environment, stdin=subprocess.PIPE, stderr=errors
        )
        try:
            _feed(reading, writing, found)
            if writing.wait() != 0:
                raise BackupFailed(_words(errors))
        except (BrokenPipeError, BackupFailed) as error:
            raise BackupFailed(_words(errors)) from error
        finally:
            # What was not told everything must not commit, and the end of its input would have it do so.
            for program in (writing, reading):
                program.kill()
                program.wait()
            for pipe in (reading.stdout, writing.stdin):
                with suppress(BrokenPipeError):
                    if pipe is not None:
                        pipe.close()


def _feed(reading: "subprocess.Popen[bytes]", writing: "subprocess.Popen[bytes]", found: Found) -> None:
    """Give psql all that it is to run, and then the end.

    Raises:
        BackupFailed: the archive could not be read to its end.
        BrokenPipeError: psql ended before.
    """
    source, sink = reading.stdout, writing.stdin
    if source is None or sink is None:
        raise RuntimeError("both are pipes")
    sink.write(emptying(found.tables).encode())
    for _ in range(PREAMBLE_LINES):
        line = source.readline()
        sink.write(b"" if line == TOO_NEW else line)
    while chunk := source.read(_CHUNK):
        sink.write(chunk)
    if reading.wait() != 0:
        raise BackupFailed("pg_restore could not read the archive")
    sink.write(RAISE.encode())
    sink.close()


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - as above
    if done.returncode != 0:
        raise BackupFailed(done.stderr.strip() or f"{command[0]} ended with {done.returncode}")
    return done.stdout


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _words(errors: IO[bytes]) -> str:
    errors.seek(0)
    return errors.read().decode(errors="replace").strip() or "psql ended without a word"
