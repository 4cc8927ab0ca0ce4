"""The settings, and what a wrong environment is told."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from app import config
from app.config import BACKEND, Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def _no_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(config, "ENV_FILES", (tmp_path / ".env",))


def test_no_variable_is_needed() -> None:
    assert load_settings().pool_size == 5


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("APP_POOL_SISE", "5", "APP_POOL_SISE is not a setting of this service. Did you mean APP_POOL_SIZE?"),
        ("APP_COLOUR", "red", "APP_COLOUR is not a setting of this service."),
        ("APP_POOL_SIZE", "many", "APP_POOL_SIZE has a value that does not fit"),
        ("APP_POOL_SIZE", "0", "APP_POOL_SIZE has a value that does not fit"),
        ("APP_LOG_LEVEL", "LOUD", "APP_LOG_LEVEL has a value that does not fit"),
        ("AUTH_MODE", "reads", "AUTH_MODE has a value that does not fit"),
        ("APP_AUTH_MODE", "writes", "APP_AUTH_MODE is not a setting of this service."),
        ("APP_AUTH_FAILURES_PER_MINUTE", "0", "APP_AUTH_FAILURES_PER_MINUTE has a value that does not fit"),
        ("APP_ENV", "moon", "APP_ENV has a value that does not fit"),
        ("APP_CORS_ORIGINS", "*", "it should list origins such as https://shop.example, each by name"),
        ("APP_CORS_ORIGINS", "https://shop.example/, https://b.example", "it should list origins"),
        ("APP_RATE_LIMIT", "0/minute", "APP_RATE_LIMIT has a value that does not fit"),
        ("APP_RATE_LIMIT", "600 per minute", "APP_RATE_LIMIT has a value that does not fit"),
        ("REDIS_URL", "http://hunter2@localhost", "it should be like redis://user:password@host:6379/0"),
        ("APP_TRUSTED_PROXIES", "*", "it should list addresses or networks such as 10.0.0.0/8, not names or *"),
        ("APP_TRUSTED_PROXIES", "10.0.0.1/8", "it should list addresses or networks"),
        ("DATABASE_URL", "mysql://root:hunter2@localhost/x", "DATABASE_URL has a value that does not fit"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:port/x", "DATABASE_URL has a value that does not fit"),
    ],
)
def test_a_wrong_variable_is_told_by_name_and_its_value_is_not(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=re.escape(sentence)) as told:
        load_settings()
    assert "hunter2" not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_list_is_split_at_its_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_CORS_ORIGINS", "https://a.example, http://localhost:3000,")
    assert load_settings().cors_origins == ("https://a.example", "http://localhost:3000")


def test_a_file_is_read_as_the_environment_is(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("APP_POOL_SIZE=7\n")
    assert load_settings().pool_size == 7
    (tmp_path / ".env").write_text("APP_POOL_SISE=7\n")
    with pytest.raises(SettingsError, match="Did you mean APP_POOL_SIZE"):
        load_settings()


@pytest.mark.parametrize("document", [".env.example", "README.md"])
def test_every_setting_is_documented(document: str) -> None:
    text = (BACKEND.parent / document).read_text()
    names = {
        field.validation_alias if isinstance(field.validation_alias, str) else f"APP_{name.upper()}"
        for name, field in Settings.model_fields.items()
    } - {"INIT_CWD"}
    assert {name for name in names if name not in text} == set()


def test_no_secret_is_printed() -> None:
    settings = Settings(DATABASE_URL="postgresql://u:hunter2@h/x", key_secret=SecretStr("hunter2"))
    assert "hunter2" not in repr(settings)
