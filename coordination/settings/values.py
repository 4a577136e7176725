"""What can be set, each with its variable, its default and what it may be. Where values come from is in `sources`."""

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr
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

DEFAULT: Final = "default"
EMBEDDED: Final = "embedded"

APP: Final = "coordination"
"""The name of our folders among those of the user."""
_ROOT_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*")


def _whole(lowest: int, highest: int) -> BeforeValidator:
    def read(value: object) -> int:
        text = str(value)
        if not re.fullmatch("[0-9]{1,9}", text) or not lowest <= int(text) <= highest:
            raise ValueError(f"write a whole number from {lowest} to {highest}")
        return int(text)

    return BeforeValidator(read)


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
    form = "write it as postgresql://user:password@host:5432/name"
    try:
        parts = urlsplit(url.get_secret_value())
    except ValueError:
        # What it says repeats the password.
        raise ValueError(form) from None
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ValueError(form)
    return url


def _absolute(path: Path) -> Path:
    expanded = os.path.expanduser(path)
    if not os.path.isabs(expanded) or "\0" in expanded:
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
    port: Annotated[int, _whole(0, 65535)] = 8000
    root_path: Annotated[str, AfterValidator(_prefix)] = ""
    database_url: Annotated[SecretStr, AfterValidator(_postgres)] | None = None
    pool_size: Annotated[int, _whole(1, 50)] = 4
    data_dir: Folder = Field(default_factory=lambda: platformdirs.user_data_path(APP, appauthor=False))
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
