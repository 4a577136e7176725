"""Presence: when each agent was last heard of, written in batches and apart from every decision.

A write for each call would cost each claim a second commit, so sightings are collected and written once a second.
Losing some (a crash) makes an agent look quiet a second earlier; nothing else hangs on them. The writer also learns
which places (checkout and terminal) used an agent's name lately, so that two terminals under one name are noticed.
"""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Final

import structlog

from coordination.domain.agent import Agent, agent_of
from coordination.domain.errors import CoordinationError, RetryLater
from coordination.domain.identity import Identity
from coordination.services.feed import EventFeed
from coordination.store import agent as store
from coordination.store.database import Database

WRITE_SECONDS: Final = 1.0
MOST_SIGHTINGS: Final = 10_000
MOST_PLACES: Final = 20
"""In how many places one agent may be seen between two writes; each costs a statement, and more are not written."""
MOST_REMEMBERED: Final = 10_000
_log: Final = structlog.stdlib.get_logger(__name__)

AgentKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Seen:
    agent: Agent
    at: float
    listed: bool
    called: bool


class PresenceLog:
    """Collects sightings of agents and writes them."""

    def __init__(self, database: Database, feed: EventFeed) -> None:
        self._database = database
        self._feed = feed
        self._unwritten: dict[tuple[AgentKey, str | None], _Seen] = {}
        self._places: dict[AgentKey, dict[str, float]] = {}

    def listed(self, identity: Identity) -> None:
        """Note that an agent was shown the tools."""
        self._note(identity, listed=True, called=False)

    def called(self, identity: Identity) -> None:
        """Note that an agent called a tool."""
        self._note(identity, listed=False, called=True)

    def present(self, identity: Identity) -> None:
        """Note that an agent is there, although it called nothing."""
        self._note(identity, listed=False, called=False)

    def heard(self, agent: Agent, *, called: bool) -> None:
        """Note that an agent's program acted for it, or only said that the agent is there.

        A program that names no terminal may be one beside the agent's own, so it counts as no other place.
        """
        seen = agent if agent.terminal else replace(agent, checkout="", checkout_root="")
        self._see(seen, listed=False, called=called)

    def left(self, agent: Agent) -> None:
        """Forget what was noted of an agent that is there no more."""
        for slot in [slot for slot in self._unwritten if slot[0] == _key(agent)]:
            del self._unwritten[slot]
        self._places.pop(_key(agent), None)

    def other_places(self, agent: Agent) -> tuple[str, ...]:
        """Return the places other than the agent's own that used its name within two minutes."""
        if agent.place is None:
            return ()
        known = self._places.get((agent.workspace, agent.session, agent.id), {})
        return tuple(sorted(place for place in known if place != agent.place))

    async def write(self) -> None:
        """Write what was collected, once a second, for ever."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            try:
                await self.flush()
            except RetryLater:
                continue
            except Exception:
                _log.exception("presence_write_failed")

    async def flush(self) -> None:
        """Write what was collected. Agents that only listed the tools so far are created by it."""
        if not self._unwritten:
            return
        unwritten, self._unwritten = self._unwritten, {}
        try:
            missing = await self._touch(unwritten)
            for seen in {_key(seen.agent): seen for seen in missing}.values():
                await self._join(seen.agent)
            if missing:
                await self._touch({(_key(seen.agent), seen.agent.place): seen for seen in missing})
        except RetryLater:
            self._unwritten = {**unwritten, **self._unwritten}
            raise

    async def _touch(self, sightings: "dict[tuple[AgentKey, str | None], _Seen]") -> list[_Seen]:
        now = time.monotonic()
        # One row for each agent and place; an agent seen in two places is written twice, in two statements.
        rounds: list[dict[AgentKey, _Seen]] = []
        for (key, _), seen in sightings.items():
            fitting = next((batch for batch in rounds if key not in batch), None)
            if fitting is None:
                if len(rounds) == MOST_PLACES:
                    continue
                rounds.append(fitting := {})
            fitting[key] = seen
        found: set[AgentKey] = set()
        for batch in rounds:
            places = await store.touch(
                self._database,
                [
                    store.Sighting(seen.agent, max(0.0, now - seen.at), seen.listed, seen.called)
                    for seen in batch.values()
                ],
            )
            self._remember(places)
            found.update(places)
        return [seen for (key, _), seen in sightings.items() if key not in found]

    async def _join(self, agent: Agent) -> None:
        try:
            await store.enter(self._database, agent)
        except RetryLater:
            raise
        except CoordinationError as error:
            _log.info("agent_not_joined", session=agent.session, code=error.code)
        else:
            self._feed.announce(agent.workspace, agent.session, freed=False)

    def _note(self, identity: Identity, *, listed: bool, called: bool) -> None:
        agent = agent_of(identity)
        if agent is not None:
            self._see(agent, listed=listed, called=called)

    def _see(self, agent: Agent, *, listed: bool, called: bool) -> None:
        if len(self._unwritten) >= MOST_SIGHTINGS:
            return
        slot = (_key(agent), agent.place)
        seen = self._unwritten.get(slot)
        fresh = _Seen(agent, time.monotonic(), listed, called)
        if seen is not None:
            fresh = replace(fresh, listed=listed or seen.listed, called=called or seen.called)
        self._unwritten[slot] = fresh

    def _remember(self, places: dict[AgentKey, dict[str, float]]) -> None:
        for key, used in places.items():
            self._places.pop(key, None)
            if len(used) > 1:
                self._places[key] = used
        while len(self._places) > MOST_REMEMBERED:
            del self._places[next(iter(self._places))]  # whoever was not heard of for longest


def _key(agent: Agent) -> AgentKey:
    return agent.workspace, agent.session, agent.id
