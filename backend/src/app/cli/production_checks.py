"""The checks of a production start. `deals serve` and `deals dev` require them, `deals doctor` reports them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import OperationalError

from app.config import MIN_SECRET_LENGTH, Settings, SettingsError
from app.db.inspect import ServerFacts, inspect_server
from app.db.migrations import is_compatible
from app.server.launcher import ServerOptions


class UnsafeConfigurationError(Exception):
    """Production cannot start with this configuration. The message has one line per failed check."""


@dataclass(frozen=True, slots=True)
class Check:
    """A rule for the settings and the server options; `message` is reported if it is broken."""

    name: str
    message: str
    passes: Callable[[Settings, ServerOptions], bool]
    blocks_development: bool = False


@dataclass(frozen=True, slots=True)
class DatabaseCheck:
    """A rule for the database server and the role that connects."""

    name: str
    message: str
    passes: Callable[[Settings, ServerOptions, ServerFacts], bool]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check. `message` is for the failed case."""

    name: str
    message: str
    passed: bool
    blocks_development: bool = False


def _max_connections(settings: Settings) -> int:
    """Of a process, which has one pool for reads and one for writes."""
    return 2 * (settings.database_pool_size + settings.database_pool_max_overflow)


def _has_key_secret(settings: Settings) -> bool:
    try:
        settings.require_key_secret()
    except SettingsError:
        return False
    return True


_USE_ROLE: Final = "connect as the role deals_app of docs/roles.sql."

CHECKS: Final = (
    Check(
        "auth mode",
        "AUTH_MODE is not set: choose `writes`, or `off` if anyone may write.",
        lambda settings, _: settings.auth_mode is not None,
    ),
    Check(
        "key secret",
        f"AUTH_MODE is `writes`, and APP_AUTH_KEY_SECRET has fewer than {MIN_SECRET_LENGTH} characters.",
        lambda settings, _: not settings.write_auth_enabled or _has_key_secret(settings),
        blocks_development=True,
    ),
    Check(
        "log level",
        "APP_LOG_LEVEL is DEBUG, which logs more than production logs should contain.",
        lambda settings, _: settings.log_level != "DEBUG",
    ),
    Check(
        "reload",
        "`deals dev` restarts whenever a file changes: use `deals serve`.",
        lambda _, options: not options.reload,
    ),
    Check(
        "database url",
        "DATABASE_URL is not set, and the other databases are for development.",
        lambda settings, _: settings.database_url is not None,
    ),
)
DATABASE_CHECKS: Final = (
    DatabaseCheck(
        "not a superuser",
        f"The database role is a superuser: {_USE_ROLE}",
        lambda _settings, _options, facts: not facts.is_superuser,
    ),
    DatabaseCheck(
        "not the owner",
        f"The database role owns tables, or is a member of the role that does: {_USE_ROLE}",
        lambda _settings, _options, facts: not facts.owns_tables,
    ),
    DatabaseCheck(
        "no right to create",
        f"The database role can create tables in the schema: {_USE_ROLE}",
        lambda _settings, _options, facts: not facts.can_create,
    ),
    DatabaseCheck(
        "fsync",
        "fsync is off: a crash of the machine would destroy the database.",
        lambda _settings, _options, facts: facts.fsync,
    ),
    DatabaseCheck(
        "full_page_writes",
        "full_page_writes is off: a crash of the machine could leave torn pages.",
        lambda _settings, _options, facts: facts.full_page_writes,
    ),
    DatabaseCheck(
        "synchronous_commit",
        "synchronous_commit is off: a crash would lose acknowledged writes.",
        lambda _settings, _options, facts: facts.synchronous_commit != "off",
    ),
    DatabaseCheck(
        "migrations",
        "The schema is older than this version: run `deals migrate`.",
        lambda _settings, _options, facts: is_compatible(facts.revision),
    ),
    DatabaseCheck(
        "connections",
        "The two pools of each worker may need more connections than the server, the role and the database allow: lower"
        " APP_DATABASE_POOL_SIZE, APP_DATABASE_POOL_MAX_OVERFLOW or the number of workers. (A deployment with"
        " --reuse-port briefly needs twice as many.)",
        lambda settings, options, facts: options.workers * _max_connections(settings) <= facts.max_connections,
    ),
)


def run_checks(settings: Settings, options: ServerOptions, *, url: str | None) -> Iterator[CheckResult]:
    """The result of every check; those of the database only if there is a `url` and it is reachable."""
    for check in CHECKS:
        yield CheckResult(check.name, check.message, check.passes(settings, options), check.blocks_development)
    if url is None:
        return
    try:
        facts = inspect_server(url)
    except OperationalError:
        yield CheckResult("database", "The database is not reachable.", passed=False, blocks_development=True)
        return
    problem = facts.encoding_problem
    yield CheckResult("encoding and locale", problem or "", passed=problem is None, blocks_development=True)
    for database_check in DATABASE_CHECKS:
        passed = database_check.passes(settings, options, facts)
        yield CheckResult(database_check.name, database_check.message, passed)


def require_production_ready(settings: Settings, options: ServerOptions) -> None:
    """Raise UnsafeConfigurationError, with the messages of all failed checks, unless every check passes."""
    url = settings.database_url
    results = run_checks(settings, options, url=url.get_secret_value() if url else None)
    messages = [result.message for result in results if not result.passed]
    if messages:
        raise UnsafeConfigurationError("\n  ".join(["Production cannot start with this configuration:", *messages]))
