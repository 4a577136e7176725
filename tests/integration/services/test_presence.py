"""Presence: every call and every list is noted, apart from decisions, and two terminals under one name are noticed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from coordination.domain.agent import agent_of
from coordination.domain.errors import RetryLater
from coordination.domain.identity import Identity
from coordination.services import presence
from coordination.services.agent import read_agent
from coordination.services.core import Core
from coordination.services.feed import EventFeed
from coordination.services.presence import PresenceLog
from coordination.store.database import Database
from tests.integration.store.steps import DEMO, agent, granted, kinds

A = agent("impl_a")
IDENTITY = Identity("local", "alice", DEMO, "impl_a", "implementer", "claude")


@pytest.fixture
def log(database: Database) -> PresenceLog:
    return PresenceLog(database, EventFeed(database))


async def rows(database: Database) -> list[tuple[str, bool, bool]]:
    """Every agent, whether it is known to have listed and to have called the tools."""
    found = await database.fetch(
        """SELECT id, tools_listed_at IS NOT NULL, tools_called_at IS NOT NULL FROM claude_code_agents ORDER BY id"""
    )
    return [(row[0], row[1], row[2]) for row in found]


async def test_an_agent_that_only_listed_the_tools_joins_and_is_known_never_to_have_called(
    log: PresenceLog, database: Database
) -> None:
    log.listed(IDENTITY)
    await log.flush()
    assert await rows(database) == [(A.id, True, False)]
    assert await kinds(database) == ["session.created", "agent.joined"]
    log.called(IDENTITY)
    await log.flush()
    assert await rows(database) == [(A.id, True, True)]


async def test_a_plain_user_is_nobody_in_a_session(log: PresenceLog, database: Database) -> None:
    log.called(replace(IDENTITY, session=None, agent=None, role=None))
    await log.flush()
    assert await rows(database) == []


async def test_being_heard_of_makes_a_quiet_agent_active_again_and_never_older(
    log: PresenceLog, database: Database
) -> None:
    await granted(database, A, "a.py")
    await database.fetch(
        "UPDATE claude_code_agents SET last_activity = now() - interval '1 hour' RETURNING 1"
    )
    log.called(IDENTITY)
    await log.flush()
    quiet = await database.fetch(
        "SELECT extract(epoch FROM clock_timestamp() - last_activity) FROM claude_code_agents"
    )
    assert quiet[0][0] < 60
    await database.fetch(
        "UPDATE claude_code_agents SET last_activity = now() + interval '1 hour' RETURNING 1"
    )
    log.called(IDENTITY)
    await log.flush()
    quiet = await database.fetch(
        "SELECT extract(epoch FROM clock_timestamp() - last_activity) FROM claude_code_agents"
    )
    assert quiet[0][0] < -3000


async def test_two_terminals_under_one_name_are_noticed_by_both(log: PresenceLog, database: Database) -> None:
    here = replace(IDENTITY, checkout="aaaaaaaaaaaa", terminal="1-1")
    there = replace(IDENTITY, checkout="aaaaaaaaaaaa", terminal="2-2")
    one, two = agent_of(here), agent_of(there)
    assert one is not None
    assert two is not None
    log.called(here)
    await log.flush()
    assert log.other_places(one) == ()
    log.called(there)
    await log.flush()
    assert log.other_places(one) == ("|2-2",)
    assert log.other_places(two) == ("|1-1",)
    assert log.other_places(A) == ()
    # The other terminal ended; two minutes later nobody is warned any more.
    await database.fetch(
        """UPDATE claude_code_agents SET terminals = jsonb_set(terminals, '{|2-2}', '1') RETURNING 1"""
    )
    log.called(here)
    await log.flush()
    assert log.other_places(one) == ()


async def test_a_terminal_that_ended_is_counted_no_longer_than_two_minutes(
    log: PresenceLog, core: Core, database: Database
) -> None:
    for terminal in ("1-1", "2-2"):
        log.called(replace(IDENTITY, terminal=terminal))
    await log.flush()

    async def terminals() -> int:
        return (await read_agent(core, "local", DEMO, A.id)).terminals

    assert await terminals() == 2
    # Nobody writes presence meanwhile: the other terminal is quiet too.
    await database.fetch(
        """UPDATE claude_code_agents
           SET terminals = jsonb_set(terminals, '{|2-2}', to_jsonb(extract(epoch FROM now()) - 121)) RETURNING 1"""
    )
    assert await terminals() == 1


async def test_an_agent_in_countless_places_costs_a_few_statements(
    log: PresenceLog, database: Database
) -> None:
    for number in range(500):
        log.called(replace(IDENTITY, terminal=f"{number}-1"))
    await log.flush()
    found = await database.fetch(
        "SELECT count(*) AS count FROM claude_code_agents, jsonb_object_keys(terminals)"
    )
    assert 1 < found[0]["count"] <= presence.MOST_PLACES


async def test_what_is_remembered_of_agents_in_several_places_is_bounded(
    log: PresenceLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "MOST_REMEMBERED", 3)
    callers = [replace(IDENTITY, agent=f"impl_{number}") for number in range(6)]
    for caller in callers:
        for terminal in ("1-1", "2-2"):
            log.called(replace(caller, terminal=terminal))
    await log.flush()
    known = [agent_of(replace(caller, terminal="1-1")) for caller in callers]
    assert sum(1 for who in known if who is not None and log.other_places(who)) == 3


async def test_two_terminals_seen_between_two_writes_are_both_written(
    log: PresenceLog, database: Database
) -> None:
    for terminal in ("1-1", "2-2", "3-3"):
        log.listed(replace(IDENTITY, terminal=terminal))
    log.called(replace(IDENTITY, terminal="1-1"))
    await log.flush()
    found = await database.fetch(
        "SELECT jsonb_object_keys(terminals) AS place FROM claude_code_agents ORDER BY 1"
    )
    assert [row["place"] for row in found] == ["|1-1", "|2-2", "|3-3"]
    assert await rows(database) == [(A.id, True, True)]


async def test_what_could_not_be_written_is_written_later(
    log: PresenceLog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/nothing")
    log.called(IDENTITY)
    with monkeypatch.context() as patch:
        patch.setattr(log, "_database", away)
        with pytest.raises(RetryLater):
            await log.flush()
        log.listed(IDENTITY)
    await log.flush()
    assert await rows(database) == [(A.id, True, True)]


async def test_an_agent_that_may_not_join_is_not_created_by_being_heard_of(
    log: PresenceLog, database: Database
) -> None:
    await granted(database, agent("impl_a", session="first", checkout="aaaaaaaaaaaa"), "a.py")
    log.listed(replace(IDENTITY, session="second", checkout="aaaaaaaaaaaa"))
    await log.flush()
    assert await kinds(database, "second") == []


async def test_sightings_are_bounded(
    log: PresenceLog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "MOST_SIGHTINGS", 2)
    for name in ("impl_a", "impl_b", "impl_c"):
        log.called(replace(IDENTITY, agent=name))
    await log.flush()
    assert [row[0] for row in await rows(database)] == ["alice/impl_a", "alice/impl_b"]


@pytest.mark.parametrize("note", [PresenceLog.listed, PresenceLog.called])
async def test_the_background_work_writes_by_itself_and_at_the_end(
    database: Database, note: Callable[[PresenceLog, Identity], None]
) -> None:
    core = Core(database.dsn)
    async with core.running():
        note(core.presence, IDENTITY)
    assert [row[0] for row in await rows(database)] == [A.id]
