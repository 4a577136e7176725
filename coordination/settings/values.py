"""What can be set, each with its variable, its default and what it may be. Where values come from is in `sources`."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlencode, urlsplit

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, ValidationInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from coordination.domain import database_url
from coordination.domain.database_url import PoolerMode
from coordination.settings.forms import (
    Folder,
    Origin,
    is_loopback,
    lower,
    networks,
    origins,
    prefix,
    whole,
)

VARIABLES: Final[Mapping[str, str]] = {
    "pooler_mode": "COORDINATION_POOLER_MODE",
    "database_ca": "COORDINATION_DATABASE_CA",
    "database_url": "DATABASE_URL",
    "realtime": "COORDINATION_REALTIME",
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
    "metrics_token": "COORDINATION_METRICS_TOKEN",
    "token_rate": "COORDINATION_TOKEN_RATE",
    "address_rate": "COORDINATION_ADDRESS_RATE",
    "address_requests": "COORDINATION_ADDRESS_REQUESTS",
    "address_failures": "COORDINATION_ADDRESS_FAILURES",
    "workers": "COORDINATION_WORKERS",
    "stop_seconds": "COORDINATION_STOP_SECONDS",
    "pool_size": "COORDINATION_POOL_SIZE",
    "keep_events_days": "COORDINATION_KEEP_EVENTS_DAYS",
    "keep_closed_days": "COORDINATION_KEEP_CLOSED_DAYS",
    "data_dir": "COORDINATION_DATA_DIR",
    "log_format": "COORDINATION_LOG_FORMAT",
    "log_level": "COORDINATION_LOG_LEVEL",
    "log_file": "COORDINATION_LOG_FILE",
    "local_token": "COORDINATION_LOCAL_TOKEN",
    "daemon_port": "COORDINATION_DAEMON_PORT",
}
"""The environment variable of each setting."""
PLATFORM: Final[Mapping[str, str]] = {"public_url": "RENDER_EXTERNAL_URL", "workers": "WEB_CONCURRENCY"}
"""Variables that a platform sets by itself, for settings whose own variable says nothing."""
SECRETS: Final = frozenset({"database_url", "bootstrap_token", "metrics_token"})
"""Settings that hold a credential: they are never shown as they are."""

DEFAULT: Final = "default"
EMBEDDED: Final = "embedded"
HOSTED: Final = "hosted"
BOOTSTRAP_MIN: Final = 32
BOOTSTRAP_MAX: Final = 256
KEEP_MAX: Final = 36_500

APP: Final = "coordination"
"""The name of our folders among those of the user."""


def _listening(host: str, info: ValidationInfo) -> str:
    # Another setting that cannot be used is told by itself; it is not among the data.
    if not is_loopback(host) and info.data.get("mode", HOSTED) != HOSTED:
        raise ValueError(
            "only this machine can be served (127.0.0.1 or ::1) in local mode, which asks nobody who he is. To serve "
            f"others choose the hosted mode: {VARIABLES['mode']}={HOSTED}"
        )
    return "127.0.0.1" if host == "localhost" else host


def _with_database(mode: str, info: ValidationInfo) -> str:
    if mode == HOSTED and info.data.get("database_url", "") is None:
        raise ValueError(f"the hosted mode needs a database of its own: set {VARIABLES['database_url']}")
    return mode


def _long(token: SecretStr) -> SecretStr:
    if not BOOTSTRAP_MIN <= len(token.get_secret_value()) <= BOOTSTRAP_MAX:
        raise ValueError(f"write a random text of {BOOTSTRAP_MIN} to {BOOTSTRAP_MAX} characters")
    return token


def _postgres(url: SecretStr, info: ValidationInfo) -> SecretStr:
    read = database_url.read(url.get_secret_value())
    declare = f"{VARIABLES['pooler_mode']}=transaction"
    # A mode that cannot be used is told by itself.
    if why := database_url.refusal(read, info.data.get("pooler_mode", "transaction"), declare=declare):
        raise ValueError(why)
    return url


class Settings(BaseSettings):
    """What the service and the commands were told. Made by `load`; read-only.

    Attributes:
        pooler_mode: what stands between us and the database of your own: `session` for nothing, or a pooler that keeps
            a session for each connection; `transaction` for one that does not.
        database_ca: a file of the certificates that are believed when the database shows its own; None for those of
            the URL, else those that the system trusts.
        database_url: a Postgres of your own; None has the service start its own in the data folder.
        realtime: `on` broadcasts events through Supabase's Realtime as well, where the database has it.
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
        metrics_token: what opens the metrics of a hosted service, and nothing else; None does not serve them.
        token_rate: requests a second that one credential of a hosted service may make.
        address_rate: requests a second that one address may make.
        address_requests: requests of one address that may be under way at once, streams among them; and its
            connections, unless it is a trusted proxy.
        address_failures: failed authentications in a minute of one address.
        workers: how many processes serve the port.
        stop_seconds: how long running calls may take to finish once the service stops.
        pool_size: most connections of each process to the database for calls; its event feed has one more.
        keep_events_days: for how many days events are kept, and what a session no longer needs of its plans; 0 keeps
            them for ever.
        keep_closed_days: for how many days a closed session is kept since something last happened there; 0 keeps it.
        data_dir: where the database, logs, the state of running services and the local token lie.
        log_format: `auto` writes for people on a terminal and JSON elsewhere.
        log_level: what is logged.
        log_file: a file, rotated at 8 MB, instead of standard error.
        local_token: `required` asks every client for the local token; `auto` only where the system cannot tell
            which user is at the other end of a connection.
        daemon_port: the port of this machine at which the daemon serves terminals and pages.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    pooler_mode: Annotated[PoolerMode, BeforeValidator(lower)] = "session"
    database_ca: Folder | None = None
    database_url: Annotated[SecretStr, AfterValidator(_postgres)] | None = None
    realtime: Annotated[Literal["off", "on"], BeforeValidator(lower)] = "off"
    mode: Annotated[Literal["local", "hosted"], BeforeValidator(lower), AfterValidator(_with_database)] = (
        "local"
    )
    host: Annotated[str, AfterValidator(_listening)] = "127.0.0.1"
    port: Annotated[int, whole(0, 65535)] = 8000
    root_path: Annotated[str, AfterValidator(prefix)] = ""
    public_url: Origin | None = None
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(origins)] = ()
    trusted_proxies: Annotated[tuple[str, ...], BeforeValidator(networks)] = ()
    supabase_url: Origin | None = None
    supabase_key: str | None = None
    bootstrap_token: Annotated[SecretStr, AfterValidator(_long)] | None = None
    metrics_token: Annotated[SecretStr, AfterValidator(_long)] | None = None
    token_rate: Annotated[int, whole(1, 10_000)] = 50
    address_rate: Annotated[int, whole(1, 100_000)] = 200
    address_requests: Annotated[int, whole(1, 10_000)] = 200
    address_failures: Annotated[int, whole(1, 10_000)] = 30
    workers: Annotated[int, whole(1, 32)] = 1
    stop_seconds: Annotated[int, whole(1, 300)] = 5
    pool_size: Annotated[int, whole(1, 50)] = 4
    keep_events_days: Annotated[int, whole(0, KEEP_MAX)] = 90
    keep_closed_days: Annotated[int, whole(0, KEEP_MAX)] = 365
    data_dir: Folder = Field(default_factory=lambda: platformdirs.user_data_path(APP, appauthor=False))
    log_format: Annotated[Literal["auto", "json", "console"], BeforeValidator(lower)] = "auto"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower)] = "info"
    log_file: Folder | None = None
    local_token: Annotated[Literal["auto", "required"], BeforeValidator(lower)] = "auto"  # noqa: S105 - when to ask
    daemon_port: Annotated[int, whole(1, 65535)] = 8765

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
        """The database of your own with its credential, None in the embedded mode. Never log or show it.

        It says all of TLS in libpq's words, to programs of Postgres too: `database_ca`, where the URL does not say
        which certificates to believe, and that over a network they are verified, where it says nothing.
        """
        if self.database_url is None:
            return None
        url = self.database_url.get_secret_value()
        read = database_url.read(url)
        more: dict[str, str] = {}
        if self.database_ca is not None:
            more["sslrootcert"] = str(self.database_ca)
        if not read.is_local or more:
            more["sslmode"] = "verify-full"
        unsaid = {name: value for name, value in more.items() if name not in read.parameters}
        added = urlencode(unsaid, safe="/", quote_via=quote)
        return f"{url}{'&' if urlsplit(url).query else '?'}{added}" if added else url

    @property
    def transaction_pooler(self) -> bool:
        """Whether a pooler that keeps no sessions stands between us and the database."""
        return self.dsn is not None and self.pooler_mode == "transaction"

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
