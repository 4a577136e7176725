"""`coord config`: every setting with its value, its variable and its origin, and no password."""

from __future__ import annotations

import pytest

from coordination.settings import VARIABLES
from tests.integration.installation import Installation


@pytest.fixture
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(
        tmp_path_factory.mktemp("config"), DATABASE_URL="postgresql://me:hunter2@db/name", PORT=""
    )


def test_it_shows_where_each_value_comes_from(installation: Installation) -> None:
    installation.data_dir.mkdir()
    file = installation.data_dir / "coordination.toml"
    file.write_text("port = 9000\n", encoding="utf-8")
    shown = installation.json("config", "show", COORDINATION_POOL_SIZE="7")
    assert set(shown) == set(VARIABLES)
    assert shown["port"] == {"value": 9000, "variable": "PORT", "origin": str(file)}
    assert shown["pool_size"]["origin"] == "COORDINATION_POOL_SIZE"
    assert shown["host"] == {"value": "127.0.0.1", "variable": "HOST", "origin": "default"}


def test_the_password_is_masked_and_the_rest_of_the_url_is_not(installation: Installation) -> None:
    assert installation.json("config", "show")["database_url"]["value"] == "postgresql://me:***@db/name"
    for arguments in (("config",), ("config", "show"), ("config", "show", "--json")):
        done = installation.coord(*arguments)
        assert done.returncode == 0
        assert "hunter2" not in done.stdout + done.stderr


def test_for_people_it_is_one_aligned_line_for_each_setting(installation: Installation) -> None:
    lines = installation.coord("config").stdout.splitlines()
    column = lines[0].index("variable")
    for name, variable in VARIABLES.items():
        (line,) = [line for line in lines if line.split() and line.split()[0] == name]
        assert line[column:].startswith(variable)
