"""`coord config`: every setting with its value, its variable and its origin, and no password."""

from __future__ import annotations

import json

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
    assert set(shown) == {*VARIABLES, "problems"}
    assert shown["problems"] == []
    assert shown["port"] == {"value": 9000, "variable": "PORT", "origin": str(file)}
    assert shown["pool_size"]["origin"] == "COORDINATION_POOL_SIZE"
    assert shown["host"] == {"value": "127.0.0.1", "variable": "HOST", "origin": "default"}


def test_the_password_is_masked_and_the_rest_of_the_url_is_not(installation: Installation) -> None:
    assert installation.json("config", "show")["database_url"]["value"] == "postgresql://me:***@db/name"
    for arguments in (("config",), ("config", "show"), ("config", "show", "--json")):
        done = installation.coord(*arguments)
        assert done.returncode == 0
        assert "hunter2" not in done.stdout + done.stderr


def test_what_cannot_be_used_is_named_with_its_source_its_limit_and_what_mends_it_beside_all_others(
    installation: Installation,
) -> None:
    installation.data_dir.mkdir()
    file = installation.data_dir / "coordination.toml"
    file.write_text("pool_size = 99\nprot = 1\n", encoding="utf-8")
    done = installation.coord("config", "show", PORT="70000")
    assert done.returncode == 5
    rows = {line.split()[0]: line for line in done.stdout.partition("\n\n")[0].splitlines()}
    assert set(VARIABLES) <= set(rows)
    assert rows["port"].split() == ["port", "70000", "PORT", "PORT", "(cannot", "be", "used)"]
    assert rows["pool_size"].endswith(f"{file} (cannot be used)")
    assert rows["host"].split() == ["host", "127.0.0.1", "HOST", "default"]
    told = [line.strip() for line in done.stdout.splitlines()]
    for line in (
        "PORT: write a whole number from 0 to 65535.",
        "Set it right, or leave it out: unset PORT",
        f"pool_size in {file}: write a whole number from 1 to 50.",
        f"In {file} write: pool_size = 4",
        f"Take prot out of {file}.",
    ):
        assert line in told
    answer = installation.coord("config", "show", "--json", PORT="70000")
    assert answer.returncode == 5
    shown = json.loads(answer.stdout)
    assert shown["port"] == {"value": None, "variable": "PORT", "origin": "PORT"}
    assert [problem["setting"] for problem in shown["problems"]] == ["prot", "port", "pool_size"]
    assert shown["problems"][1]["given"] == "70000"


def test_a_url_that_cannot_be_used_is_not_repeated(installation: Installation) -> None:
    done = installation.coord("config", "show", DATABASE_URL="postgres+x://me:hunter2@host/name")
    assert done.returncode == 5
    assert "DATABASE_URL: write it as postgresql://" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_for_people_it_is_one_aligned_line_for_each_setting(installation: Installation) -> None:
    lines = installation.coord("config").stdout.splitlines()
    column = lines[0].index("variable")
    for name, variable in VARIABLES.items():
        (line,) = [line for line in lines if line.split() and line.split()[0] == name]
        assert line[column:].startswith(variable)
