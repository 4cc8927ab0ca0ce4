"""Settings: names, validation, and the messages for an invalid environment."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from app import config
from app.config import BACKEND, RENAMED, Settings, SettingsError, load_settings


def variable(name: str) -> str:
    """The environment variable of a field."""
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else f"APP_{name.upper()}"


VARIABLES = {variable(name) for name in Settings.model_fields}


@pytest.fixture(autouse=True)
def env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(config, "ENV_FILES", (tmp_path / ".env",))
    return tmp_path / ".env"


def test_empty_environment_gives_defaults() -> None:
    assert load_settings().database_pool_size == 5


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("APP_DATABASE_POOL_SISE", "5", "is not a setting of this service. Did you mean APP_DATABASE_POOL_SIZE?"),
        ("APP_COLOUR", "red", "APP_COLOUR is not a setting of this service."),
        ("app_database_pool_sise", "5", "Did you mean APP_DATABASE_POOL_SIZE?"),
        ("app_pool_size", "5", "APP_POOL_SIZE has been renamed: set APP_DATABASE_POOL_SIZE instead."),
        ("APP_DATABASE_POOL_SIZE", "many", "APP_DATABASE_POOL_SIZE is invalid"),
        ("APP_DATABASE_POOL_SIZE", "0", "APP_DATABASE_POOL_SIZE is invalid"),
        ("APP_LOG_LEVEL", "LOUD", "APP_LOG_LEVEL is invalid"),
        ("APP_LOG_SQL", "perhaps", "APP_LOG_SQL is invalid"),
        ("AUTH_MODE", "reads", "AUTH_MODE is invalid"),
        ("APP_AUTH_MODE", "writes", "APP_AUTH_MODE is not a setting of this service."),
        ("APP_AUTH_FAILURES_PER_MINUTE", "0", "APP_AUTH_FAILURES_PER_MINUTE is invalid"),
        ("APP_ENV", "moon", "APP_ENV is invalid"),
        ("APP_CORS_ORIGINS", "*", "it should list origins such as https://shop.example, each by name"),
        ("APP_CORS_ORIGINS", "https://shop.example/, https://b.example", "it should list origins"),
        ("APP_RATE_LIMIT", "0/minute", "APP_RATE_LIMIT is invalid"),
        ("APP_RATE_LIMIT", "600 per minute", "APP_RATE_LIMIT is invalid"),
        ("APP_REDIS_URL", "http://hunter2@localhost", "it should be like redis://user:password@host:6379/0"),
        ("APP_ROOT_PATH", "catalogue", "APP_ROOT_PATH is invalid"),
        ("APP_ROOT_PATH", "/catalogue/", "APP_ROOT_PATH is invalid"),
        ("APP_SERVER_TRUSTED_PROXIES", "*", "it should list addresses or networks such as 10.0.0.0/8, not names or *"),
        ("APP_SERVER_TRUSTED_PROXIES", "10.0.0.1/8", "it should list addresses or networks"),
        ("DATABASE_URL", "mysql://root:hunter2@localhost/x", "DATABASE_URL is invalid"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:port/x", "DATABASE_URL is invalid"),
    ],
)
def test_error_names_variable_and_hides_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=re.escape(message)) as error:
        load_settings()
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("old", RENAMED)
def test_old_name_is_rejected_with_new_name(monkeypatch: pytest.MonkeyPatch, env_file: Path, old: str) -> None:
    message = f"{old} has been renamed: set {RENAMED[old]} instead."
    env_file.write_text(f"{old}=1\n")
    with pytest.raises(SettingsError, match=re.escape(message)):
        load_settings()
    env_file.unlink()
    monkeypatch.setenv(old, "1")
    with pytest.raises(SettingsError, match=re.escape(message)):
        load_settings()


def test_old_names_are_replaced_by_existing_settings() -> None:
    assert set(RENAMED.values()) <= VARIABLES
    assert not set(RENAMED) & VARIABLES


def test_list_is_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_CORS_ORIGINS", "https://a.example, http://localhost:3000,")
    assert load_settings().cors_origins == ("https://a.example", "http://localhost:3000")


def test_env_file_is_read_and_validated(env_file: Path) -> None:
    env_file.write_text("APP_DATABASE_POOL_SIZE=7\n")
    assert load_settings().database_pool_size == 7
    env_file.write_text("APP_DATABASE_POOL_SISE=7\n")
    with pytest.raises(SettingsError, match="Did you mean APP_DATABASE_POOL_SIZE"):
        load_settings()


@pytest.mark.parametrize("document", [".env.example", "docs/configuration.md"])
def test_every_setting_is_documented(document: str) -> None:
    text = (BACKEND.parent / document).read_text()
    assert {name for name in VARIABLES - {"INIT_CWD"} if name not in text} == set()


def test_repr_hides_secrets() -> None:
    settings = Settings(DATABASE_URL="postgresql://u:hunter2@h/x", auth_key_secret=SecretStr("hunter2"))
    assert "hunter2" not in repr(settings)
