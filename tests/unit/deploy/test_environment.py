""".env.example names every setting, and nothing else; as it stands it is a hosted service's."""

from __future__ import annotations

import re

from coordination.settings import Settings, load
from coordination.settings.values import VARIABLES
from tests.unit.docs.page import ROOT

TEXT = (ROOT / ".env.example").read_text(encoding="utf-8")
LINES = re.findall(r"^(#?)([A-Z_]+)=(.*)$", TEXT, re.MULTILINE)
SETTINGS = {variable: name for name, variable in VARIABLES.items()}


def test_it_names_every_setting_once_and_nothing_else() -> None:
    assert sorted(name for _, name, _ in LINES) == sorted(VARIABLES.values())


def test_what_is_set_makes_a_hosted_service() -> None:
    settings = load({name: value for mark, name, value in LINES if not mark})
    assert settings.is_hosted
    assert settings.origin("database_url") == "DATABASE_URL"


def test_what_is_marked_shows_the_default_or_an_example_that_can_be_used() -> None:
    unmarked = {name: value for mark, name, value in LINES if not mark}
    assert load({**unmarked, **{name: value for _, name, value in LINES if value}}).is_hosted
    for mark, name, value in LINES:
        default = Settings.model_fields[SETTINGS[name]].default
        if mark and isinstance(default, int | str) and default != "":
            assert value == str(default), name


def test_every_line_can_be_read_by_a_shell_and_by_systemd_alike() -> None:
    for _, name, value in LINES:
        assert re.fullmatch(r"[A-Za-z0-9_.:/@-]*", value), name
