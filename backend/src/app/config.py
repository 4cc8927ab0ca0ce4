"""Settings, read from the environment and from `.env` by this module alone."""

import difflib
import os
import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.database_url import parse_database_url

BACKEND: Final = Path(__file__).resolve().parents[2]
SAMPLE_CSV: Final = BACKEND.parent / "deals.csv"
ENV_FILES: Final = (BACKEND.parent / ".env", BACKEND / ".env")
MIN_SECRET_LENGTH: Final = 32
DEFAULT_MAINTENANCE_TIMEOUT: Final = 3600.0
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")

RENAMED: Final[Mapping[str, str]] = {
    "APP_BODY_TIMEOUT": "APP_REQUEST_BODY_TIMEOUT",
    "APP_CONNECT_TIMEOUT": "APP_DATABASE_CONNECT_TIMEOUT",
    "APP_DRAIN_SECONDS": "APP_SHUTDOWN_DRAIN_TIMEOUT",
    "APP_IDLE_IN_TRANSACTION_TIMEOUT": "APP_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT",
    "APP_KEY_SECRET": "APP_AUTH_KEY_SECRET",
    "APP_LOAD_STATEMENT_TIMEOUT": "APP_MAINTENANCE_STATEMENT_TIMEOUT",
    "APP_LOCK_TIMEOUT": "APP_DATABASE_LOCK_TIMEOUT",
    "APP_MAX_BODY_BYTES": "APP_REQUEST_MAX_BODY_BYTES",
    "APP_MAX_IN_FLIGHT": "APP_REQUEST_CONCURRENCY_LIMIT",
    "APP_POOL_MAX_OVERFLOW": "APP_DATABASE_POOL_MAX_OVERFLOW",
    "APP_POOL_PRE_PING": "APP_DATABASE_POOL_PRE_PING",
    "APP_POOL_RECYCLE": "APP_DATABASE_POOL_RECYCLE",
    "APP_POOL_SIZE": "APP_DATABASE_POOL_SIZE",
    "APP_POOL_TIMEOUT": "APP_DATABASE_POOL_TIMEOUT",
    "APP_STATEMENT_TIMEOUT": "APP_DATABASE_STATEMENT_TIMEOUT",
    "APP_TRUSTED_PROXIES": "APP_SERVER_TRUSTED_PROXIES",
    "PG_BIN_DIR": "APP_POSTGRES_BIN_DIR",
    "REDIS_URL": "APP_REDIS_URL",
}
"""Names of version 0.1 and the settings that replaced them."""

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class SettingsError(Exception):
    """Raised for an unknown, renamed or invalid variable. The message is one sentence without the value."""


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class AuthMode(StrEnum):
    """Which requests need an API key."""

    OFF = "off"
    """None."""
    WRITES = "writes"
    """Every request that changes data."""


class Settings(BaseSettings):
    """All settings with their defaults. Frozen. `.env.example` documents each variable."""

    model_config = SettingsConfigDict(
        frozen=True, env_prefix="APP_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    # Environment
    env: Environment = Environment.DEVELOPMENT
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    log_sql: bool = False
    """Log every statement with its duration."""
    init_cwd: Path = Field(Path(), validation_alias="INIT_CWD")
    """The caller's working directory, set by `./uvw`; relative paths on the command line start there."""

    # Which database
    database_url: SecretStr | None = Field(None, validation_alias="DATABASE_URL")
    """Unset: the compose database if it is running, else the embedded server."""
    test_database_url: SecretStr | None = Field(None, validation_alias="TEST_DATABASE_URL")
    """A database on the server that the tests use; unset: a temporary server."""
    data_dir: Path = BACKEND / ".data"
    """Data directory of the embedded server."""
    postgres_bin_dir: Path | None = None
    """PostgreSQL's programs for the embedded server; unset: those of the installed wheel."""

    # Database connections
    database_pool_size: Annotated[int, Field(ge=1)] = 5
    database_pool_max_overflow: Annotated[int, Field(ge=0)] = 10
    database_pool_timeout: Seconds = 0.5
    """How long a request waits for a connection before 503."""
    database_pool_recycle: Annotated[int, Field(ge=-1)] = 3600
    database_pool_pre_ping: bool = False
    """Test each connection for writes before use. Connections known to be closed are replaced in any case."""
    database_connect_timeout: Seconds = 2.0
    database_statement_timeout: Seconds = 2.0
    """PostgreSQL's limit for one statement of a request; the driver's own limit is a little higher."""
    database_lock_timeout: Seconds = 1.0
    database_idle_in_transaction_timeout: Seconds = 5.0
    maintenance_statement_timeout: Seconds = DEFAULT_MAINTENANCE_TIMEOUT
    """Replaces `database_statement_timeout` in imports and maintenance commands."""
    idempotency_purge_interval: Seconds = 3600.0
    """How often each process deletes old idempotency keys, unless another one does at that moment."""

    # Requests
    request_timeout: Seconds = 2.2
    """How long a request may take once its body has arrived, including waits and retries, before 503."""
    request_body_timeout: Annotated[float, Field(gt=0)] = 30.0
    """How long a whole request body may take to arrive before 408."""
    request_max_body_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024
    request_concurrency_limit: Annotated[int, Field(ge=1)] = 200
    """Requests in flight per process; further ones get 503 at once."""
    rate_limit: Annotated[str | None, Field(pattern=r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$")] = None
    """Requests per client, such as 600/minute; unset: unlimited."""
    redis_url: SecretStr | None = None
    """Shared rate limit counters; unset: each process has its own."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose pages may call the service from a browser, such as https://shop.example."""

    # Authentication
    auth_mode: AuthMode | None = Field(None, validation_alias="AUTH_MODE")
    """Unset means off; production requires it to be set."""
    auth_key_secret: SecretStr | None = None
    """HMAC secret of the API key digests; another secret invalidates all keys."""
    auth_failures_per_minute: Annotated[int, Field(ge=1)] = 10
    """Invalid API keys per address before 429."""

    # Server
    root_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")] = ""
    """Path prefix under which a reverse proxy serves the service, such as /catalogue; stripped or not."""
    server_trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses or networks of proxies whose X-Forwarded-For is trusted."""
    shutdown_drain_timeout: Annotated[float, Field(ge=0, le=60)] = 1.0
    """How long requests are still accepted after SIGTERM, while the readiness probe fails."""

    @field_validator("database_url", "test_database_url")
    @classmethod
    def _validate_postgres_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_database_url(value.get_secret_value())
        return value

    @field_validator("cors_origins", "server_trusted_proxies", mode="before")
    @classmethod
    def _split_csv(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _validate_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError("it should list origins such as https://shop.example, each by name")
        return value

    @field_validator("server_trusted_proxies")
    @classmethod
    def _validate_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            try:
                ip_network(proxy)
            except ValueError:
                raise ValueError("it should list addresses or networks such as 10.0.0.0/8, not names or *") from None
        return value

    @field_validator("redis_url")
    @classmethod
    def _validate_redis_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and urlsplit(value.get_secret_value()).scheme not in {"redis", "rediss"}:
            raise ValueError("it should be like redis://user:password@host:6379/0")
        return value

    @property
    def is_production(self) -> bool:
        return self.env is Environment.PRODUCTION

    @property
    def write_auth_enabled(self) -> bool:
        return self.auth_mode is AuthMode.WRITES

    def require_key_secret(self) -> bytes:
        """The secret of the API key digests. Raises SettingsError if it is missing or too short."""
        secret = self.auth_key_secret.get_secret_value() if self.auth_key_secret else ""
        if len(secret) < MIN_SECRET_LENGTH:
            raise SettingsError(
                f"API keys need APP_AUTH_KEY_SECRET, a random string of at least {MIN_SECRET_LENGTH} characters."
            )
        return secret.encode()


def load_settings() -> Settings:
    """Read the settings. Raises SettingsError for an unknown `APP_` variable, an old name, or an invalid value."""
    from_files = [name for file in ENV_FILES for name in dotenv_values(file)]
    _check_names({*os.environ, *from_files})
    try:
        return Settings(_env_file=ENV_FILES)
    except ValidationError as error:
        raise SettingsError("; ".join(_format_error(detail) for detail in error.errors())) from None


def _check_names(names: set[str]) -> None:
    known = [f"APP_{name.upper()}" for name, field in Settings.model_fields.items() if field.validation_alias is None]
    for name in sorted(name.upper() for name in names):  # pydantic-settings ignores their case too
        if name in RENAMED:
            raise SettingsError(f"{name} has been renamed: set {RENAMED[name]} instead.")
        if name.startswith("APP_") and name not in known:
            similar = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {similar[0]}?" if similar else ""
            raise SettingsError(f"{name} is not a setting of this service.{hint}")


def _format_error(detail: Mapping[str, object]) -> str:
    location = detail["loc"]
    name = str(location[0]) if isinstance(location, tuple) else ""
    variable = name if name.isupper() else f"APP_{name.upper()}"
    reason = str(detail["msg"]).removeprefix("Value error, ").replace("Input should", "it should")
    return f"{variable} is invalid: {reason}."
