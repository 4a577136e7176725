"""The image and the composition as far as their files tell: what reaches the build, who runs, what is reachable."""

from __future__ import annotations

import re
from typing import Any

from coordination.settings import load
from tests.unit.deploy.files import KNOWN, copied, environment_of, of, read_yaml, stages
from tests.unit.docs.page import ROOT

COMPOSE = read_yaml(ROOT / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NGINX = {name: one for name, one in SERVICES.items() if name.startswith("nginx")}


def test_the_image_has_what_was_built_and_no_build_tool() -> None:
    build, image = stages()
    assert [one.words for one in of(image, "COPY")] == [
        ["--from=build", "/opt/coordination", "/opt/coordination"]
    ]
    assert all("pip" not in one.text for one in of(image, "RUN"))
    installs = [one.text for one in of(build, "RUN") if "pip install" in one.text]
    assert len(installs) == 2
    assert all("--constraint constraints.txt" in text for text in installs)


def test_it_is_run_by_nobody_special_and_watched() -> None:
    image = stages()[1]
    (user,) = of(image, "USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user.text)
    assert [one.name for one in image][-2:] == ["HEALTHCHECK", "CMD"]
    assert of(image, "CMD")[0].words == ["coord", "run"]
    assert "/health" in of(image, "HEALTHCHECK")[0].text
    assert of(image, "STOPSIGNAL")[0].text == "SIGTERM"


def test_its_settings_can_be_used_together() -> None:
    told = environment_of(stages()[1])
    assert set(told) - KNOWN == {"PATH", "PYTHONUNBUFFERED"}
    settings = load({**told, "DATABASE_URL": "postgresql://me@postgres/name"})
    assert settings.is_hosted
    assert of(stages()[1], "EXPOSE")[0].text == str(settings.port)


def test_nothing_but_what_is_copied_reaches_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == set(copied())
    assert all((ROOT / name).exists() for name in copied())


def test_every_image_is_pinned() -> None:
    images = [one["image"] for one in SERVICES.values() if "image" in one]
    assert all(re.search(r":\d+\.\d+(\.\d+)?-", image) for image in images)


def test_only_nginx_is_reachable_and_only_by_the_names_in_its_files() -> None:
    assert {name for name, one in SERVICES.items() if "ports" in one} == set(NGINX)
    for name, one in NGINX.items():
        (profile,) = one["profiles"]
        files = [volume.split(":") for volume in one["volumes"]]
        for source, target, mode in files:
            assert mode == "ro"
            assert (ROOT / source).exists() or "certificates" in source, source
            assert target.startswith("/etc/nginx/")
        assert any(source.endswith(f"/{profile}.conf") for source, _, _ in files)
        text = (ROOT / "deploy" / "nginx" / f"{profile}.conf").read_text(encoding="utf-8")
        listened = set(re.findall(r"listen (\d+)", text))
        assert {port.split(":")[1] for port in one["ports"]} == listened, name
        mounted = {target.removeprefix("/etc/nginx/") for _, target, _ in files}
        assert set(re.findall(r"coordination/[a-z.]+(?=;)", text)) <= mounted


def test_the_settings_of_the_composition_can_be_used_together() -> None:
    one = SERVICES["service"]
    told = {name: _substituted(str(value)) for name, value in one["environment"].items()}
    assert set(told) <= KNOWN
    settings = load({**environment_of(stages()[1]), **told})
    (network,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    assert settings.trusted_proxies == (network["subnet"],)
    assert settings.stop_seconds + 15 <= int(one["stop_grace_period"].removesuffix("s"))
    assert settings.dsn is not None
    assert "@postgres:5432/" in settings.dsn


def test_every_setting_that_stands_in_the_file_beside_it_reaches_the_service() -> None:
    one = SERVICES["service"]
    assert one["env_file"] == ".env"
    # What the other parts of the composition rely on is not to be changed there.
    fixed = {name for name, value in one["environment"].items() if "$" not in value}
    upstream = (ROOT / "deploy" / "nginx" / "upstream.compose.conf").read_text(encoding="utf-8")
    assert f"service:{one['environment']['PORT']};" in upstream
    assert {"COORDINATION_MODE", "HOST", "PORT", "COORDINATION_DATA_DIR"} <= fixed


def _substituted(text: str) -> str:
    """What compose makes of a value when only what it demands is set."""
    return re.sub(
        r"\$\{[A-Z_]+(?::([-?])([^}]*))?\}", lambda found: found[2] if found[1] == "-" else "s" * 32, text
    )
