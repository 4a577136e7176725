"""Through a real PgBouncer: in session mode all is as without it, in transaction mode the declared mode keeps it so.

Every test in transaction mode has fewer backends than connections, so that calls meet backends which others have used.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from urllib.parse import urlsplit

import asyncpg
import pytest

from coordination.domain.errors import CheckoutTaken, RetryLater
from coordination.domain.file_lock import Granted
from coordination.services import file_lock
from coordination.services.core import Core
from coordination.services.event import read_events
from coordination.store import connection, migration
from coordination.store import database as store
from coordination.store.database import Database
from tests.acceptance.supabase import pgbouncer
from tests.acceptance.supabase.cluster import Cluster
from tests.acceptance.supabase.conftest import here
from tests.integration.services.terminal import until_listening, waiting
from tests.integration.store.steps import agent, granted, leases, try_claim

pytestmark = pytest.mark.acceptance
AGENTS = [agent(f"impl_{number}") for number in range(12)]
ROUNDS = 5
HELD_BY = "SELECT name, setting FROM pg_settings WHERE name = ANY ($1)"


@pytest.fixture
def project(clusters: Callable[[int], Cluster]) -> Generator[str]:
    """The URL of a migrated database without a pooler."""
    here(pgbouncer.installed)
    with clusters(15).database(migrated=True) as dsn:
        yield dsn


@pytest.fixture
def empty(clusters: Callable[[int], Cluster]) -> Generator[str]:
    """The URL of a database in which nothing of ours is."""
    here(pgbouncer.installed)
    with clusters(15).database() as dsn:
        yield dsn


@pytest.fixture(params=["session", "transaction"])
def mode(request: pytest.FixtureRequest) -> str:
    """How the pooler works."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def through(project: str, mode: str) -> Generator[str]:
    """The URL of the same database through the pooler."""
    # In session mode each connection keeps a backend: ours, those of the feeds, and those of two services.
    with pgbouncer.pooled(project, mode, backends=20 if mode == "session" else pgbouncer.BACKENDS) as dsn:
        yield dsn


@pytest.fixture
async def services(through: str, mode: str) -> AsyncGenerator[tuple[Core, Core]]:
    """Two services on it, as they are told to be in that mode."""
    first, second = (Core(through, pool_size=6, transaction_pooler=mode == "transaction") for _ in range(2))
    async with first.running(), second.running():
        yield first, second


async def test_claims_under_concurrency_are_granted_to_one_at_a_time_and_waiters_get_their_turn(
    services: tuple[Core, Core],
) -> None:
    async def work(number: int) -> int:
        core, turns = services[number % 2], 0
        for _ in range(ROUNDS):
            outcome = await waiting(core, AGENTS[number], "shared.py", seconds=45)
            assert isinstance(outcome, Granted)
            assert len(await leases(core.database)) == 1
            await file_lock.release(core, AGENTS[number], None)
            turns += 1
        return turns

    done = await asyncio.gather(*(work(number) for number in range(len(AGENTS))))
    assert done == [ROUNDS] * len(AGENTS)


async def test_events_of_one_service_reach_the_readers_of_the_other(services: tuple[Core, Core]) -> None:
    first, second = services
    reading = asyncio.create_task(read_events(second, "local", "demo", 0, 10, wait_seconds=10))
    await granted(first.database, AGENTS[0], "a.py")
    first.feed.announce("local", "demo", freed=False)
    assert [event.kind for event in await reading][-1] == "lock.claimed"


async def test_only_where_sessions_are_kept_notifications_are_taken(
    services: tuple[Core, Core], mode: str
) -> None:
    if mode == "session":
        await until_listening(services[0], services[0].database)
    # It has looked since, and taken a claim, with which it would have been told to begin.
    reading = read_events(services[0], "local", "demo", 0, 10, wait_seconds=10)
    claimed = granted(services[1].database, AGENTS[0], "a.py")
    events, _ = await asyncio.gather(reading, claimed)
    assert events
    assert services[0].feed.listening == (mode == "session")


async def test_calls_that_meet_go_as_a_group_and_one_that_is_refused_spoils_no_other(
    services: tuple[Core, Core],
) -> None:
    database = services[0].database
    here, elsewhere = agent("owner", checkout="c" * 16), agent("late", session="other", checkout="c" * 16)
    await granted(database, here, "a.py")
    claims = [try_claim(database, one, f"{one.name}.py") for one in AGENTS]
    outcomes = await asyncio.gather(*claims, try_claim(database, elsewhere, "b.py"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Granted] * len(AGENTS) + [CheckoutTaken]
    assert len(await leases(database)) == len(AGENTS) + 1


async def test_every_call_runs_under_our_settings_on_whatever_backend(
    services: tuple[Core, Core],
) -> None:
    database = services[0].database
    settings = [*connection.SERVER_SETTINGS, "transaction_isolation"]
    settings.remove("application_name")
    answers = await asyncio.gather(*(database.fetch(HELD_BY, settings) for _ in range(30)))
    assert {tuple(sorted(map(tuple, rows))) for rows in answers} == {
        (
            ("TimeZone", "UTC"),
            ("default_transaction_isolation", "read committed"),
            ("idle_in_transaction_session_timeout", "1000"),
            ("jit", "off"),
            ("lock_timeout", "1500"),
            ("search_path", "public"),
            ("statement_timeout", "1800"),
            ("synchronous_commit", "on"),
            ("transaction_isolation", "read committed"),
        )
    }


async def test_a_role_that_is_set_otherwise_changes_nothing(
    clusters: Callable[[int], Cluster], through: str, mode: str
) -> None:
    here_alone = f"ALTER ROLE postgres IN DATABASE {urlsplit(through).path.strip('/')} SET"
    await asyncio.to_thread(
        clusters(15).administer,
        "postgres",
        f"{here_alone} default_transaction_isolation = 'serializable'",
        f"{here_alone} search_path = 'pg_temp'",
    )
    database = Database(through, transaction_pooler=mode == "transaction")
    assert isinstance(await try_claim(database, AGENTS[0], "a.py"), Granted)
    await database.close()


async def test_nothing_is_left_on_a_backend_that_others_use_after_us(through: str, mode: str) -> None:
    if mode == "session":
        pytest.skip("PgBouncer resets a backend when its client goes")
    database = Database(through, transaction_pooler=True)
    await asyncio.gather(*(try_claim(database, one, f"{one.name}.py") for one in AGENTS))
    await database.close()
    raw = await asyncpg.connect(through, statement_cache_size=0)
    rows = await raw.fetch("SELECT source FROM pg_settings WHERE name = ANY ($1)", ["lock_timeout", "jit"])
    prepared = await raw.fetchval("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''")
    await raw.close()
    assert ({row[0] for row in rows}, prepared) == ({"default"}, 0)


async def test_with_the_statement_cache_on_calls_fail_in_transaction_mode(
    through: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "session":
        pytest.skip("there it is on")

    async def ask_twice() -> None:
        """Ask the same on two backends: the second time somebody else has the one of the first time."""
        one, other = (Database(through, size=1, transaction_pooler=True) for _ in range(2))
        try:
            first = await one.fetch("SELECT pg_backend_pid()")
            async with other.connection() as lent:
                assert await lent.fetchval("SELECT pg_backend_pid() AS same") == first[0][0]
                assert await one.fetch("SELECT pg_backend_pid()") != first
        finally:
            await one.close()
            await other.close()

    await ask_twice()
    monkeypatch.setitem(store._NOTHING_KEPT, "statement_cache_size", 100)
    with pytest.raises(asyncpg.InvalidSQLStatementNameError):
        await ask_twice()


async def test_a_call_that_is_not_finished_holds_its_session_for_no_longer_than_a_second(
    through: str, mode: str
) -> None:
    if mode == "session":
        pytest.skip("there a call is one message")
    stopped, others = (Database(through, transaction_pooler=True) for _ in range(2))
    with pytest.raises(RetryLater):
        async with stopped.connection() as lent:
            await lent.execute("SELECT coordination_lock_session('local', 'demo')")
            assert isinstance(await try_claim(others, AGENTS[0], "a.py"), Granted)
    assert isinstance(await try_claim(stopped, AGENTS[1], "b.py"), Granted)
    await stopped.close()
    await others.close()


async def test_tokens_grow_over_a_restored_database_on_backends_that_were_not_there_before(
    project: str, through: str, mode: str
) -> None:
    database = Database(through, transaction_pooler=mode == "transaction")
    before = (await granted(database, AGENTS[0], "a.py")).granted_tokens[0]
    raw = await asyncpg.connect(project)
    # What a restore does: the sequence is that of an old copy, and nobody has the connections of before.
    await raw.execute("SELECT setval('coordination_fencing_token', 7)")
    await raw.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )
    await raw.close()
    outcome = None
    async with asyncio.timeout(10):
        while outcome is None:
            with suppress(RetryLater):
                outcome = await granted(database, AGENTS[0], "b.py")
    assert outcome.granted_tokens[0] > before
    await database.close()


async def test_migrations_and_their_verification_work_through_it(empty: str, mode: str) -> None:
    with pgbouncer.pooled(empty, mode) as through:
        # Twice each: what the first left on a backend must not be in the second one's way.
        assert await migration.migrate(through) == (None, migration.head())
        assert await migration.migrate(through) == (migration.head(), migration.head())
        assert await migration.verify(through) == ()
        assert await migration.verify(through) == ()
        assert await migration.migrate(through, "base") == (migration.head(), None)
