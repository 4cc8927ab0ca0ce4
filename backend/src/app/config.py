"""The settings. This module is the only reader of the environment."""

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

BACKEND: Final = Path(__file__).resolve().parents[2]
ENV_FILES: Final = (BACKEND.parent / ".env", BACKEND / ".env")
MIN_SECRET_LENGTH: Final = 32
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
_SCHEMES: Final = ("postgresql", "postgresql+psycopg2", "postgresql+asyncpg")

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class SettingsError(Exception):
    """The environment holds a variable that is unknown or has a bad value. The message is one sentence."""


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class AuthMode(StrEnum):
    """Who may write."""

    OFF = "off"
    """Everybody."""
    WRITES = "writes"
    """Who has a key."""


class Settings(BaseSettings):
    """Everything that can be set from outside, with its default. Frozen."""

    model_config = SettingsConfigDict(
        frozen=True, env_prefix="APP_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: SecretStr | None = Field(None, validation_alias="DATABASE_URL")
    """The catalogue's database; unset: the compose database if it answers, else the embedded one."""
    redis_url: SecretStr | None = Field(None, validation_alias="REDIS_URL")
    """Where the processes count requests together; unset: each counts its own."""
    test_database_url: SecretStr | None = Field(None, validation_alias="TEST_DATABASE_URL")
    """A server's database that the tests may fill and empty; unset: a throw-away server."""
    pg_bin_dir: Path | None = Field(None, validation_alias="PG_BIN_DIR")
    """PostgreSQL's programs for the embedded server, instead of those of the wheel."""
    init_cwd: Path = Field(Path(), validation_alias="INIT_CWD")
    """Where the caller of `./uvw` stood: relative paths on the command line start there."""

    auth_mode: AuthMode | None = Field(None, validation_alias="AUTH_MODE")
    """Whether a write needs a key; unset: no, which production accepts only if it is said."""

    env: Environment = Environment.DEVELOPMENT
    data_dir: Path = BACKEND / ".data"
    """Where the embedded database lives."""
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    max_body_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024
    key_secret: SecretStr | None = None
    """What the digests of keys are made with; another one makes all keys invalid."""
    auth_failures_per_minute: Annotated[int, Field(ge=1)] = 10
    """Wrong keys from one address before its next ones are answered 429."""
    body_timeout: Annotated[float, Field(gt=0)] = 30.0
    """Seconds that the whole body of a request may take."""
    rate_limit: Annotated[str | None, Field(pattern=r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$")] = None
    """Requests that one client may make, such as 600/minute; unset: any number."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """The sites whose pages may call the service from a browser, such as https://shop.example."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """The addresses or networks of the proxies that may say for whom they ask; nobody else is believed."""
    drain_seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    """How long after SIGTERM requests are still taken, while the readiness says that it is time to go elsewhere."""
    pool_size: Annotated[int, Field(ge=1)] = 5
    pool_max_overflow: Annotated[int, Field(ge=0)] = 10
    pool_timeout: Seconds = 0.5
    """How long a request waits for a connection before 503."""
    pool_recycle: Annotated[int, Field(ge=-1)] = 3600
    pool_pre_ping: bool = False
    """Ask each connection whether it works before it is used; those known to be closed are replaced anyway."""
    connect_timeout: Seconds = 2.0
    statement_timeout: Seconds = 2.0
    """How long PostgreSQL works on one statement of a request; the driver gives up a little later."""
    lock_timeout: Seconds = 1.0
    """How long a statement waits for somebody else's lock."""
    idle_in_transaction_timeout: Seconds = 5.0
    """How long PostgreSQL keeps a transaction open in which nothing happens."""
    request_timeout: Seconds = 2.2
    """How long a request may take once its body is there, waits and retries included."""
    load_statement_timeout: Seconds = 3600.0
    """The same as `statement_timeout` for an import."""

    max_in_flight: Annotated[int, Field(ge=1)] = 200
    """How many requests one process works on at once; others are answered 503 immediately."""

    @field_validator("database_url", "test_database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _refuse_other_than_postgresql(value.get_secret_value())
        return value

    @field_validator("cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _is_listed(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError("it should list origins such as https://shop.example, each by name")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            try:
                ip_network(proxy)
            except ValueError:
                raise ValueError("it should list addresses or networks such as 10.0.0.0/8, not names or *") from None
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
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
        """What keys are digested with. Raises SettingsError unless there is one that is long enough."""
        secret = self.key_secret.get_secret_value() if self.key_secret else ""
        if len(secret) < MIN_SECRET_LENGTH:
            raise SettingsError(f"Keys need APP_KEY_SECRET, a random text of at least {MIN_SECRET_LENGTH} characters.")
        return secret.encode()


def _refuse_other_than_postgresql(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ValueError("it should be like postgresql://user:password@host:5432/database")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("its port should be a number up to 65535") from None


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. Raises SettingsError for an unknown `APP_` variable or a value that does not fit."""
    from_files = [name for file in ENV_FILES for name in dotenv_values(file)]
    _refuse_unknown({*environment, *from_files})
    try:
        return Settings(_env_file=ENV_FILES)
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(problem) for problem in error.errors())) from None


def _refuse_unknown(names: set[str]) -> None:
    known = [f"APP_{name.upper()}" for name, field in Settings.model_fields.items() if field.validation_alias is None]
    for name in sorted(names):
        if name.startswith("APP_") and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise SettingsError(f"{name} is not a setting of this service.{hint}")


def _sentence(problem: Mapping[str, object]) -> str:
    location = problem["loc"]
    name = str(location[0]) if isinstance(location, tuple) else ""
    variable = name if name.isupper() else f"APP_{name.upper()}"
    reason = str(problem["msg"]).removeprefix("Value error, ").replace("Input should", "it should")
    return f"{variable} has a value that does not fit: {reason}."
