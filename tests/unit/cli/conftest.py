"""What tests of the commands share: a person who is logged in nowhere."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def logged_in_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the hosted services of whoever runs the tests out of them."""
    for variable in ("COORDINATION_URL", "COORDINATION_TOKEN", "COORDINATION_WORKSPACE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-configuration"))
