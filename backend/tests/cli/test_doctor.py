"""What production refuses to start on, each on a real server that is safe otherwise."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from pydantic import SecretStr

from app.cli.doctor import CHECKS, DATABASE_CHECKS, UnsafeConfigurationError, require_production_ready, run_checks
from app.config import AuthMode, Environment, Settings
from app.server.launcher import ServerOptions
from tests.support.api_keys import SECRET
from tests.support.production_database import Guarded

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Unsafe:
    """One thing that is not as it should be, and the checks that must find it."""

    found: set[str]
    settings: dict[str, Any] = field(default_factory=dict)
    serving: dict[str, Any] = field(default_factory=dict)
    statement: str = "SELECT 1"
    undo: str = "SELECT 1"
    server: dict[str, str] = field(default_factory=dict)


_OWNER: Final = "GRANT deals_owner TO deals_app WITH INHERIT FALSE"
_BOSS: Final = {"not a superuser", "not the owner", "no right to create"}
_AT: Final = "CREATE TABLE kept AS TABLE alembic_version; UPDATE alembic_version SET version_num = '{}'"
_BACK: Final = "UPDATE alembic_version SET version_num = kept.version_num FROM kept; DROP TABLE kept"
UNSAFE: Final = {
    "newer schema": Unsafe(set(), {}, {}, _AT.format("of a newer version"), _BACK),
    "auth unsaid": Unsafe({"auth mode"}, {"auth_mode": None}),
    "no secret": Unsafe({"key secret"}, {"auth_key_secret": None}),
    "short secret": Unsafe({"key secret"}, {"auth_key_secret": SecretStr("x" * 31)}),
    "debug": Unsafe({"log level"}, {"log_level": "DEBUG"}),
    "reload": Unsafe({"reload"}, serving={"reload": True}),
    "no database": Unsafe({"database url"}, {"database_url": None}),
    "superuser": Unsafe(_BOSS, {}, {}, "ALTER ROLE deals_app SUPERUSER", "ALTER ROLE deals_app NOSUPERUSER"),
    "owner": Unsafe({"not the owner"}, {}, {}, _OWNER, "REVOKE deals_owner FROM deals_app"),
    "owner of one": Unsafe(
        {"not the owner"}, {}, {}, "ALTER TABLE deals OWNER TO deals_app", "ALTER TABLE deals OWNER TO deals_owner"
    ),
    "creator": Unsafe(
        {"no right to create"},
        {},
        {},
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    ),
    "older schema": Unsafe({"migrations"}, {}, {}, _AT.format("0001"), _BACK),
    "unseen schema": Unsafe(
        {"migrations"},
        {},
        {},
        "REVOKE SELECT ON alembic_version FROM deals_app",
        "GRANT SELECT ON alembic_version TO deals_app",
    ),
    "fsync off": Unsafe({"fsync"}, server={"fsync": "off"}),
    "full_page_writes off": Unsafe({"full_page_writes"}, server={"full_page_writes": "off"}),
    "synchronous_commit off": Unsafe({"synchronous_commit"}, server={"synchronous_commit": "off"}),
    "synchronous_commit local": Unsafe({"synchronous_commit"}, server={"synchronous_commit": "local"}),
    "many workers": Unsafe({"connections"}, serving={"workers": 7}),
    "many connections": Unsafe({"connections"}, {"database_pool_max_overflow": 93}),
}
SAFE: Final = {
    "newer schema": Unsafe(set(), {}, {}, _AT.format("of a newer version"), _BACK),
    "as it is": Unsafe(set()),
    "off, said": Unsafe(set(), {"auth_mode": AuthMode.OFF, "auth_key_secret": None}),
    "as many as there are": Unsafe(set(), {"database_pool_max_overflow": 92}),
    "synchronous_commit remote_write": Unsafe(set(), server={"synchronous_commit": "remote_write"}),
}


@pytest.fixture
def case(request: pytest.FixtureRequest, guarded: Guarded) -> Iterator[Unsafe]:
    case: Unsafe = request.param
    with ExitStack() as stack:
        for name, value in case.server.items():
            stack.enter_context(guarded.set_to(name, value))
        guarded.ask(case.statement)
        yield case
        guarded.ask(case.undo)
        guarded.give_rights()  # whoever has been the owner of a table has lost what was granted before


@pytest.fixture
def safe(guarded: Guarded) -> Settings:
    return Settings(
        database_url=SecretStr(guarded.url("deals_app")),
        auth_mode=AuthMode.WRITES,
        env=Environment.PRODUCTION,
        auth_key_secret=SecretStr(SECRET),
    )


def broken(settings: Settings, serving: ServerOptions, *, url: str | None) -> list[str]:
    return [finding.name for finding in run_checks(settings, serving, url=url) if finding.sentence]


@pytest.mark.parametrize("case", [*UNSAFE.values(), *SAFE.values()], ids=[*UNSAFE, *SAFE], indirect=True)
def test_what_is_unsafe_is_found_and_nothing_else(guarded: Guarded, safe: Settings, case: Unsafe) -> None:
    settings = safe.model_copy(update=case.settings)
    serving = ServerOptions("127.0.0.1", 8000, **case.serving)
    assert set(broken(settings, serving, url=guarded.url("deals_app"))) == case.found


def test_every_check_is_tried() -> None:
    tried: set[str] = set().union(*(case.found for case in UNSAFE.values()))
    assert tried == {check.name for check in (*CHECKS, *DATABASE_CHECKS)}
    sentences = {check.sentence for check in (*CHECKS, *DATABASE_CHECKS)}
    assert len(sentences) == len(tried) >= 12


def test_production_is_refused_with_everything_at_once(guarded: Guarded) -> None:
    unsafe = Settings(
        database_url=SecretStr(guarded.url("super")),
        env=Environment.PRODUCTION,
        log_level="DEBUG",
        database_pool_size=100,
    )
    with pytest.raises(UnsafeConfigurationError) as refused:
        require_production_ready(unsafe, ServerOptions("127.0.0.1", 8000, reload=True))
    heading, *reasons = str(refused.value).splitlines()
    assert heading == "Production refuses to start:"
    sentences: Sequence[str] = [check.sentence for check in (*CHECKS, *DATABASE_CHECKS)]
    named = {"auth mode", "log level", "reload", *_BOSS, "connections"}
    expected = [check.sentence for check in (*CHECKS, *DATABASE_CHECKS) if check.name in named]
    assert [reason.strip() for reason in reasons] == expected
    assert len(reasons) < len(sentences)


def test_without_a_database_url_no_database_is_looked_at(safe: Settings) -> None:
    with pytest.raises(UnsafeConfigurationError) as refused:
        require_production_ready(safe.model_copy(update={"database_url": None}), ServerOptions("127.0.0.1", 8000))
    [reason] = str(refused.value).splitlines()[1:]
    assert reason.strip().startswith("DATABASE_URL is not set")


def test_a_database_that_is_away_is_a_reason_too(safe: Settings) -> None:
    away = "postgresql://deals_app:hunter2@127.0.0.1:1/x"
    with pytest.raises(UnsafeConfigurationError, match="The database does not answer") as refused:
        require_production_ready(
            safe.model_copy(update={"database_url": SecretStr(away)}), ServerOptions("127.0.0.1", 8000)
        )
    assert "hunter2" not in str(refused.value)


def test_what_is_safe_is_not_refused(safe: Settings) -> None:
    require_production_ready(safe, ServerOptions("127.0.0.1", 8000, workers=6))
