"""The link finds the service, loses it and finds it again; calls are given up in time, and nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from coordination.client.errors import RequestRefused
from coordination.client.service import ServiceClient
from coordination.daemon.connection import Found, LinkState, ServiceAway
from coordination.daemon.link import Link
from tests.integration.app.proxy import Gate
from tests.integration.cli.hosted import hosting_on
from tests.integration.cli.running import Running
from tests.integration.daemon.machine import Clock, Halt
from tests.unit.client.told import Server

LIMIT_SECONDS = 40
NAME = "coordination"


def name(client: ServiceClient) -> str:
    """Any question that a service answers with the same as long as it lives."""
    return client.health()["service"]


@asynccontextmanager
async def searching(link: Link) -> AsyncGenerator[list[LinkState]]:
    """Let a link look for its service; yields what it tells."""
    told: list[LinkState] = []
    link.observe(told.append)
    running = asyncio.create_task(link.run())
    yield told
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    link.close()


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not what():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.005)


async def test_a_service_that_comes_back_elsewhere_is_found_there(service: Running) -> None:
    async with Gate() as first, Gate() as second:
        for gate in (first, second):
            gate.behind = int(service.url.rpartition(":")[2])
        where = [first.url]
        link = Link(lambda: Found(where[0], None, None, "alice"))
        async with searching(link) as told:
            with pytest.raises(ServiceAway):
                await link.call(name, seconds=5)
            await first.open()
            link.look_now()
            await until(lambda: link.state is LinkState.REACHABLE)
            assert await link.call(name, seconds=5) == NAME
            assert (link.user, link.generation) == ("alice", 1)
            await first.shut()
            await second.open()
            where[0] = second.url
            with pytest.raises(ServiceAway, match=first.url):
                await link.call(name, seconds=5)
            await until(lambda: link.state is LinkState.REACHABLE)
            assert await link.call(name, seconds=5) == NAME
            assert link.generation == 2
            assert told == [LinkState.REACHABLE, LinkState.AWAY, LinkState.REACHABLE]


async def test_what_the_service_refuses_is_let_through_and_it_is_not_away(service: Running) -> None:
    async with searching(link := Link(lambda: Found(service.url, None, None, "alice"))):
        await until(lambda: link.state is LinkState.REACHABLE)
        with pytest.raises(RequestRefused) as refused:
            await link.call(lambda client: client.status("nowhere"), seconds=5)
        assert refused.value.code == "not_found"
        assert link.state is LinkState.REACHABLE


async def test_what_comes_after_its_time_goes_to_who_asked_for_it(service: Running) -> None:
    async with searching(link := Link(lambda: Found(service.url, None, None, "alice"))):
        await until(lambda: link.state is LinkState.REACHABLE)
        late: list[str] = []
        for given_up in (False, True):
            halt = Halt()
            asked = asyncio.create_task(
                link.call(
                    lambda client, halt=halt: halt.run(name, client),
                    seconds=30 if given_up else 0.01,
                    late=late.append,
                )
            )
            await halt.until_reached()
            if given_up:
                asked.cancel()
            with pytest.raises((ServiceAway, asyncio.CancelledError)):
                await asked
            assert late == [NAME] * given_up
            halt.go.set()
            await until(lambda given_up=given_up: len(late) == 1 + given_up)
            await until(lambda: link.state is LinkState.REACHABLE)


async def test_what_did_not_begin_in_time_is_never_done(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordination.daemon.link.THREADS", 1)
    async with searching(link := Link(lambda: Found(service.url, None, None, "alice"))):
        await until(lambda: link.state is LinkState.REACHABLE)
        halt, done = Halt(), list[str]()
        first = asyncio.create_task(link.call(lambda client: halt.run(name, client), seconds=30))
        await halt.until_reached()
        with pytest.raises(ServiceAway):
            await link.call(lambda _: done.append("second"), seconds=0.05)
        halt.go.set()
        assert await first == NAME
        await until(lambda: link.state is LinkState.REACHABLE)
        await link.call(lambda _: done.append("third"), seconds=5)
        assert done == ["third"]


async def test_a_local_service_is_started_once_a_minute_and_never_waited_for() -> None:
    clock, started = Clock(), list[float]()
    link = Link(lambda: None, lambda: started.append(clock()), now=clock)
    async with searching(link) as told:
        await until(lambda: started)
        assert link.state is LinkState.STARTING
        for _ in range(3):
            with pytest.raises(ServiceAway):
                await link.call(name, seconds=5)
            clock.ahead += 1
        assert len(started) == 1
        clock.ahead += 60
        with pytest.raises(ServiceAway):
            await link.call(name, seconds=5)
        await until(lambda: len(started) == 2)
        assert told == [LinkState.STARTING]


async def test_a_start_that_fails_is_told(service: Running) -> None:
    def fail() -> None:
        raise OSError("no space left")

    async with searching(link := Link(lambda: None, fail)):
        await until(lambda: "no space left" in link.why)
        link.look_now()
        await until(lambda: link.state is LinkState.AWAY)
        with pytest.raises(ServiceAway, match="no space left"):
            await link.call(name, seconds=5)


async def test_whatever_finding_raises_the_search_goes_on(service: Running) -> None:
    answers: list[Exception] = [ValueError("broken file"), OSError("no such folder")]

    def find() -> Found:
        if answers:
            raise answers.pop()
        return Found(service.url, None, None, "alice")

    async with searching(link := Link(find)):
        await until(lambda: link.state is LinkState.REACHABLE)
        assert answers == []


async def test_what_is_no_service_and_one_without_its_database_are_away(server: Server) -> None:
    url = server.client.url
    link = Link(lambda: Found(url, None, None, "alice"))
    async with searching(link):
        for answer, why in (
            ((200, b"<html>"), "does not speak"),
            ((200, {"status": "starting"}), "database"),
            ((200, {"status": "degraded", "database": {"state": "unreachable"}}), "database"),
        ):
            server.answers(answer)
            link.look_now()
            await until(lambda why=why: why in link.why)
            assert link.state is LinkState.AWAY
        server.answers((200, {"status": "ok", "database": {"state": "ok"}}))
        link.look_now()
        await until(lambda: link.state is LinkState.REACHABLE)
        server.answers((200, b"<html>"))
        with pytest.raises(ServiceAway, match="does not speak"):
            await link.call(name, seconds=5)


async def test_a_credential_never_goes_to_another_machine_in_clear_text() -> None:
    async with searching(link := Link(lambda: Found("http://203.0.113.9", "secret", None, "alice"))):
        await until(lambda: "https" in link.why)
        assert link.state is LinkState.AWAY


async def test_a_hosted_service_is_asked_with_the_credential_of_the_moment(dsn: str, tmp_path: Path) -> None:
    async with hosting_on(dsn, tmp_path) as hosted:
        tokens = ["wrong"]
        async with searching(link := Link(lambda: Found(hosted.url, lambda: tokens[0], None, "alice"))):
            await until(lambda: link.state is LinkState.REACHABLE)
            with pytest.raises(RequestRefused) as refused:
                await link.call(ServiceClient.sessions, seconds=5)
            assert refused.value.code == "unauthorized"


async def test_a_login_as_somebody_else_is_noticed_though_the_service_never_went_away(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordination.daemon.link.MEANT_SECONDS", 0.01)
    answers: list[Found | Exception | None] = [Found(service.url, None, None, "alice")]
    asked: list[object] = []

    def find() -> Found | None:
        asked.append(answers[0])
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]

    async with searching(link := Link(find)) as told:
        await until(lambda: link.user == "alice")
        for unknown in (OSError("no such folder"), None, Found(service.url, None, None, "alice")):
            answers[0] = unknown
            await until(lambda unknown=unknown: asked.count(unknown) > 2)
        assert (link.user, link.generation) == ("alice", 1)
        answers[0] = Found(service.url, None, None, "bob")
        await until(lambda: link.user == "bob")
        assert (link.generation, told) == (2, [LinkState.REACHABLE, LinkState.REACHABLE])


class Drawn:
    """What draws pauses: the shortest and the longest that were meant; it returns none."""

    def __init__(self) -> None:
        self.between: list[tuple[float, float]] = []

    def uniform(self, shortest: float, longest: float) -> float:
        self.between.append((shortest, longest))
        return 0.001


async def test_its_pauses_grow_up_to_a_bound_and_are_drawn_so_that_not_all_come_back_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = Drawn()
    monkeypatch.setattr("coordination.daemon.link._RANDOM", drawn)
    async with searching(Link(lambda: None)):
        await until(lambda: len(drawn.between) > 8)
    assert drawn.between[:3] == [(0.1, 0.2), (0.2, 0.4), (0.4, 0.8)]
    assert drawn.between[8] == (7.5, 15.0)
