"""The database that commands work on which need no service: DATABASE_URL, else the embedded one of the data folder."""

from collections.abc import Generator
from contextlib import contextmanager

from coordination.cli.output import Failure, progress
from coordination.settings import Settings


@contextmanager
def database(chosen: Settings, *, quiet: bool) -> Generator[str]:
    """Yield the DSN of a database that answers; the embedded one is stopped again if it was started here."""
    if chosen.dsn is not None:
        yield chosen.dsn
        return
    from coordination.embedded import EmbeddedPostgres, PostgresUnavailable  # noqa: PLC0415 - only here it is needed

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
