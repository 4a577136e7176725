"""The HTTP API does what it says of itself: requests that schemathesis makes of its description, right and wrong ones.

For each operation: every bound that the description sets, met and exceeded, and the methods that it does not have; then
random requests, the same ones every time. It is a hosted service, which has all routes, asked by the owner of its first
workspace. Each answer must have a status, a media type and a shape that the description
names; what is wrong must be refused, and nothing may make the service fail. The stream of events is left out: it has
no end.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation

from coordination.app.application import create
from coordination.domain.agent import Agent
from coordination.domain.path import normalise
from coordination.domain.plan.task import PlannedTask
from coordination.domain.principal import Principal
from coordination.domain.task import Report, TaskStatus
from coordination.services import agent_token, plan, task, workspace
from coordination.services import invitation as invitations
from coordination.services.core import Core
from coordination.settings import load
from tests.conftest import administer, examples, in_database
from tests.integration.app.conftest import Client, serving
from tests.loose import LOOSE
from tests.unit.transport.test_rest_description import description

pytestmark = pytest.mark.acceptance

DATABASE = "described"
SESSION = "demo"
PLANNER = Agent("local", SESSION, "alice", "planner", "planner", "claude")
THERE: dict[str, Any] = {"session": SESSION, "agent_id": "alice/impl_a", "task_id": "own/one", "revision": 1}
"""What is there of that which paths name."""
ASKED_FOR = {"agent": "impl_a", "wait_seconds": 0}
"""Who is there; and nobody waits here."""
BOOTSTRAP = "POST /api/v1/bootstrap"
REFUSED = {BOOTSTRAP: 401, "POST /api/v1/workspaces": 403}
"""What the owner's token is refused: it is not the bootstrap token, and no person who logged in."""
BEGUN_WITH: dict[str, dict[str, Any]] = {"GET /api/v1/sessions/{session}/events": {"after": 0}}
"""A number beyond the last event is refused, as no description says."""
TOO_LARGE = 413
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
"""Wrong requests are made by trying."""
SAID: dict[str, Any] = {
    "agent": "alice/planner",
    "checkout": "",
    "wait_seconds": 0,
    "cursor": 0,
    "sender": "alice",
}
"""Who acts, nowhere in particular, and has read nothing; and nobody waits here."""
OWNER = Principal("local", "alice", member="owner")
OF_THE_OWNER = {"code", "sender"}
"""What says by itself who acts."""
OF_SOMEBODY_NEW = {"POST /api/v1/members", "POST /api/v1/invitations"}
"""What wants a name that nobody has."""
NUMBERS = itertools.count()
"""Make names that nobody has."""
TOGETHER = {f"POST /api/v1/sessions/{{session}}/{path}" for path in ("sync", "analyses", "plans")}
"""What takes fields that have to fit together, as no description says."""
MADE_UP = {
    f"POST /api/v1/sessions/{{session}}/{path}"
    for path in ("index/files", "index/finish", "locks/renew", "locks/release")
}
"""What belongs to a refresh that was begun, or to leases that were granted, whose numbers are made up here."""
# Any, here and below: what schemathesis makes is generic in what no test needs to know.
MADE: Any = schemathesis
MADE.checks.load_all_checks()
COMPARED = [
    MADE.checks.CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "unsupported_method",
        "allow_header_conformance",
    )
]
ACCEPTED = MADE.checks.CHECKS.get_one("positive_data_acceptance")
"""Not of random requests: what a path may be, no description can say."""
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
DESCRIBED = description()
SCHEMA = MADE.openapi.from_dict(DESCRIBED).exclude(operation_id="follow_events")
OPERATIONS: dict[str, Any] = {
    operation.label: operation for operation in (found.ok() for found in SCHEMA.get_all_operations())
}
ASKED = ("method", "url", "headers", "json", "data", "params", "cookies")


@pytest.fixture(scope="module")
async def described(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Client]:
    """The application on a database of its own, with a session that has some of everything."""
    await administer(server_dsn, f"CREATE DATABASE {DATABASE} TEMPLATE {template} STRATEGY FILE_COPY")
    folder = str(tmp_path_factory.mktemp(DATABASE))
    dsn = in_database(server_dsn, DATABASE)
    settings = load(
        {
            "DATABASE_URL": dsn,
            "COORDINATION_DATA_DIR": folder,
            "COORDINATION_MODE": "hosted",
            "COORDINATION_BOOTSTRAP_TOKEN": "b" * 43,
            **LOOSE,
        }
    )
    async with serving(create(settings), settings) as client:
        owner = await workspace.bootstrap(client.core, "team", OWNER.user or "")
        client.headers["authorization"] = f"Bearer {owner}"
        await live(client.core)
        await invited(client.core)
        yield client
    await administer(server_dsn, f"DROP DATABASE {DATABASE} WITH (FORCE)")


async def analysed(core: Core) -> str:
    """Analyse two tasks, so that their analysis is among the last twenty, and return its id."""
    tasks = [PlannedTask(name, f"Write {name}", (normalise(f"{name}.py"),)) for name in ("t1", "t2")]
    kept = await plan.analyse(core, PLANNER, tasks)
    THERE["analysis_id"] = SAID["analysis_id"] = kept.id
    return kept.id


async def live(core: Core) -> None:
    """Hand out a plan, and take a task that no plan knows."""
    worker = Agent("local", SESSION, "alice", "impl_a", "implementer", "claude")
    await plan.distribute(core, PLANNER, await analysed(core))
    await task.sync(core, worker, Report(task_id="own/one", status=TaskStatus.STARTED))


async def invited(core: Core) -> None:
    """Have a token, a member and an invitation there, whatever became of those before."""
    name = f"user-{next(NUMBERS)}"
    _, token = await agent_token.create(core, OWNER, scopes=("read",), days=1)
    code, invitation = await invitations.invite(core, OWNER, f"{name}-invited", "member", 1)
    await workspace.add_member(core, OWNER, name, "member")
    THERE.update(token_id=token.id, invitation_id=invitation.id, user=name)
    SAID["code"] = code


@pytest.mark.parametrize("label", OPERATIONS)
async def test_every_bound_of_the_description_holds(described: Client, label: str) -> None:
    cases = SCHEMA.iter_coverage_cases(
        OPERATIONS[label], generation_modes=MODES, generation_config=SCHEMA.config.generation
    )
    compared = COMPARED if label in MADE_UP | TOGETHER else [*COMPARED, ACCEPTED]
    if label == BOOTSTRAP:  # whoever may not do it is not told which methods there are either
        compared = [check for check in compared if check.__name__ != "unsupported_method"]
    await analysed(described.core)
    await invited(described.core)
    sent = [await send(described, case, compared) for case in cases]
    # Something was right, and where something is asked for, something wrong. A method that a path does not have is
    # tried once for the path, whichever of its operations comes first.
    assert REFUSED.get(label, 409 if label in MADE_UP else 200) in sent
    assert max(sent) > 400 or not asks_for_something(label)


@pytest.mark.parametrize("label", OPERATIONS)
@settings(max_examples=examples(25), suppress_health_check=SLOW)
@given(data=st.data())
async def test_whatever_is_asked_the_answer_is_one_that_is_described(
    described: Client, label: str, data: st.DataObject
) -> None:
    await send(
        described, data.draw(OPERATIONS[label].as_strategy(generation_mode=data.draw(st.sampled_from(MODES))))
    )


def asks_for_something(label: str) -> bool:
    """Whether an operation has a parameter or a body that could be wrong."""
    method, _, path = label.partition(" ")
    operation = DESCRIBED["paths"][path][method.lower()]
    return bool(operation.get("parameters")) or "requestBody" in operation


async def send(described: Client, case: Any, compared: list[Any] = COMPARED) -> int:
    """Send a request as it was made, compare the answer with the description, and return its status."""
    if case.meta is None or _is_right(case, ParameterLocation.PATH):
        case.path_parameters = {name: THERE[name] for name in case.path_parameters}
    if _is_right(case, ParameterLocation.QUERY):
        asked = ASKED_FOR | BEGUN_WITH.get(case.operation.label, {})
        case.query |= {name: value for name, value in asked.items() if name in case.query}
    if _is_right(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        body = cast("dict[str, Any]", case.body)
        if body.get("agent") is not None or not body.keys().isdisjoint(OF_THE_OWNER):
            body |= {name: value for name, value in SAID.items() if name in body}
        if "user" in body:
            body["user"] = f"asked-{next(NUMBERS)}" if case.operation.label in OF_SOMEBODY_NEW else OWNER.user
    wanted = case.as_transport_kwargs(str(described.base_url))
    made: Any = requests.Request(**{name: wanted[name] for name in ASKED if name in wanted}).prepare()
    answer = await described.request(made.method, made.url, headers=made.headers, content=made.body)
    # What breaks the bound of a long list is more than a body may have, and is looked at no further here either.
    if answer.status_code != TOO_LARGE:
        case.validate_response(answer, checks=compared)
    return answer.status_code


def _is_right(case: Any, where: ParameterLocation) -> bool:
    made = case.meta and case.meta.components.get(where)
    return made is None or made.mode.is_positive
