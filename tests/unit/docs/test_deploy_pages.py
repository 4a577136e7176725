"""The pages on deployment show commands that exist, files that are there, and settings that are read."""

from __future__ import annotations

import re

import pytest

from coordination.app import asgi
from tests.unit.deploy.files import KNOWN, read_yaml
from tests.unit.docs.page import DOCS, ROOT, fences, text_of

NAMES = ("deploy-on-render", "run-behind-nginx", "run-with-docker", "run-as-a-systemd-service")
PAGES = {name: text_of(DOCS / "how-to" / f"{name}.md") for name in NAMES}
EVERY = pytest.mark.parametrize("name", NAMES)
# Of other programs.
FOREIGN = {"POSTGRES_PASSWORD"}


def commands(name: str) -> list[str]:
    """The lines to type that a page shows."""
    texts = [fence.text.replace("\\\n", " ") for fence in fences(PAGES[name])]
    return [line.strip() for text in texts for line in text.splitlines()]


@EVERY
def test_every_file_that_is_copied_is_there(name: str) -> None:
    named = {
        word for line in commands(name) for word in line.split() if word.startswith(("deploy/", ".env."))
    }
    assert all((ROOT / path).exists() for path in named), named


@EVERY
def test_every_variable_is_a_setting(name: str) -> None:
    found = set(
        re.findall(r"\b(?:COORDINATION|SUPABASE|DATABASE|POSTGRES)_[A-Z_]+|\bROOT_PATH\b", PAGES[name])
    )
    assert found - FOREIGN <= KNOWN


def test_uvicorn_is_started_as_the_tests_start_it() -> None:
    shown = [line for line in commands("deploy-on-render") if line.startswith("uvicorn")]
    documented = asgi.__doc__ or ""
    longer = documented[documented.rindex("uvicorn coordination") : documented.index("\n\nuvicorn does")]
    assert [line.split() for line in shown] == [longer.split()[:6], longer.split()]


def test_the_profiles_of_the_composition_are_those_that_are_shown() -> None:
    services = read_yaml(ROOT / "compose.yaml")["services"].values()
    profiles = {profile for one in services for profile in one.get("profiles", [])}
    shown = set(re.findall(r"--profile (\w+)", "\n".join(commands("run-with-docker"))))
    assert shown == profiles
    assert set(re.findall(r"--profile (\w+)", text_of(ROOT / "compose.yaml"))) == profiles
