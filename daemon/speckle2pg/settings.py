"""Settings: environment, `.env`, or NAME_FILE holding the value; every fault reported at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import platformdirs
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import DotEnvSettingsSource

from speckle2pg.errors import ConfigurationError
from speckle2pg.setting_values import (
    Level,
    PostgresURL,
    SchemaName,
    Seconds,
    TextList,
    TimeZone,
    WebAddress,
    WebAddressList,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def _default_data_dir() -> Path:
    """Root's own data folder is closed to PostgreSQL's user, so root uses /var/lib."""
    if os.geteuid() == 0:
        return Path("/var/lib/speckle2pg")
    return platformdirs.user_data_path("speckle2pg")


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Stands for the value of a setting whose file cannot be read, so that this is one fault among the others."""

    reason: str


class FileSource(PydanticBaseSettingsSource):
    """Reads NAME_FILE: the setting's value is the content of that file, without trailing line ends; empty is unset.

    Args:
        settings_cls: The settings.
        dotenv: Names and values of `.env`, in lower case: NAME_FILE may stand there too.
    """

    def __init__(self, settings_cls: type[BaseSettings], dotenv: Mapping[str, str | None]) -> None:
        super().__init__(settings_cls)
        self._dotenv = dotenv

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 (pydantic's)
        """The value of one setting, if its _FILE variable is set."""
        name = f"{field_name}_file"
        path = os.environ.get(name.upper()) or self._dotenv.get(name)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip("\r\n") or None, field_name, False
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8 text"
            return _Unreadable(f"{name.upper()} cannot be read: {path}: {reason}"), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All settings whose _FILE variable is set."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """All settings of speckle2pg. Times are seconds; secrets never print."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # A traceback would show what was given for a secret.
        hide_input_in_errors=True,
    )

    # Speckle
    speckle_server_url: WebAddress | None = None
    """Address by which the daemon reaches the server."""
    speckle_public_url: WebAddress | None = None
    """Address for links in a browser; SPECKLE_SERVER_URL if unset."""
    speckle_token: SecretStr | None = None
    """Personal access token."""
    speckle_requests_per_second: Annotated[float, Field(gt=0)] = 10.0
    """Upper bound of our own requests per second: each authenticated one costs the server 50 ms of CPU."""
    use_subscription: bool = True
    """Follow projects over a websocket."""
    use_webhook: bool = True
    """Accept webhooks."""
    projects_per_socket: Annotated[int, Field(ge=1, le=5000)] = 500
    """Projects on one websocket; a broken socket means a catch-up of these."""
    reconcile_interval: Seconds = 300.0
    """Seconds between two comparisons of everything with the server."""

    # PostgreSQL
    database_url: PostgresURL | None = None
    """The daemon's login; unset: an embedded PostgreSQL in DATA_DIR."""
    migrate_database_url: PostgresURL | None = None
    """The owner's login for migrations; DATABASE_DIRECT_URL or DATABASE_URL if unset."""
    database_direct_url: PostgresURL | None = None
    """Past a transaction pooler, for LISTEN and migrations."""
    db_schema: SchemaName = "public"
    """Schema that holds all tables."""
    db_pool_min: Annotated[int, Field(ge=0)] = 1
    """Connections kept open."""
    db_pool_max: Annotated[int, Field(ge=2, le=1000)] = 10
    """Connections at most."""
    data_dir: Path = Field(default_factory=_default_data_dir)
    """Folder of the embedded PostgreSQL."""
    migrate_on_start: bool = True
    """Bring the schema up to date when `run` starts."""
    takeover_timezone: TimeZone = "UTC"
    """Time zone of the times that an earlier adapter kept without one; for `migrate --takeover`."""

    # HTTP
    http_host: str = "127.0.0.1"
    """Address to listen on."""
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8090
    """Port to listen on; 0 lets the system choose."""
    public_url: WebAddress | None = None
    """Address under which Speckle reaches this daemon."""
    admin_token: SecretStr | None = None
    """Bearer token of the routes that change something."""
    read_token: SecretStr | None = None
    """Bearer token of the routes that only read."""
    jwt_secret: SecretStr | None = None
    """PostgREST's secret; its tokens are accepted for reading."""
    allow_origins: TextList = []
    """Origins that a browser may call from, comma separated."""
    webhook_secret: SecretStr | None = None
    """Secret that Speckle signs webhooks with."""
    webhook_allow_unsigned: bool = False
    """Accept webhooks without a signature (only where nobody else can reach the port)."""
    webhook_max_bytes: Annotated[int, Field(ge=1024)] = 1024 * 1024
    """Largest webhook body, bytes."""

    # Work
    sync_concurrency: Annotated[int, Field(ge=1, le=100)] = 4
    """Projects that are synced at the same time."""
    mailbox_size: Annotated[int, Field(ge=1)] = 64
    """Slots of a project's mailbox; beyond it the whole project is looked at."""
    lease_ttl: Annotated[Seconds, Field(ge=1)] = 10.0
    """Seconds without a heartbeat after which another replica takes a project over."""
    lag_slo: Seconds = 60.0
    """Lag that `status` and the alerts still accept."""
    hold_removed_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of a model's elements beyond which a removal waits for a person; 1 is off."""
    hold_min_elements: Annotated[int, Field(ge=0)] = 20
    """Smaller models are never held."""
    hold_removed_with_status: Annotated[int, Field(ge=0)] = 0
    """Elements with a status beyond which a removal waits for a person; 0 is off."""
    history: bool = True
    """Keep former images of elements."""
    history_keep_days: Annotated[int, Field(ge=0)] = 0
    """Days that history is kept; 0 is for ever."""
    events_keep_days: Annotated[int, Field(ge=0)] = 30
    """Days that handled requests, settled notifications, the admin log and snapshots are kept; 0 is for ever."""
    project_metrics_limit: Annotated[int, Field(ge=0)] = 1000
    """Projects beyond which metrics are no longer per project."""
    shutdown_timeout: Seconds = 30.0
    """Seconds that running syncs get to end when the daemon is stopped."""

    # Telling others
    notify_urls: WebAddressList = []
    """Addresses that get a signed POST after each synced version, comma separated."""
    notify_secret: SecretStr | None = None
    """Secret that these POSTs are signed with."""
    notify_format: Literal["json", "text"] = "json"
    """Body of these POSTs."""
    display_timezone: TimeZone = "UTC"
    """Time zone of texts for people."""
    log_format: Literal["text", "json"] | None = None
    """text or json; unset: text on a terminal, else json."""
    log_level: Level = "INFO"
    """Lowest level that is logged."""

    @field_validator("*", mode="before")
    @classmethod
    def _file_was_read(cls, value: Any) -> Any:
        if isinstance(value, _Unreadable):
            raise ValueError(value.reason)  # noqa: TRY004  (pydantic collects these)
        return value

    @field_validator("db_pool_max")
    @classmethod
    def _pool_can_hold_its_minimum(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("db_pool_min", 0):
            raise ValueError("must not be smaller than DB_POOL_MIN")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (pydantic's signature)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What wins: arguments, then files named by NAME_FILE, then the environment, then `.env`."""
        assert isinstance(dotenv_settings, DotEnvSettingsSource)  # noqa: S101
        return (init_settings, FileSource(settings_cls, dotenv_settings.env_vars), env_settings, dotenv_settings)

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Reads and validates all settings.

        Raises:
            ConfigurationError: One line per fault, each with the setting's name; values of secrets left out.
        """
        try:
            return cls(**overrides)
        except ValidationError as error:
            lines = [_fault(item) for item in error.errors(include_url=False, include_input=False)]
            raise ConfigurationError("\n".join(lines)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f".env cannot be read: {getattr(error, 'strerror', None) or error}") from None

    @property
    def link_url(self) -> str | None:
        """Address for links in a browser."""
        return self.speckle_public_url or self.speckle_server_url

    @property
    def shutdown(self) -> timedelta:
        """The drain deadline."""
        return timedelta(seconds=self.shutdown_timeout)

    def secrets(self) -> list[str]:
        """Values that must appear nowhere; database addresses are cleaned by their form instead."""
        fields = (self.speckle_token, self.admin_token, self.read_token, self.jwt_secret)
        more = (self.webhook_secret, self.notify_secret)
        return [secret.get_secret_value() for secret in (*fields, *more) if secret is not None]


def _fault(item: Any) -> str:
    name = str(item["loc"][0]).upper() if item["loc"] else "settings"
    return f"{name}: {str(item['msg']).removeprefix('Value error, ')}"
