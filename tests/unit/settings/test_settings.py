"""The settings: environment over file over default, and what is refused before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest
from pydantic import ValidationError

from coordination.settings import VARIABLES, InvalidSetting, Settings, examine, load


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own, so that no file of this machine is read."""
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def in_data_folder(tmp_path: Path, text: str) -> dict[str, str]:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "coordination.toml").write_text(text, encoding="utf-8")
    return {"COORDINATION_DATA_DIR": str(folder)}


def in_config_folder(text: str) -> Path:
    path = platformdirs.user_config_path("coordination", appauthor=False) / "coordination.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(environment: dict[str, str]) -> str:
    with pytest.raises(InvalidSetting) as caught:
        load(environment)
    return str(caught.value)


def test_without_any_setting_the_service_is_local_and_private(home: Path) -> None:
    settings = load({})
    assert (settings.host, settings.port, settings.dsn) == ("127.0.0.1", 8000, None)
    assert settings.data_dir.is_relative_to(home)
    assert {settings.origin(name) for name in VARIABLES} == {"default"}


def test_the_environment_beats_the_file_and_the_file_beats_the_default(tmp_path: Path) -> None:
    environment = in_data_folder(tmp_path, 'port = 9000\npool_size = 7\nlog_level = "Warning"\n')
    settings = load({**environment, "PORT": "9001"})
    assert (settings.port, settings.pool_size, settings.log_level) == (9001, 7, "warning")
    assert settings.origin("port") == "PORT"
    assert settings.origin("pool_size") == str(tmp_path / "data" / "coordination.toml")
    assert settings.origin("host") == "default"


def test_the_file_in_the_data_folder_beats_the_personal_one(tmp_path: Path) -> None:
    personal = in_config_folder("port = 9000\npool_size = 3\n")
    settings = load(in_data_folder(tmp_path, "port = 9001\n"))
    assert (settings.port, settings.pool_size) == (9001, 3)
    assert settings.origin("pool_size") == str(personal)


def test_the_personal_file_may_name_the_data_folder_whose_file_counts_then(tmp_path: Path) -> None:
    in_data_folder(tmp_path, "port = 9001\n")
    in_config_folder(f"data_dir = '{tmp_path / 'data'}'\n")
    settings = load({})
    assert (settings.data_dir, settings.port) == (tmp_path / "data", 9001)


def test_a_named_file_is_read_instead_of_the_others(tmp_path: Path) -> None:
    environment = in_data_folder(tmp_path, "port = 9001\n")
    named = tmp_path / "named.toml"
    named.write_text("pool_size = 2\n", encoding="utf-8")
    settings = load({**environment, "COORDINATION_CONFIG": str(named)})
    assert (settings.port, settings.pool_size) == (8000, 2)


def test_a_file_in_the_current_folder_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "coordination.toml").write_text(
        "port = 9\ndatabase_url = 'postgresql://evil/x'\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    assert (load({}).port, load({}).dsn) == (8000, None)


def test_an_empty_variable_counts_as_unset() -> None:
    assert load({"PORT": "", "DATABASE_URL": " "}).port == 8000


def test_a_relative_data_folder_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load({"COORDINATION_DATA_DIR": "some/../data"}).data_dir == tmp_path / "data"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_addresses_of_this_machine_are_allowed(host: str) -> None:
    assert load({"HOST": host}).host in {host, "127.0.0.1"}


@pytest.mark.parametrize(
    "host", [".".join("0000"), "::", "192.168.1.5", "example.com", "127.0.0.1.example.com"]
)
def test_any_other_address_is_refused_in_local_mode_which_asks_nobody_who_he_is(host: str) -> None:
    told = refusal({"HOST": host})
    assert told.startswith("HOST: ")
    assert "COORDINATION_MODE=hosted" in told


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("ROOT_PATH", "coord"),
        ("ROOT_PATH", "/a//b"),
        ("ROOT_PATH", "/a?b"),
        ("COORDINATION_POOL_SIZE", "0"),
        ("COORDINATION_POOL_SIZE", "51"),
        ("COORDINATION_LOG_FORMAT", "xml"),
        ("COORDINATION_LOG_LEVEL", "loud"),
        ("COORDINATION_LOCAL_TOKEN", "never"),
        ("DATABASE_URL", "mysql://host/name"),
        ("DATABASE_URL", "postgresql+asyncpg://host/name"),
        ("DATABASE_URL", "postgresql://host"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(variable: str, value: str) -> None:
    assert refusal({variable: value}).startswith(f"{variable}: ")


@pytest.mark.parametrize(
    "url",
    ["postgres+x://me:hunter2@host/name", "postgresql://me:hunter2\u2100@host/name", "postgresql://[hunter2"],
)
def test_a_refusal_never_repeats_the_password(url: str) -> None:
    assert "hunter2" not in refusal({"DATABASE_URL": url})
    assert "hunter2" not in repr(examine({"DATABASE_URL": url}))


def test_a_root_path_loses_the_slash_at_its_end() -> None:
    assert load({"ROOT_PATH": "/tools/coordination/"}).root_path == "/tools/coordination"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot = 1\n", "prot in"),
        ("port = \n", "cannot be read"),
        ("port = 'x'\n", "port in"),
        ("port = true\n", "port in"),
        ("port = 8000.5\n", "a whole number from 0 to 65535"),
        ("data_dir = '/elsewhere'\n", "cannot name the data folder"),
        ("log_file = '~nobody-of-that-name/x'\n", "log_file in"),
        ('log_file = "/tmp/\\u0000"\n', "log_file in"),
        ("log_file = 'relative.log'\n", "absolute"),
    ],
)
def test_a_wrong_file_is_refused_with_its_path(tmp_path: Path, text: str, told: str) -> None:
    message = refusal(in_data_folder(tmp_path, text))
    assert told in message
    assert "coordination.toml" in message


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    assert "no such file" in refusal({"COORDINATION_CONFIG": str(tmp_path / "none.toml")})


def test_looking_finds_every_problem_and_reads_what_it_can(tmp_path: Path) -> None:
    environment = in_data_folder(tmp_path, "prot = 1\npool_size = 99\nlog_level = 'debug'\n")
    file = str(tmp_path / "data" / "coordination.toml")
    found = examine({**environment, "PORT": "70000"})
    assert [(one.setting, one.origin, one.given) for one in found.problems] == [
        ("prot", file, ""),
        ("port", "PORT", "70000"),
        ("pool_size", file, "99"),
    ]
    assert found.problems[1].says == "PORT: write a whole number from 0 to 65535."
    assert found.problems[1].mend == "Set it right, or leave it out: unset PORT"
    assert found.problems[2].mend == f"In {file} write: pool_size = 4"
    settings = found.settings
    assert (settings.port, settings.pool_size, settings.log_level) == (8000, 4, "debug")
    assert settings.origin("port") == "default"
    assert refusal({**environment, "PORT": "70000"}).splitlines() == [one.says for one in found.problems]


def test_without_a_problem_looking_finds_what_loading_does() -> None:
    found = examine({"PORT": "8123"})
    assert (found.problems, found.settings) == ((), load({"PORT": "8123"}))


def test_the_data_folder_counts_as_known_only_where_nothing_unreadable_could_name_it(tmp_path: Path) -> None:
    beside = in_data_folder(tmp_path, "port = \n")
    assert examine(beside).data_dir_known
    in_config_folder("data_dir = \n")
    assert examine(beside).data_dir_known
    assert not examine({}).data_dir_known
    assert not examine({"COORDINATION_CONFIG": str(tmp_path / "none.toml")}).data_dir_known
    named = tmp_path / "named.toml"
    named.write_text("data_dir = 'relative'\n", encoding="utf-8")
    assert not examine({"COORDINATION_CONFIG": str(named)}).data_dir_known
    named.write_text("port = 'x'\n", encoding="utf-8")
    assert examine({"COORDINATION_CONFIG": str(named)}).data_dir_known


def test_settings_cannot_be_changed() -> None:
    settings = load({})
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


def test_the_credential_is_not_in_what_settings_print() -> None:
    settings = load({"DATABASE_URL": "postgresql://me:hunter2@host/name"})
    assert settings.dsn == "postgresql://me:hunter2@host/name?sslmode=verify-full"
    assert "hunter2" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_every_setting_has_a_variable() -> None:
    assert set(VARIABLES) == set(Settings.model_fields)
