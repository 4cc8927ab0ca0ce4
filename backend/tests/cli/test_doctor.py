"""The production checks, each on a real server on which the others pass."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from pydantic import SecretStr

from app.cli.production_checks import (
    CHECKS,
    DATABASE_CHECKS,
    UnsafeConfigurationError,
    require_production_ready,
    run_checks,
)
from app.config import AuthMode, Environment, Settings
from app.server.launcher import ServerOptions
from tests.support.api_keys import SECRET
from tests.support.production_database import ProductionServer

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Case:
    """A change to the safe configuration, and the checks that must fail."""

    failed: set[str]
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    statement: str = "SELECT 1"
    undo: str = "SELECT 1"
    server: dict[str, str] = field(default_factory=dict)


_GRANT_OWNER: Final = "GRANT deals_owner TO deals_app WITH INHERIT FALSE"
_SUPERUSER_CHECKS: Final = {"not a superuser", "not the owner", "no right to create"}
_SET_REVISION: Final = "CREATE TABLE saved AS TABLE alembic_version; UPDATE alembic_version SET version_num = '{}'"
_RESTORE_REVISION: Final = "UPDATE alembic_version SET version_num = saved.version_num FROM saved; DROP TABLE saved"
UNSAFE: Final = {
    "newer schema": Case(set(), {}, {}, _SET_REVISION.format("of a newer version"), _RESTORE_REVISION),
    "auth mode unset": Case({"auth mode"}, {"auth_mode": None}),
    "no secret": Case({"key secret"}, {"auth_key_secret": None}),
    "short secret": Case({"key secret"}, {"auth_key_secret": SecretStr("x" * 31)}),
    "debug": Case({"log level"}, {"log_level": "DEBUG"}),
    "reload": Case({"reload"}, options={"reload": True}),
    "no database": Case({"database url"}, {"database_url": None}),
    "superuser": Case(_SUPERUSER_CHECKS, {}, {}, "ALTER ROLE deals_app SUPERUSER", "ALTER ROLE deals_app NOSUPERUSER"),
    "owner": Case({"not the owner"}, {}, {}, _GRANT_OWNER, "REVOKE deals_owner FROM deals_app"),
    "owner of one": Case(
        {"not the owner"}, {}, {}, "ALTER TABLE deals OWNER TO deals_app", "ALTER TABLE deals OWNER TO deals_owner"
    ),
    "creator": Case(
        {"no right to create"},
        {},
        {},
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    ),
    "older schema": Case({"migrations"}, {}, {}, _SET_REVISION.format("0001"), _RESTORE_REVISION),
    "unseen schema": Case(
        {"migrations"},
        {},
        {},
        "REVOKE SELECT ON alembic_version FROM deals_app",
        "GRANT SELECT ON alembic_version TO deals_app",
    ),
    "fsync off": Case({"fsync"}, server={"fsync": "off"}),
    "full_page_writes off": Case({"full_page_writes"}, server={"full_page_writes": "off"}),
    "synchronous_commit off": Case({"synchronous_commit"}, server={"synchronous_commit": "off"}),
    "many workers": Case({"connections"}, options={"workers": 4}),
    "many connections": Case({"connections"}, {"database_pool_max_overflow": 41}),
}
SAFE: Final = {
    "newer schema": Case(set(), {}, {}, _SET_REVISION.format("of a newer version"), _RESTORE_REVISION),
    "unchanged": Case(set()),
    "auth mode off": Case(set(), {"auth_mode": AuthMode.OFF, "auth_key_secret": None}),
    "as many connections as allowed": Case(set(), {"database_pool_max_overflow": 40}),
    "synchronous_commit local": Case(set(), server={"synchronous_commit": "local"}),
    "synchronous_commit remote_write": Case(set(), server={"synchronous_commit": "remote_write"}),
}


@pytest.fixture
def case(request: pytest.FixtureRequest, production: ProductionServer) -> Iterator[Case]:
    case: Case = request.param
    with ExitStack() as stack:
        for name, value in case.server.items():
            stack.enter_context(production.override(name, value))
        production.execute(case.statement)
        yield case
        production.execute(case.undo)
        production.grant_privileges()  # a role that owned a table has lost its grants


@pytest.fixture
def safe(production: ProductionServer) -> Settings:
    return Settings(
        database_url=SecretStr(production.url("deals_app")),
        auth_mode=AuthMode.WRITES,
        env=Environment.PRODUCTION,
        auth_key_secret=SecretStr(SECRET),
    )


def failed_checks(settings: Settings, options: ServerOptions, *, url: str | None) -> list[str]:
    return [result.name for result in run_checks(settings, options, url=url) if not result.passed]


@pytest.mark.parametrize("case", [*UNSAFE.values(), *SAFE.values()], ids=[*UNSAFE, *SAFE], indirect=True)
def test_checks_find_exactly_the_unsafe_change(production: ProductionServer, safe: Settings, case: Case) -> None:
    settings = safe.model_copy(update=case.settings)
    options = ServerOptions("127.0.0.1", 8000, **case.options)
    assert set(failed_checks(settings, options, url=production.url("deals_app"))) == case.failed


def test_every_check_has_a_case_and_a_message_of_its_own() -> None:
    names: set[str] = set().union(*(case.failed for case in UNSAFE.values()))
    assert names == {check.name for check in (*CHECKS, *DATABASE_CHECKS)}
    messages = {check.message for check in (*CHECKS, *DATABASE_CHECKS)}
    assert len(messages) == len(names) >= 12


def test_error_lists_all_failed_checks(production: ProductionServer) -> None:
    unsafe = Settings(
        database_url=SecretStr(production.url("super")),
        env=Environment.PRODUCTION,
        log_level="DEBUG",
        database_pool_size=100,
    )
    with pytest.raises(UnsafeConfigurationError) as error:
        require_production_ready(unsafe, ServerOptions("127.0.0.1", 8000, reload=True))
    heading, *reasons = str(error.value).splitlines()
    assert heading == "Production cannot start with this configuration:"
    failed = {"auth mode", "log level", "reload", *_SUPERUSER_CHECKS, "connections"}
    expected = [check.message for check in (*CHECKS, *DATABASE_CHECKS) if check.name in failed]
    assert [reason.strip() for reason in reasons] == expected


def test_database_is_not_checked_without_database_url(safe: Settings) -> None:
    with pytest.raises(UnsafeConfigurationError) as error:
        require_production_ready(safe.model_copy(update={"database_url": None}), ServerOptions("127.0.0.1", 8000))
    [reason] = str(error.value).splitlines()[1:]
    assert reason.strip().startswith("DATABASE_URL is not set")


def test_unreachable_database_is_a_reason(safe: Settings) -> None:
    unreachable = "postgresql://deals_app:hunter2@127.0.0.1:1/x"
    with pytest.raises(UnsafeConfigurationError, match="The database is not reachable") as error:
        require_production_ready(
            safe.model_copy(update={"database_url": SecretStr(unreachable)}), ServerOptions("127.0.0.1", 8000)
        )
    assert "hunter2" not in str(error.value)


def test_safe_configuration_is_accepted(safe: Settings) -> None:
    require_production_ready(safe, ServerOptions("127.0.0.1", 8000, workers=3))
