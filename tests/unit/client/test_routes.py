"""The client has a method for each route of the API, and asks for nothing else."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from coordination.app.application import create
from coordination.client.agent import AgentClient
from coordination.client.errors import RequestRefused
from coordination.client.service import ServiceClient
from coordination.client.workspace import WorkspaceClient
from coordination.settings import load
from tests.unit.client.told import Server

STREAMS = {"GET /api/v1/events"}
"""What is followed and never answered as a whole is no call."""
BESIDE_THE_API = {"health", "close", "acting"}
CALLS: dict[str, list[Callable[[ServiceClient], object]]] = {
    "sessions": [lambda client: client.sessions()],
    "status": [lambda client: client.status("demo", agent="impl_a")],
    "agents": [lambda client: client.agents("demo")],
    "agent": [lambda client: client.agent("demo", "alice/impl_a")],
    "locks": [lambda client: client.locks("demo")],
    "tasks": [lambda client: client.tasks("demo", status="pending", agent="impl_a")],
    "task": [lambda client: client.task("demo", "a/b?c#d")],
    "analysis": [lambda client: client.analysis("demo", "0123456789abcdef")],
    "plans": [lambda client: client.plans("demo")],
    "plan": [lambda client: client.plan("demo"), lambda client: client.plan("demo", 3)],
    "prompt": [lambda client: client.prompt("demo", "impl_a")],
    "messages": [lambda client: list(client.messages("demo", 7))],
    "events": [lambda client: client.events("demo", 7)],
    "indexes": [lambda client: client.indexes("demo")],
    "known_files": [lambda client: list(client.known_files("demo", ""))],
    "configure": [lambda client: client.configure("demo", "bob", status="closed")],
    "revoke": [lambda client: client.revoke("demo", "bob")],
    "send": [lambda client: client.send("demo", "bob", "hello", None)],
    "take_planner": [lambda client: client.take_planner("demo", "bob", "alice/impl_a")],
    "give_planner_back": [lambda client: client.give_planner_back("demo", "bob", "alice/impl_a")],
    "begin_index": [lambda client: client.begin_index("demo", "")],
    "add_to_index": [lambda client: client.add_to_index("demo", "", 1, [], [])],
    "finish_index": [lambda client: client.finish_index("demo", "", 1, files=0, commit="", fingerprint="0")],
}
ACTS: dict[str, Callable[[AgentClient], object]] = {
    "heartbeat": lambda agent: agent.heartbeat(),
    "leave": lambda agent: agent.leave("left"),
    "sync": lambda agent: agent.sync(),
    "confirm_news": lambda agent: agent.confirm_news(12),
    "analyse": lambda agent: agent.analyse(["Write the parser"]),
    "distribute": lambda agent: agent.distribute("0123456789abcdef"),
    "claim": lambda agent: agent.claim(["a.py"]),
    "renew": lambda agent: agent.renew([]),
    "release": lambda agent: agent.release([]),
}
"""What a client does for an agent."""
HOSTED: dict[str, Callable[[WorkspaceClient], object]] = {
    "offer": lambda client: client.offer(),
    "bootstrap": lambda client: client.bootstrap("alice", "team"),
    "accept": lambda client: client.accept("coord_invite_x"),
    "me": lambda client: client.me(),
    "workspaces": lambda client: client.workspaces(),
    "create_workspace": lambda client: client.create_workspace("team"),
    "members": lambda client: client.members(),
    "add_member": lambda client: client.add_member("bob", "member"),
    "change_member": lambda client: client.change_member("a/b?c#d", "viewer"),
    "remove_member": lambda client: client.remove_member("bob"),
    "invitations": lambda client: client.invitations(),
    "invite": lambda client: client.invite("bob", "member"),
    "withdraw": lambda client: client.withdraw("0123"),
    "tokens": lambda client: client.tokens(),
    "create_token": lambda client: client.create_token(session="demo"),
    "revoke_token": lambda client: client.revoke_token("0123"),
}
"""What only a hosted service answers."""
MISSING = {"code": "not_found", "detail": "There is no such session."}


def documented(**variables: str) -> set[str]:
    """Every route of the API, such as `GET /api/v1/sessions`."""
    settings = load({"COORDINATION_DATA_DIR": str(Path(__file__).parent), **variables})
    paths = create(settings).openapi()["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


ROUTES = documented(COORDINATION_LOCAL_TOKEN="auto")  # noqa: S106 - when to ask for it
OF_HOSTED = documented(COORDINATION_MODE="hosted", DATABASE_URL="postgresql://user@host/name") - ROUTES


def test_every_route_is_asked_by_a_method_of_the_client_and_nothing_else_is(server: Server) -> None:
    assert CALLS.keys() | BESIDE_THE_API == {
        name for name, _ in inspect.getmembers(ServiceClient, inspect.isfunction) if not name.startswith("_")
    }
    assert ACTS.keys() == {
        name for name, _ in inspect.getmembers(AgentClient, inspect.isfunction) if not name.startswith("_")
    }
    agent = server.client.acting("demo", "alice/impl_a")
    asked = {
        refused(server, lambda call=call: call(server.client)) for calls in CALLS.values() for call in calls
    }
    asked |= {refused(server, lambda call=call: call(agent)) for call in ACTS.values()}
    assert asked == ROUTES - STREAMS


def test_every_route_of_a_hosted_service_alone_is_asked_by_a_method_and_nothing_else_is(
    server: Server,
) -> None:
    assert HOSTED.keys() == {
        name
        for name, _ in inspect.getmembers(WorkspaceClient, inspect.isfunction)
        if not name.startswith("_")
    }
    client = WorkspaceClient(server.client.channel)
    asked = {refused(server, lambda call=call: call(client)) for call in HOSTED.values()}
    assert asked == OF_HOSTED


def refused(server: Server, call: Callable[[], object]) -> str:
    """The one route that a call asks, which says that there is no such session."""
    server.answers((404, MISSING))
    with pytest.raises(RequestRefused, match="There is no such session"):
        call()
    [(method, path, _)] = server.asked
    return route_of(method, path.removeprefix("/prefix").partition("?")[0])


def route_of(method: str, path: str) -> str:
    """The one route that a request is for."""
    [route] = [
        route
        for route in ROUTES | OF_HOSTED
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route)), f"{method} {path}")
    ]
    return route
