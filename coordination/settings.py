"""The settings: one frozen object, read once at the top and passed down as values. Nobody else reads the environment.

A value comes from the environment, else from `coordination.toml`, else from its default. The file is looked for in
the data folder and then in the user's configuration folder (`COORDINATION_CONFIG` names another file instead of
both); never in the current directory, because no repository may set a URL or weaken a policy. In the file the
settings have the names of the attributes below, in the environment those of `VARIABLES`. An empty variable counts
as unset.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

VARIABLES: Final[Mapping[str, str]] = {
    "host": "HOST",
    "port": "PORT",
    "root_path": "ROOT_PATH",
    "database_url": "DATABASE_URL",
    "pool_size": "COORDINATION_POOL_SIZE",
    "data_dir": "COORDINATION_DATA_DIR",
    "log_format": "COORDINATION_LOG_FORMAT",
    "log_level": "COORDINATION_LOG_LEVEL",
    "log_file": "COORDINATION_LOG_FILE",
    "local_token": "COORDINATION_LOCAL_TOKEN",
}
"""The environment variable of each setting."""

CONFIG_VARIABLE: Final = "COORDINATION_CONFIG"
FILE_NAME: Final = "coordination.toml"
DEFAULT: Final = "default"
EMBEDDED: Final = "embedded"

_APP: Final = "coordination"
_ROOT_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*")


class InvalidSetting(Exception):
    """A setting cannot be used; the message names it, where it comes from, and what to write instead."""


def _loopback(host: str) -> str:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError(
            "only this machine can be served (127.0.0.1 or ::1). Serving others needs authentication, which does not "
            "exist yet; without it everybody on the network could read and release your locks"
        )
    return "127.0.0.1" if host == "localhost" else host


def _prefix(path: str) -> str:
    path = path.rstrip("/")
    if not _ROOT_PATH.fullmatch(path):
        raise ValueError("write a URL prefix such as /coordination, of letters, digits and . _ ~ -")
    return path


def _postgres(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ValueError("write it as postgresql://user:password@host:5432/name")
    return url


def _absolute(path: Path) -> Path:
    expanded = path.expanduser()
    if not expanded.is_absolute():
        raise ValueError("write an absolute path")
    return Path(os.path.normpath(expanded))


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Folder = Annotated[Path, AfterValidator(_absolute)]


class Settings(BaseSettings):
    """What the service and the commands were told. Made by `load`; read-only.

    Attributes:
        host: the address of this machine to listen on.
        port: the port; 0 takes a free one, which `coord up` prints.
        root_path: the URL prefix under which a proxy serves us, without a slash at its end; "" for none.
        database_url: a Postgres of your own; None has the service start its own in the data folder.
        pool_size: most connections to the database for calls; the event feed has one more.
        data_dir: where the database, logs, the state of running services and the local token lie.
        log_format: `auto` writes for people on a terminal and JSON elsewhere.
        log_level: what is logged.
        log_file: a file, rotated at 8 MB, instead of standard error.
        local_token: `required` asks every client for the local token; `auto` only where the system cannot tell
            which user is at the other end of a connection.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, AfterValidator(_loopback)] = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    root_path: Annotated[str, AfterValidator(_prefix)] = ""
    database_url: Annotated[SecretStr, AfterValidator(_postgres)] | None = None
    pool_size: int = Field(default=4, ge=1, le=50)
    data_dir: Folder = Field(default_factory=lambda: platformdirs.user_data_path(_APP, appauthor=False))
    log_format: Annotated[Literal["auto", "json", "console"], BeforeValidator(_lower)] = "auto"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = "info"
    log_file: Folder | None = None
    local_token: Annotated[Literal["auto", "required"], BeforeValidator(_lower)] = "auto"  # noqa: S105 - when to ask

    _origins: dict[str, str] = PrivateAttr(default_factory=dict[str, str])

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from `load` alone: it knows where each of them comes from."""
        return (init_settings,)

    @property
    def dsn(self) -> str | None:
        """The database of your own with its credential, None in the embedded mode. Never log or show it."""
        return None if self.database_url is None else self.database_url.get_secret_value()

    @property
    def database_name(self) -> str:
        """What may be said of the database: `embedded`, or host and name; no credential."""
        if self.dsn is None:
            return EMBEDDED
        parts = urlsplit(self.dsn)
        return f"{parts.hostname or 'local socket'}{parts.path}"

    def origin(self, name: str) -> str:
        """Where the value of a setting comes from: the variable's name, the file's path, or `default`."""
        return self._origins.get(name, DEFAULT)

    def is_from_environment(self, name: str) -> bool:
        """Whether the person set it for this very command, or exported it."""
        return self.origin(name) == VARIABLES[name]


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and validate the settings.

    Args:
        environment: variables to read instead of the process's own.

    Raises:
        InvalidSetting: a value or a file cannot be used.
    """
    variables = os.environ if environment is None else environment
    given = {name: text for name, key in VARIABLES.items() if (text := variables.get(key, "").strip())}
    origins = {name: VARIABLES[name] for name in given}
    values: dict[str, Any] = dict(given)
    for name in ("data_dir", "log_file"):
        if name in given:
            values[name] = os.path.abspath(os.path.expanduser(given[name]))
    for path in _files(variables, values):
        for name, value in _read(path).items():
            if name not in values:
                values[name] = value
                origins[name] = str(path)
    return _validated(values, origins)


def _files(variables: Mapping[str, str], values: Mapping[str, Any]) -> list[Path]:
    """The files to read, the strongest first."""
    named = variables.get(CONFIG_VARIABLE, "").strip()
    if named:
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise InvalidSetting(f"{CONFIG_VARIABLE} names {path}, and there is no such file.")
        return [path]
    personal = platformdirs.user_config_path(_APP, appauthor=False) / FILE_NAME
    chosen = values.get("data_dir") or _read(personal).get("data_dir")
    data_dir = chosen if isinstance(chosen, str) else str(platformdirs.user_data_path(_APP, appauthor=False))
    beside = Path(data_dir).expanduser() / FILE_NAME
    if "data_dir" in _read(beside):
        raise InvalidSetting(f"data_dir in {beside}: a file in the data folder cannot name the data folder.")
    return [beside, personal]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSetting(f"{path} cannot be read: {error}.") from error
    unknown = sorted(set(found) - set(VARIABLES))
    if unknown:
        raise InvalidSetting(
            f"{unknown[0]} in {path} is not a setting. The settings are: {', '.join(VARIABLES)}."
        )
    return found


def _validated(values: dict[str, Any], origins: dict[str, str]) -> Settings:
    try:
        settings = Settings(**values)
    except ValidationError as error:
        # Without `input`: it may hold a password.
        problem = error.errors(include_url=False, include_input=False)[0]
        name = str(problem["loc"][0])
        origin = origins.get(name, DEFAULT)
        place = origin if origin == VARIABLES.get(name) else f"{name} in {origin}"
        raise InvalidSetting(f"{place}: {problem['msg'].removeprefix('Value error, ')}.") from None
    settings._origins.update(origins)  # pyright: ignore[reportPrivateUsage]  filled once, here
    return settings
