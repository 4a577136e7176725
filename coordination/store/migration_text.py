"""The revisions as SQL to read, to paste into an editor, or to push with another tool; nothing here touches a database.

Each revision is one statement that looks first which revision the database is at. So whoever comes second, by whatever
way, finds what the first one applied and does nothing: `coord migrate`, `up.sql` in an SQL editor, and the files of
`supabase/migrations` know each other by the version table alone.
"""

import io
import re
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from coordination.store.schema_version import VERSION_TABLE, folder, known

TABLE_LOCK_SECONDS: Final = 5.0
_LOCK: Final = 20261120

_STEP: Final = """\
-- Revision {revision}: does nothing where it, or a later one, was applied already.
DO $coordination$
DECLARE
    v_present text;{declarations}
BEGIN
{settings}    IF to_regclass('public.{table}') IS NOT NULL THEN
        SELECT version_num INTO v_present FROM public.{table};
    END IF;
    IF v_present COLLATE "C" >= '{revision}' THEN
        RETURN;
    END IF;
    IF v_present IS DISTINCT FROM {before} THEN
        RAISE EXCEPTION 'revision {revision} follows %, and this database is at %',
            coalesce({before}, 'nothing'), coalesce(v_present, 'no revision');
    END IF;
{entering}{statements}
{leaving}END
$coordination$;
"""
# Another tool's transaction begins without what `opening` says, and goes on with statements of its own.
_DECLARATIONS: Final = "\n    v_search_path text := current_setting('search_path');"
_SETTINGS: Final = f"""\
    PERFORM set_config('client_min_messages', 'warning', true), set_config('check_function_bodies', 'off', true),
            set_config('statement_timeout', '0', true), set_config('lock_timeout', '60s', true);
    PERFORM pg_advisory_xact_lock({_LOCK});
    PERFORM set_config('lock_timeout', '{round(TABLE_LOCK_SECONDS * 1000)}ms', true);
"""
_ENTERING: Final = "    PERFORM set_config('search_path', 'public', true);\n"
_LEAVING: Final = "    PERFORM set_config('search_path', v_search_path, true);\n"


def opening(table_lock_seconds: float = TABLE_LOCK_SECONDS) -> tuple[str, ...]:
    """Return what every migrating transaction begins with: no setting of the role or database may matter."""
    return (
        # Under any other level the second of two servers would not see what the first did while it waited.
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
        "SET LOCAL search_path = public",
        "SET LOCAL client_min_messages = warning",
        "SET LOCAL statement_timeout = 0",
        "SET LOCAL check_function_bodies = off",
        "SET LOCAL lock_timeout = '60s'",
        f"SELECT pg_advisory_xact_lock({_LOCK})",
        f"SET LOCAL lock_timeout = '{round(table_lock_seconds * 1000)}ms'",
    )


def config(
    connection: Connection | None = None, output: io.StringIO | None = None, *, to_base: bool = False
) -> Config:
    """Return how Alembic finds the revisions, and what `env.py` is given."""
    made = Config(output_buffer=output) if output is not None else Config()
    made.set_main_option("script_location", str(folder()).replace("%", "%%"))
    made.attributes["connection"] = connection
    made.attributes["version_table"] = VERSION_TABLE
    made.attributes["opening"] = opening()
    made.attributes["to_base"] = to_base
    return made


def script(to: str = "head") -> str:
    """Return the SQL that brings a database to revision `to`: empty, the guide's, or at an older revision."""
    wanted = known() if to == "head" else known()[: known().index(to) + 1]
    settings = "".join(f"{statement};\n" for statement in opening())
    return f"BEGIN;\n\n{settings}\n" + "\n".join(step(revision) for revision in wanted) + "\nCOMMIT;\n"


def step(revision: str, *, alone: bool = False) -> str:
    """Return one revision as one statement that recognises what was applied.

    Args:
        revision: which one.
        alone: the statement brings its own settings and lock, for a transaction that others began.
    """
    before = known().index(revision) - 1
    return _STEP.format(
        revision=revision,
        before=f"'{known()[before]}'" if before >= 0 else "NULL",
        table=VERSION_TABLE,
        declarations=_DECLARATIONS if alone else "",
        settings=_SETTINGS if alone else "",
        entering=_ENTERING if alone else "",
        leaving=_LEAVING if alone else "",
        statements=statements(revision),
    )


def statements(revision: str) -> str:
    """Return what a revision does, without the transaction around it and without looking first."""
    output = io.StringIO()
    before = known().index(revision) - 1
    start = known()[before] if before >= 0 else "base"
    command.upgrade(config(output=output), f"{start}:{revision}", sql=True)
    *_, last = opening()
    written = output.getvalue().partition(f"{last};")[2].removesuffix("COMMIT;\n\n")
    # Inside of a statement nobody takes what another one returns.
    written = written.replace(f" RETURNING public.{VERSION_TABLE}.version_num;", ";")
    return re.sub(r"\n{3,}", "\n\n", written).strip()


def down_script() -> str:
    """Return the SQL that takes a database from the newest revision back to none."""
    output = io.StringIO()
    command.downgrade(config(output=output, to_base=True), f"{known()[-1]}:base", sql=True)
    return output.getvalue()
