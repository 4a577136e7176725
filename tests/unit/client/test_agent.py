"""What acts for an agent repeats what may be done twice, and sends everything else once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coordination.client.agent import AgentClient
from coordination.client.errors import RequestRefused, ServiceUnavailable
from coordination.domain.file_lock import Granted, Held, Lease
from coordination.domain.task import TaskStatus
from coordination.transport.rest import example_acting
from coordination.transport.rest.story import LEASE
from coordination.wire.acting import Claimed
from tests.unit.client.told import Server

AWAY = {"code": "retry_later", "detail": "Repeat it."}


CALLS: dict[str, tuple[int, Callable[[AgentClient], object]]] = {
    "heartbeat": (4, lambda agent: agent.heartbeat()),
    "leave": (4, lambda agent: agent.leave("ended")),
    "claim": (4, lambda agent: agent.claim(["a.py"], wait_seconds=45)),
    "renew": (4, lambda agent: agent.renew([])),
    "confirm": (4, lambda agent: agent.confirm_news(1)),
    "news": (4, lambda agent: agent.sync()),
    "analyse": (4, lambda agent: agent.analyse(["Write the parser"])),
    "distribute": (1, lambda agent: agent.distribute("0123456789abcdef")),
    "report": (1, lambda agent: agent.sync("t1", TaskStatus.STARTED)),
    "message": (1, lambda agent: agent.sync(message="hello", to=["impl_b"])),
    "release": (1, lambda agent: agent.release([])),
}
"""How often each is sent while the service is away."""


@pytest.mark.parametrize("name", CALLS)
def test_only_what_may_be_done_twice_is_repeated(server: Server, name: str) -> None:
    times, call = CALLS[name]
    server.answers((503, AWAY))
    with pytest.raises(ServiceUnavailable):
        call(server.client.acting("demo", "alice/impl_a"))
    assert len(server.asked) == times


def test_a_claim_comes_to_be_one_of_two_outcomes(server: Server) -> None:
    agent = server.client.acting("demo", "alice/impl_a")
    server.answers((200, example_acting.ANSWERS["Claimed"]))
    granted = agent.claim(["src/parser.py"])
    assert isinstance(granted, Granted)
    assert [(type(lease), lease.fencing_token) for lease in granted.leases] == [
        (Lease, LEASE["fencing_token"])
    ]
    assert granted.warnings[0].locked_by == "alice/impl_b"
    held = Held("held", (), 2, (), 3, None, 1.5)
    server.answers((200, Claimed.of(held).model_dump(mode="json")))
    assert agent.claim(["src/parser.py"]) == held


def test_of_a_lost_lease_it_is_told_which_and_what_is_left(server: Server) -> None:
    details = {"lost": ["a.py", "b.py"], "held": ["c.py"]}
    server.answers((409, {"code": "lease_lost", "detail": "Not your lease.", "details": details}))
    with pytest.raises(RequestRefused) as refused:
        server.client.acting("demo", "alice/impl_a").renew([])
    assert refused.value.details == details
    server.answers((409, {"code": "name_taken", "detail": "Another terminal's."}))
    with pytest.raises(RequestRefused) as refused:
        server.client.acting("demo", "alice/impl_a", terminal="1-1").heartbeat(only_if_free=True)
    assert (refused.value.code, refused.value.details) == ("name_taken", {})
