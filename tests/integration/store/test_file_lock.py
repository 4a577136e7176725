"""Claims on a real Postgres: who wins, all or nothing, expiry, trees, checkouts."""

import asyncio

import asyncpg
import pytest

from coordination.domain.file_lock import Granted, Lost, Operation, Released, Renewed, Wait
from coordination.store import file_lock
from coordination.store.database import Database
from tests.integration.store.steps import agent, expire, granted, held, kinds, wanted


async def test_second_writer_is_told_who_holds_the_file(database: Database) -> None:
    lease = (await granted(database, agent("impl_a"), "src/a.py")).leases[0]
    refused = await held(database, agent("impl_b"), "src/a.py")
    assert [(c.path, c.wanted, c.agent_id, c.fencing_token) for c in refused.conflicts] == [
        ("src/a.py", "src/a.py", "alice/impl_a", lease.fencing_token)
    ]
    assert refused.queue_position == 1
    assert refused.ticket is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("src", "src/a.py"),
        ("src/a.py", "src"),
        (".", "src/a.py"),
        ("src/a.py", "."),
        ("SRC/A.py", "src/a.PY"),
        ("src/./a.py", "src//a.py"),
        ("src/**", "src/deep/er/a.py"),
        ("caf\u00e9.py", "cafe\u0301.py"),
        ("resource:port", "resource:port/5432"),
    ],
)
async def test_paths_that_cover_each_other_conflict(database: Database, first: str, second: str) -> None:
    await granted(database, agent("impl_a"), first)
    refused = await held(database, agent("impl_b"), second)
    assert refused.conflict_count == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a.py", "src/a.py"),
        ("src", "src2/a.py"),
        ("src", "src.py"),
        ("src/a", "src/a.py"),
        ("app/[id]/page.tsx", "app/i/page.tsx"),
        (".", "resource:port/5432"),
        ("resource:port/5432", "resource:port/54320"),
    ],
)
async def test_paths_that_only_look_alike_do_not_conflict(
    database: Database, first: str, second: str
) -> None:
    await granted(database, agent("impl_a"), first)
    await granted(database, agent("impl_b"), second)


async def test_claim_of_several_paths_is_all_or_nothing(database: Database) -> None:
    await granted(database, agent("impl_a"), "b.py")
    await held(database, agent("impl_b"), "a.py", "b.py", "c.py")
    rows = await database.fetch("SELECT file_path FROM file_locks WHERE agent_id = 'alice/impl_b'")
    assert rows == []
    assert (await kinds(database)).count("lock.claimed") == 1


async def test_readers_share_and_a_writer_waits_for_all_of_them(database: Database) -> None:
    for name in ("impl_a", "impl_b"):
        await granted(database, agent(name), "a.py", operation=Operation.READ)
    refused = await held(database, agent("impl_c"), "a.py")
    assert {conflict.agent_id for conflict in refused.conflicts} == {"alice/impl_a", "alice/impl_b"}


async def test_claiming_again_extends_keeps_the_token_and_never_shortens(database: Database) -> None:
    first = await granted(database, agent("impl_a"), "a.py")
    shorter = await file_lock.claim(database, agent("impl_a"), wanted("a.py", minutes=1), Wait.NO)
    assert isinstance(shorter, Granted)
    assert shorter.granted_tokens == ()
    assert shorter.leases[0].fencing_token == first.leases[0].fencing_token
    assert shorter.leases[0].expires_at == first.leases[0].expires_at
    longer = await file_lock.claim(database, agent("impl_a"), wanted("a.py", minutes=60), Wait.NO)
    assert isinstance(longer, Granted)
    assert longer.leases[0].expires_at > first.leases[0].expires_at


async def test_upgrade_from_read_is_a_new_grant(database: Database) -> None:
    read = await granted(database, agent("impl_a"), "a.py", operation=Operation.READ)
    write = await granted(database, agent("impl_a"), "a.py")
    assert write.leases[0].fencing_token > read.leases[0].fencing_token
    rows = await database.fetch("SELECT operation, slot FROM file_locks WHERE path_key = 'a.py'")
    assert [tuple(row) for row in rows] == [("write", "")]


async def test_upgrade_loses_against_another_reader(database: Database) -> None:
    for name in ("impl_a", "impl_b"):
        await granted(database, agent(name), "a.py", operation=Operation.READ)
    refused = await held(database, agent("impl_a"), "a.py")
    assert [conflict.agent_id for conflict in refused.conflicts] == ["alice/impl_b"]


async def test_expired_lease_is_free_for_everybody_at_once(database: Database) -> None:
    old = await granted(database, agent("impl_a"), "src/a.py")
    await expire(database, "src/a.py")
    new = await granted(database, agent("impl_b"), "src/a.py")
    assert new.leases[0].fencing_token > old.leases[0].fencing_token
    assert new.previous_holders == {"src/a.py": "alice/impl_a"}
    assert (await kinds(database))[-2:] == ["lock.expired", "lock.claimed"]


async def test_claim_of_a_tree_removes_the_expired_file_below_it(database: Database) -> None:
    await granted(database, agent("impl_a"), "src/a.py")
    await expire(database, "src/a.py")
    await granted(database, agent("impl_b"), "src")
    rows = await database.fetch("SELECT file_path, agent_id FROM file_locks")
    assert [tuple(row) for row in rows] == [("src", "alice/impl_b")]


async def test_expired_lease_is_never_renewed_even_when_nobody_took_it(database: Database) -> None:
    await granted(database, agent("impl_a"), "a.py")
    await expire(database, "a.py")
    renewed = await file_lock.renew(database, agent("impl_a"), ["a.py"], None, 900)
    assert renewed == Lost(outcome="lost", lost=("a.py",), held=())
    released = await file_lock.release(database, agent("impl_a"), ["a.py"], None)
    assert isinstance(released, Lost)


async def test_holder_that_claims_an_expired_lease_again_gets_a_new_grant(database: Database) -> None:
    old = await granted(database, agent("impl_a"), "a.py")
    await expire(database, "a.py")
    new = await granted(database, agent("impl_a"), "a.py")
    assert new.granted_tokens == (new.leases[0].fencing_token,)
    assert new.leases[0].fencing_token > old.leases[0].fencing_token


async def test_renew_and_release_with_a_stale_token_are_refused(database: Database) -> None:
    old = await granted(database, agent("impl_a"), "a.py")
    stale = [old.leases[0].fencing_token]
    await file_lock.release(database, agent("impl_a"), ["a.py"], stale)
    await granted(database, agent("impl_a"), "a.py")
    assert isinstance(await file_lock.renew(database, agent("impl_a"), ["a.py"], stale, 900), Lost)
    assert isinstance(await file_lock.release(database, agent("impl_a"), ["a.py"], stale), Lost)
    assert isinstance(await file_lock.renew(database, agent("impl_a"), ["a.py"], None, 900), Renewed)


async def test_nobody_can_release_or_renew_for_another(database: Database) -> None:
    token = (await granted(database, agent("impl_a"), "a.py")).leases[0].fencing_token
    for tokens in (None, [token]):
        assert isinstance(await file_lock.release(database, agent("impl_b"), ["a.py"], tokens), Lost)
        assert isinstance(await file_lock.renew(database, agent("impl_b"), ["a.py"], tokens, 900), Lost)


async def test_release_of_several_is_all_or_nothing(database: Database) -> None:
    await granted(database, agent("impl_a"), "a.py")
    lost = await file_lock.release(database, agent("impl_a"), ["a.py", "b.py"], None)
    assert lost == Lost(outcome="lost", lost=("b.py",), held=("a.py",))
    released = await file_lock.release(database, agent("impl_a"), None, None)
    assert isinstance(released, Released)
    assert [lease.path for lease in released.leases] == ["a.py"]


async def test_tokens_grow_over_release_expiry_and_revoke(database: Database) -> None:
    tokens: list[int] = []
    for turn in range(6):
        tokens += (await granted(database, agent(f"impl_{turn}"), "a.py")).granted_tokens
        if turn % 3 == 0:
            await file_lock.release(database, agent(f"impl_{turn}"), None, None)
        elif turn % 3 == 1:
            await expire(database, "a.py")
        else:
            await file_lock.revoke(database, "local", "demo", "alice", ["a.py"], None)
    assert tokens == sorted(set(tokens))


async def test_revoked_holder_is_concerned(database: Database) -> None:
    await granted(database, agent("impl_a"), "a.py", "b.py")
    taken = await file_lock.revoke(database, "local", "demo", "alice", None, "alice/impl_a")
    assert [lease.path for lease in taken] == ["a.py", "b.py"]
    rows = await database.fetch(
        "SELECT concerns, agent_id FROM coordination_events WHERE kind = 'lock.revoked'"
    )
    assert [(list(row["concerns"]), row["agent_id"]) for row in rows] == [(["alice/impl_a"], "alice")]


async def test_other_checkout_is_granted_with_a_warning(database: Database) -> None:
    await granted(database, agent("impl_a", checkout="aaaaaaaaaaaa"), "src/a.py")
    other = await granted(database, agent("impl_b", checkout="bbbbbbbbbbbb"), "src")
    assert [(w.path, w.locked_by, w.checkout) for w in other.warnings] == [
        ("src/a.py", "alice/impl_a", "aaaaaaaaaaaa")
    ]


async def test_unknown_checkout_conflicts_with_every_checkout(database: Database) -> None:
    await granted(database, agent("impl_a", checkout="aaaaaaaaaaaa"), "a.py")
    await held(database, agent("impl_b"), "a.py")
    await granted(database, agent("impl_b"), "b.py")
    await held(database, agent("impl_a", checkout="aaaaaaaaaaaa"), "b.py")


async def test_named_resource_is_session_wide(database: Database) -> None:
    await granted(database, agent("impl_a", checkout="aaaaaaaaaaaa"), "resource:port/5432")
    await held(database, agent("impl_b", checkout="bbbbbbbbbbbb"), "resource:port/5432")


async def test_sessions_do_not_meet(database: Database) -> None:
    await granted(database, agent("impl_a"), "a.py")
    await granted(database, agent("impl_b", session="other"), "a.py")


async def test_simultaneous_claims_have_one_winner(database: Database) -> None:
    outcomes = await asyncio.gather(
        *(file_lock.claim(database, agent(f"impl_{n}"), wanted("a.py"), Wait.NO) for n in range(20))
    )
    assert sum(isinstance(outcome, Granted) for outcome in outcomes) == 1


async def test_events_are_dense_under_concurrency(database: Database) -> None:
    await asyncio.gather(
        *(file_lock.claim(database, agent(f"impl_{n}"), wanted(f"{n}.py"), Wait.NO) for n in range(20))
    )
    rows = await database.fetch("SELECT seq FROM coordination_events WHERE session_id = 'demo' ORDER BY seq")
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert (await kinds(database)).count("lock.claimed") == 20


async def test_repeatable_read_is_refused(dsn: str) -> None:
    connection = await asyncpg.connect(
        dsn, server_settings={"default_transaction_isolation": "repeatable read"}
    )
    try:
        with pytest.raises(asyncpg.PostgresError, match="READ COMMITTED"):
            await connection.fetchval("SELECT coordination_lock_session('local', 'demo')")
    finally:
        await connection.close()


async def test_database_whose_default_is_repeatable_read_still_serves(dsn: str) -> None:
    name = dsn.split("/")[3].split("?", maxsplit=1)[0]
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    await connection.close()
    pool = Database(dsn)
    try:
        await granted(pool, agent("impl_a"), "a.py")
        await held(pool, agent("impl_b"), "a.py")
    finally:
        await pool.close()
