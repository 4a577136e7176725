"""What can be set, each with its variable, its default and what it may be. Where values come from is in `sources`."""

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, ValidationInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

VARIABLES: Final[Mapping[str, str]] = {
    "database_url": "DATABASE_URL",
    "mode": "COORDINATION_MODE",
    "host": "HOST",
    "port": "PORT",
    "root_path": "ROOT_PATH",
    "public_url": "COORDINATION_PUBLIC_URL",
    "cors_origins": "COORDINATION_CORS_ORIGINS",
    "trusted_proxies": "COORDINATION_TRUSTED_PROXIES",
    "supabase_url": "SUPABASE_URL",
    "supabase_key": "SUPABASE_PUBLISHABLE_KEY",
    "bootstrap_token": "COORDINATION_BOOTSTRAP_TOKEN",
    "workers": "COORDINATION_WORKERS",
    "stop_seconds": "COORDINATION_STOP_SECONDS",
    "pool_size": "COORDINATION_POOL_SIZE",
    "data_dir": "COORDINATION_DATA_DIR",
    "log_format": "COORDINATION_LOG_FORMAT",
    "log_level": "COORDINATION_LOG_LEVEL",
    "log_file": "COORDINATION_LOG_FILE",
    "local_token": "COORDINATION_LOCAL_TOKEN",
}
"""The environment variable of each setting."""
PLATFORM: Final[Mapping[str, str]] = {"public_url": "RENDER_EXTERNAL_URL", "workers": "WEB_CONCURRENCY"}
"""Variables that a platform sets by itself, for settings whose own variable says nothing."""
SECRETS: Final = frozenset({"database_url", "bootstrap_token"})
"""Settings that hold a credential: they are never shown as they are."""

DEFAULT: Final = "default"
EMBEDDED: Final = "embedded"
HOSTED: Final = "hosted"
BOOTSTRAP_MIN: Final = 32
BOOTSTRAP_MAX: Final = 256

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


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(host: str, info: ValidationInfo) -> str:
    if not _is_loopback(host) and info.data.get("mode") != HOSTED:
        raise ValueError(
            "only this machine can be served (127.0.0.1 or ::1) in local mode, which asks nobody who he is. To serve "
            f"others choose the hosted mode: {VARIABLES['mode']}={HOSTED}"
        )
    return "127.0.0.1" if host == "localhost" else host


def _with_database(mode: str, info: ValidationInfo) -> str:
    if mode == HOSTED and info.data.get("database_url") is None:
        raise ValueError(f"the hosted mode needs a database of its own: set {VARIABLES['database_url']}")
    return mode


def _origin(url: str) -> str:
    """Check `scheme://host[:port]`, over TLS but for this machine."""
    parts = urlsplit(url.rstrip("/"))
    secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    if (
        not secure
        or not parts.hostname
        or url.rstrip("/") != f"{parts.scheme}://{parts.netloc}"
        or "@" in parts.netloc
    ):
        raise ValueError(
            "write an address such as https://coordination.example.com, with nothing behind the host"
        )
    return url.rstrip("/").lower()


def _origins(text: object) -> object:
    return tuple(_origin(one) for one in _listed(text)) if isinstance(text, str) else text


def _networks(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return tuple(str(ipaddress.ip_network(one)) for one in _listed(text))
    except ValueError:
        raise ValueError("write addresses or networks such as 10.0.0.0/8, with commas between them") from None


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _long(token: SecretStr) -> SecretStr:
    if not BOOTSTRAP_MIN <= len(token.get_secret_value()) <= BOOTSTRAP_MAX:
        raise ValueError(f"write a random text of {BOOTSTRAP_MIN} to {BOOTSTRAP_MAX} characters")
    return token


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
Origin = Annotated[str, AfterValidator(_origin)]


class Settings(BaseSettings):
    """What the service and the commands were told. Made by `load`; read-only.

    Attributes:
        database_url: a Postgres of your own; None has the service start its own in the data folder.
        mode: `local` serves one person on this machine and asks nobody who he is; `hosted` serves teams, and every
            request needs a credential.
        host: the address of this machine to listen on; in local mode a loopback one.
        port: the port; 0 takes a free one, which `coord up` prints.
        root_path: the URL prefix under which a proxy serves us, without a slash at its end; "" for none.
        public_url: the address under which clients reach the service, such as `https://coordination.example.com`; None
            when it does not matter.
        cors_origins: the origins whose pages may call the service.
        trusted_proxies: the networks of proxies whose forwarded headers are believed.
        supabase_url: the Supabase project whose people may log in; None when there is none.
        supabase_key: its publishable key, which clients are told.
        bootstrap_token: what makes the first workspace and its owner, once; None when that is not wanted.
        workers: how many processes serve the port.
        stop_seconds: how long running calls may take to finish once the service stops.
        pool_size: most connections of each process to the database for calls; its event feed has one more.
        data_dir: where the database, logs, the state of running services and the local token lie.
        log_format: `auto` writes for people on a terminal and JSON elsewhere.
        log_level: what is logged.
        log_file: a file, rotated at 8 MB, instead of standard error.
        local_token: `required` asks every client for the local token; `auto` only where the system cannot tell
            which user is at the other end of a connection.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    database_url: Annotated[SecretStr, AfterValidator(_postgres)] | None = None
    mode: Annotated[Literal["local", "hosted"], BeforeValidator(_lower), AfterValidator(_with_database)] = (
        "local"
    )
    host: Annotated[str, AfterValidator(_listening)] = "127.0.0.1"
    port: Annotated[int, _whole(0, 65535)] = 8000
    root_path: Annotated[str, AfterValidator(_prefix)] = ""
    public_url: Origin | None = None
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(_origins)] = ()
    trusted_proxies: Annotated[tuple[str, ...], BeforeValidator(_networks)] = ()
    supabase_url: Origin | None = None
    supabase_key: str | None = None
    bootstrap_token: Annotated[SecretStr, AfterValidator(_long)] | None = None
    workers: Annotated[int, _whole(1, 32)] = 1
    stop_seconds: Annotated[int, _whole(1, 300)] = 5
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
    def is_hosted(self) -> bool:
        """Whether every request needs a credential."""
        return self.mode == HOSTED

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
