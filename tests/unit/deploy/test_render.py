"""The blueprints for Render have documented fields only, hold no secret, and start what we have."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from coordination.cli.commands import app
from coordination.settings import load
from coordination.settings.values import SECRETS, VARIABLES
from tests.unit.deploy.files import KNOWN, of, read_yaml, stages
from tests.unit.docs.page import ROOT
from tests.unit.transport.asgi import run, scope_of

FREE, PAID = ROOT / "render.yaml", ROOT / "deploy" / "render" / "paid.yaml"
BOTH = pytest.mark.parametrize("path", [FREE, PAID], ids=["free", "paid"])
SCHEMA = jsonschema_rs.validator_for(
    json.loads(Path(__file__).with_name("render.schema.json").read_text(encoding="utf-8"))
)
# What a platform tells that the blueprint leaves to it, or to a person.
FROM_OUTSIDE = {"DATABASE_URL": "postgresql://me:secret@pooler/name", "PORT": "10000", "WEB_CONCURRENCY": "1"}


def service(path: Path) -> dict[str, Any]:
    (one,) = read_yaml(path)["services"]
    return one


def variables(path: Path) -> dict[str, dict[str, Any]]:
    return {one["key"]: one for one in service(path)["envVars"]}


@BOTH
def test_it_has_documented_fields_only(path: Path) -> None:
    assert [str(error) for error in SCHEMA.iter_errors(read_yaml(path))] == []


@pytest.mark.parametrize(
    "change",
    [
        {"plan": "free", "preDeployCommand": "coord migrate"},
        {"plan": "free", "numInstances": 2},
        {"maxShutdownDelaySeconds": 301},
        {"autoDeploy": True},
        {"healthCheckPath": "health"},
        {"envVars": [{"key": "A", "value": "x", "sync": False}]},
        {"envVars": [{"key": "A"}]},
        {"envVars": [{"key": "A", "value": 1}]},
        {"envVars": [{"key": "A", "sync": True}]},
    ],
)
def test_the_schema_would_notice_what_is_none(change: dict[str, Any]) -> None:
    assert not SCHEMA.is_valid({"services": [{**service(FREE), **change}]})


@BOTH
def test_every_variable_is_a_setting_and_no_secret_has_a_value(path: Path) -> None:
    assert set(variables(path)) - KNOWN == {"PYTHON_VERSION"}
    for name in SECRETS:
        assert "value" not in variables(path).get(VARIABLES[name], {}), name
    assert variables(path)["COORDINATION_BOOTSTRAP_TOKEN"]["generateValue"] is True
    assert variables(path)["DATABASE_URL"]["sync"] is False


@BOTH
def test_its_settings_can_be_used_together(path: Path) -> None:
    given = {name: one["value"] for name, one in variables(path).items() if "value" in one}
    settings = load({**given, **FROM_OUTSIDE})
    assert (settings.is_hosted, settings.host, settings.port) == (True, "0.0.0.0", 10000)  # noqa: S104 - as wanted
    longest = service(path).get("maxShutdownDelaySeconds", 30)
    assert settings.stop_seconds + 15 <= longest


@BOTH
def test_python_is_pinned_as_in_the_image_and_allowed(path: Path) -> None:
    pinned = Version(variables(path)["PYTHON_VERSION"]["value"])
    assert len(pinned.release) == 3
    for stage in stages():
        assert of(stage, "FROM")[0].text.startswith(f"python:{pinned}-")
    allowed = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition('requires-python = "')[2]
    assert pinned in SpecifierSet(allowed.partition('"')[0])


@BOTH
def test_its_commands_are_ours(path: Path) -> None:
    commands = {
        shlex.split(service(path)[name])[1]
        for name in ("startCommand", "preDeployCommand")
        if name in service(path)
    }
    assert commands == ({"run", "migrate"} if path == PAID else {"run"})
    assert commands <= set(app.resolved_commands())
    assert service(path)["healthCheckPath"] == "/health"
    assert "--constraint constraints.txt" in service(path)["buildCommand"]


def test_the_two_differ_in_what_a_paid_plan_has_alone() -> None:
    free, paid = service(FREE), service(PAID)
    differ = {name for name in {*free, *paid} if free.get(name) != paid.get(name)}
    assert differ == {"plan", "numInstances", "preDeployCommand", "maxShutdownDelaySeconds", "envVars"}
    assert [name for name, one in variables(FREE).items() if one != variables(PAID)[name]] == [
        "COORDINATION_STOP_SECONDS"
    ]


@BOTH
@pytest.mark.parametrize("edge", ["172.70.247.28", "162.158.1.1", "2606:4700::1"])
async def test_a_caller_is_known_by_his_own_address_behind_all_proxies(path: Path, edge: str) -> None:
    proxies = variables(path)["COORDINATION_TRUSTED_PROXIES"]["value"]
    settings = load({**FROM_OUTSIDE, "COORDINATION_TRUSTED_PROXIES": proxies, "COORDINATION_MODE": "hosted"})
    found: list[str] = []

    async def inner(scope: Scope, _receive: Receive, _send: Send) -> None:
        found.append(scope["client"][0])

    # Any: uvicorn has names of its own for the types of ASGI.
    proxied: Any = ProxyHeadersMiddleware
    app = proxied(inner, trusted_hosts=list(settings.trusted_proxies))
    # What a caller says, the caller as the edge sees it, the edge, and a proxy of the platform.
    chain = f"203.0.113.9, 198.51.100.7, {edge}, 10.19.6.53"
    await run(app, scope_of("http", "/", headers=[("x-forwarded-for", chain)], client=("10.17.1.2", 1)))
    assert found == ["198.51.100.7"]
